"""Every program that the sandbox runs: where it is pinned, how it is built, which one on PATH is as good."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

from sandbox.toolchain.cache import ToolchainError

Version: TypeAlias = tuple[int, int, int]

MODULES = Path(__file__).parent / "modules"


@dataclass(frozen=True)
class OnPath:
    """Which program of this name on PATH may be used instead of building one.

    `arguments` make it print its version, which the groups of `pattern` find. `fits(found, pinned)` decides;
    `wanted(pinned)` says what would fit.
    """

    arguments: tuple[str, ...]
    pattern: str
    fits: Callable[[Version, Version], bool]
    wanted: Callable[[Version], str]


@dataclass(frozen=True)
class Program:
    """A program built from a pinned Go module.

    `module` is the folder of the go.mod; `package` is what `go build` builds there and `pinned_by` the module
    whose required version is the program's. `stamps` are the variables that the linker sets; `{version}`,
    `{major}` and `{minor}` are filled in. `script` is a shell script in that folder that builds in place of
    `go build`; its arguments are the file to write and the version. `minutes` is a cold build on two cores.
    With `released_as` the version is that of an installed Python package, as whose plugin it is asked for.
    """

    name: str
    module: Path
    package: str
    pinned_by: str
    minutes: float
    stamps: tuple[tuple[str, str], ...] = ()
    on_path: OnPath | None = None
    script: str | None = None
    released_as: str | None = None

    @property
    def version(self) -> Version:
        """The version to build. Raises ToolchainError, and ValueError for a go.mod that does not name it."""
        if self.released_as is None:
            return pinned_version(self.module, self.pinned_by)
        try:
            return parse_version(metadata.version(self.released_as))
        except metadata.PackageNotFoundError:
            raise ToolchainError(
                f"{self.released_as}, which {self.name} is the plugin of, is not installed"
            ) from None


@dataclass(frozen=True)
class ModuleFiles:
    """Files that a pinned Go module carries, kept beside the programs so that they outlive the module cache.

    `module` is the folder of the go.mod, `go_module` the module it requires; `paths` are files or folders
    in that module, kept under the same relative paths.
    """

    name: str
    module: Path
    go_module: str
    paths: tuple[str, ...] = field(default=())

    @property
    def version(self) -> Version:
        """The version that the go.mod requires. Raises ValueError."""
        return pinned_version(self.module, self.go_module)


Artefact: TypeAlias = Program | ModuleFiles


def parse_version(text: str) -> Version:
    """Read `v1.36.3`, `3.259.0` or `1.26` (suffixes do not count). Raises ValueError."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    if match is None:
        raise ValueError(f"{text!r} is not a version")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def show_version(version: Version) -> str:
    """Write a version as people do."""
    return ".".join(map(str, version))


def pinned_version(module: Path, go_module: str) -> Version:
    """Tell which version of a Go module a go.mod requires. Raises ValueError."""
    text = (module / "go.mod").read_text()
    match = re.search(rf"^\s*(?:require\s+)?{re.escape(go_module)}\s+(v\S+)", text, re.MULTILINE)
    if match is None:
        raise ValueError(f"{module / 'go.mod'}: {go_module} is not required there")
    return parse_version(match[1])


