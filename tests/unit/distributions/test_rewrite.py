"""First-party imports of a wheel."""

import pytest

from distributions.rewrite import RewriteError, rewritten


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from model import names\n", "from gpu_tenancy.model import names\n"),
        (
            "from kube.config.read import (\n    a,\n)\n",
            "from gpu_tenancy.kube.config.read import (\n    a,\n)\n",
        ),
        ("import model\n", "from gpu_tenancy import model\n"),
        ("import model as m  # why\n", "from gpu_tenancy import model as m  # why\n"),
        ("def f():\n    from model import csr\n", "def f():\n    from gpu_tenancy.model import csr\n"),
        ("é = 1; from model import csr\n", "é = 1; from gpu_tenancy.model import csr\n"),
        ("from pulumi import automation\n", "from pulumi import automation\n"),
        ("from .model import x\nimport modeling\n", "from .model import x\nimport modeling\n"),
        ('"""\nfrom model import x\n"""\n', '"""\nfrom model import x\n"""\n'),
    ],
)
def test_rewritten(source: str, expected: str) -> None:
    assert rewritten(source) == expected


@pytest.mark.parametrize("source", ["import os\nimport model.names\n", "\nimport model, os\n"])
def test_what_is_not_rewritten_is_refused(source: str) -> None:
    with pytest.raises(RewriteError, match=r"m\.py:2: write 'from"):
        rewritten(source, name="m.py")
