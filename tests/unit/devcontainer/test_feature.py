"""The Feature's files."""

import json
from pathlib import Path

FEATURE = Path(__file__).parents[3] / "devcontainer" / "src" / "tenancy"


def test_both_pins_are_sha256() -> None:
    lines = (FEATURE / "install.sh").read_text().splitlines()
    pins = [line.partition("=")[2] for line in lines if line.startswith("SHA256_")]
    assert len(set(pins)) == 2
    assert all(len(bytes.fromhex(pin)) == 32 for pin in pins)


def test_the_hooks_never_stop_other_hooks() -> None:
    feature = json.loads((FEATURE / "devcontainer-feature.json").read_text())
    assert feature["id"] == FEATURE.name
    for hook in ("postStartCommand", "postAttachCommand"):
        assert feature[hook] == "tenancy-kubeconfig || true"
