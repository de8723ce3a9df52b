"""Whatever the files hold, load gives a stack or a report: no other error, and none without a place."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model import InvalidConfiguration, load, strict_yaml
from tests.unit.model import corpus

ROOT = Path(__file__).parents[3]
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**17, "", " ", "a", "A b", "1Gi", "0.0.0.0/0", "::/0", "x" * 3000),
    *([], {}, [None], [[]], [{}], {"a": None}, {"a": {}}, {"": ""}, [1, 2], ["a", "a"], {"a": "b"}),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzz")
    (root / "tenants/test").mkdir(parents=True)
    return root


def attempt(root: Path, tenant: bytes, config: bytes) -> None:
    (root / "tenants/test/vision.yaml").write_bytes(tenant)
    (root / "Pulumi.test.yaml").write_bytes(config)
    try:
        load(root, "test")
    except InvalidConfiguration as error:
        assert error.problems
        assert all(problem.message and problem.file for problem in error.problems)


def changed(data: Any, chance: random.Random) -> Any:
    """The data with junk in one random place."""
    result: Any = copy.copy(data)
    keys: list[Any] = list(result) if isinstance(data, dict) else []
    keys += range(len(result)) if isinstance(data, list) else []
    if not keys or chance.random() > 0.85:
        return chance.choice(JUNK)
    key = chance.choice(keys)
    result[key] = changed(result[key], chance)
    return result


def sample(path: str) -> dict[str, object]:
    return strict_yaml.read(ROOT / path, ROOT).data


TENANT = sample("tenants/gpu/vision.yaml") | {
    "service_accounts": {"a": {"role": "viewer"}},
    "adopt": {"namespace": True},
}
CLUSTER = sample("Pulumi.gpu.yaml")


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_junk_in_any_value_of_a_tenant(root: Path, seed: int):
    attempt(root, dumped(changed(TENANT, random.Random(seed))), dumped(CLUSTER))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_junk_in_any_value_of_a_cluster(root: Path, seed: int):
    attempt(root, dumped(TENANT), dumped(changed(CLUSTER, random.Random(seed))))


@settings(deadline=None, max_examples=40)
@given(content=st.binary(max_size=200))
@example(content=b"\xef\xbb\xbfname: a")
@example(content=b"{" * 1000)
@example(content=b"- " * 1000)
@example(content=b"a: |\n\t- b")
@example(content=b"? ")
@example(content=b"&a [*a]")
def test_any_bytes(root: Path, content: bytes):
    attempt(root, content, (corpus.FOLDER / "Pulumi.test.yaml").read_bytes())
    attempt(root, b"name: vision\n", content)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_bytes_changed_in_a_good_file(root: Path, seed: int):
    chance = random.Random(seed)
    content = bytearray((ROOT / "tenants/gpu/vision.yaml").read_bytes())
    for _ in range(chance.randint(1, 5)):
        content[chance.randrange(len(content))] = chance.choice(b"\x00\t\n:-[]{}#&*!|>'\"%@`?,0aA\xff")
    attempt(root, bytes(content), dumped(CLUSTER))


def dumped(data: Any) -> bytes:
    return pyyaml.safe_dump(data, allow_unicode=True).encode()