def go_directive(module: Path) -> Version:
    """Tell which version of Go a go.mod wants at least. Raises ValueError."""
    match = re.search(r"^go\s+(\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise ValueError(f"{module / 'go.mod'}: no go directive")
    return parse_version(match[1])


def _same_minor(arguments: tuple[str, ...], pattern: str) -> OnPath:
    return OnPath(
        arguments,
        pattern,
        fits=lambda found, pinned: found[:2] == pinned[:2],
        wanted=lambda pinned: f"{pinned[0]}.{pinned[1]}",
    )


_NUMBER = r"v?(\d+\.\d+\.\d+)"
_KUBERNETES = "k8s.io/kubernetes"
_KUBERNETES_STAMPS = tuple(
    (f"k8s.io/{package}.{variable}", value)
    for package in ("component-base/version", "client-go/pkg/version")
    for variable, value in (
        ("gitVersion", "v{version}"),
        ("gitMajor", "{major}"),
        ("gitMinor", "{minor}"),
        ("gitTreeState", "clean"),
    )
)


def _kubernetes(name: str, minutes: float, on_path: OnPath) -> Program:
    return Program(
        name,
        module=MODULES / "kubernetes",
        package=f"{_KUBERNETES}/cmd/{name}",
        pinned_by=_KUBERNETES,
        minutes=minutes,
        stamps=_KUBERNETES_STAMPS,
        on_path=on_path,
    )


def _control_plane(name: str, minutes: float) -> Program:
    return _kubernetes(name, minutes, _same_minor(("--version",), rf"Kubernetes {_NUMBER}"))


_ARTEFACTS: tuple[Artefact, ...] = (
    Program(
        "etcd",
        module=MODULES / "kubernetes",
        package="go.etcd.io/etcd/server/v3",
        pinned_by="go.etcd.io/etcd/server/v3",
        minutes=1,  # the first one: it compiles what the others share
        on_path=_same_minor(("--version",), rf"etcd Version: {_NUMBER}"),
    ),
    _control_plane("kube-apiserver", 3),
    _control_plane("kube-controller-manager", 1),
    _control_plane("kube-scheduler", 0.5),
    _kubernetes(
        "kubectl",
        0.5,
        # https://kubernetes.io/releases/version-skew-policy/#kubectl; newer ones than that allows do work.
        OnPath(
            ("version", "--client"),
            rf"Client Version: {_NUMBER}",
            fits=lambda found, pinned: found[0] == pinned[0] and found[1] >= pinned[1] - 1,
            wanted=lambda pinned: f"{pinned[0]}.{pinned[1] - 1} or newer",
        ),
    ),
    Program(
        "kwok",
        module=MODULES / "kwok",
        package="sigs.k8s.io/kwok/cmd/kwok",
        pinned_by="sigs.k8s.io/kwok",
        minutes=1.5,
        on_path=_same_minor(("--version",), rf"kwok version {_NUMBER}"),
    ),
    ModuleFiles(
        "kwok-stages",
        module=MODULES / "kwok",
        go_module="sigs.k8s.io/kwok",
        paths=(
            "kustomize/stage/node/fast",
            "kustomize/stage/node/heartbeat",
            "kustomize/stage/pod/fast",
        ),
    ),
    ModuleFiles(
        "calico-crds",
        module=MODULES / "calico",
        go_module="github.com/projectcalico/calico",
        paths=("libcalico-go/config/crd",),
    ),
    ModuleFiles(
        "admin-network-policy-crds",
        module=MODULES / "admin-network-policy",
        go_module="sigs.k8s.io/network-policy-api",
        paths=("config/crd/experimental",),
    ),
    ModuleFiles(
        "cluster-network-policy-crds",
        module=MODULES / "cluster-network-policy",
        go_module="sigs.k8s.io/network-policy-api",
        paths=("config/crd/standard",),
    ),
    Program(
        "pulumi",
        module=MODULES / "pulumi",
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        pinned_by="github.com/pulumi/pulumi/pkg/v3",
        minutes=4,
        stamps=(("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", "{version}"),),
        on_path=OnPath(
            ("version",),
            rf"^{_NUMBER}",
            fits=lambda found, pinned: found[0] == pinned[0] and found >= pinned,
            wanted=lambda pinned: f"{show_version(pinned)} or newer, below {pinned[0] + 1}",
        ),
    ),
    Program(
        "pulumi-resource-github",
        module=MODULES / "github",
        package="./cmd/pulumi-resource-github",
        pinned_by="github.com/integrations/terraform-provider-github/v6",
        minutes=2,
        script="build.sh",
        released_as="pulumi-github",
    ),
    Program(
        "cyclonus",
        module=MODULES / "cyclonus",
        package="github.com/mattfenwick/cyclonus/cmd/cyclonus",
        pinned_by="github.com/mattfenwick/cyclonus",
        minutes=1,
    ),
)

CATALOGUE: dict[str, Artefact] = {artefact.name: artefact for artefact in _ARTEFACTS}
