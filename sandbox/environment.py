"""The environment in which plain `pulumi`, `kubectl` and `tenancy` work on the sandbox."""

import json
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from sandbox.layout import Layout
from sandbox.plugins.official import STAND_IN_MARKER, is_sandbox_home
from sandbox.ports import Ports

GITHUB_OWNER = "acme"


def variables(layout: Layout, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Make the variables; PATH is that of `environment` (os.environ) with ours in front."""
    inherited = os.environ if environment is None else environment
    ours = [str(layout.bin), str(Path(sys.executable).parent)]
    rest = [each for each in inherited.get("PATH", os.defpath).split(os.pathsep) if each not in ours]
    values = {
        "PATH": os.pathsep.join([*ours, *rest]),
        "KUBECONFIG": str(layout.kubeconfig),
        "PULUMI_BACKEND_URL": backend_url(layout.state),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(layout.passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if _uses_stand_ins(layout):
        values["PULUMI_HOME"] = str(layout.pulumi_home)
    if "SANDBOX_DIR" in inherited:
        values["SANDBOX_DIR"] = str(layout.root)
    return values | _github(layout)


def unset(layout: Layout, environment: Mapping[str, str] | None = None) -> list[str]:
    """Tell which variables of `environment` (os.environ) must go."""
    inherited = os.environ if environment is None else environment
    # It would win over the passphrase file: https://www.pulumi.com/docs/iac/cli/environment-variables/
    names = ["PULUMI_CONFIG_PASSPHRASE"]
    # Of a sandbox that had stand-ins when the shell was told: official plugins are in the user's own home.
    left_over = is_sandbox_home(inherited.get("PULUMI_HOME")) and not _uses_stand_ins(layout)
    return [*names, "PULUMI_HOME"] if left_over else names


def backend_url(folder: Path) -> str:
    """The address of a Pulumi backend in a folder.

    Without the files of metadata that are else written beside each state: they are not written in one step,
    and a run that is killed while it writes one leaves a state that cannot be read ("failed to load
    checkpoint: EOF"; gocloud.dev/blob/fileblob, `setAttrs`). The state itself is.
    """
    return f"file://{folder}?metadata=skip"


def complete(layout: Layout) -> dict[str, str]:
    """Make the whole environment for a program: this process's, with the sandbox's variables."""
    names = unset(layout)
    return {name: value for name, value in os.environ.items() if name not in names} | variables(layout)


def as_exports(values: Mapping[str, str], unset: Iterable[str] = ()) -> str:
    """Write variables as lines for a POSIX shell."""
    lines = [f"unset {name}" for name in unset]
    return "\n".join([*lines, *(f"export {name}={shlex.quote(value)}" for name, value in values.items())])


def _uses_stand_ins(layout: Layout) -> bool:
    return (layout.pulumi_home / STAND_IN_MARKER).exists()


def _github(layout: Layout) -> dict[str, str]:
    port = Ports(layout.run / "ports.json").all().get("github")
    try:
        token = str(json.loads((layout.github / "tokens.json").read_text())["admin"])
    except (OSError, ValueError, KeyError):
        return {}
    base = {"GITHUB_BASE_URL": f"http://127.0.0.1:{port}/"} if port else {}
    return {**base, "GITHUB_OWNER": GITHUB_OWNER, "GITHUB_TOKEN": token}
