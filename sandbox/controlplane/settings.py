"""The options of a control plane, remembered from one `up` to the next."""

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml

from kube import private_files
from sandbox.controlplane.nodes import DEFAULT_POOLS, Pools, read_pools
from sandbox.layout import Layout

_DURATION = re.compile(r"(?=.)(\d+h)?(\d+m)?(\d+s)?")


class SettingsError(ValueError):
    """An option that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """`client_signer`: whether kubernetes.io/kube-apiserver-client certificates are signed (EKS signs none).

    `signing_duration`: how long a signed certificate is valid at most, as Go writes durations (`8760h`).
    """

    client_signer: bool = True
    signing_duration: str = "8760h"


def remembered(
    layout: Layout, *, client_signer: bool | None = None, signing_duration: str | None = None
) -> Settings:
    """Tell the options of this sandbox and remember those that were given. Raises SettingsError."""
    path = layout.run / "control-plane.json"
    try:
        settings = Settings(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        settings = Settings()
    if client_signer is not None:
        settings = replace(settings, client_signer=client_signer)
    if signing_duration is not None:
        if not _DURATION.fullmatch(signing_duration):
            raise SettingsError(f"{signing_duration!r} is not a duration like 8760h or 1h30m")
        settings = replace(settings, signing_duration=signing_duration)
    private_files.write(path, json.dumps(asdict(settings), indent=2).encode())
    return settings


def remembered_pools(layout: Layout, given: Path | None = None) -> Pools:
    """Tell the pools of fake nodes: of the file given now or at an earlier `up`, else the default ones."""
    path = layout.run / "pools.yaml"
    if given is not None:
        pools = read_pools(given)
        private_files.write(path, yaml.safe_dump(pools.model_dump(mode="json"), sort_keys=False).encode())
        return pools
    return read_pools(path) if path.exists() else DEFAULT_POOLS
