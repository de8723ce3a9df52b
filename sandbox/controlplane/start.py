"""Start the control plane, or whatever of it does not run as it should."""

from collections.abc import Iterable
from pathlib import Path

from kube import Client, cluster_access, private_files
from sandbox.controlplane import policies
from sandbox.controlplane.commands import PORTS, PROGRAMS, ControlPlane
from sandbox.controlplane.nodes import Pools
from sandbox.controlplane.objects import (
    apply_crds,
    apply_kwok_role,
    apply_nodes,
    read_crds,
    wait_for_cluster,
)
from sandbox.controlplane.settings import Settings
from sandbox.layout import Layout
from sandbox.ports import Ports
from sandbox.processes import ProcessError, Processes, Spec
from sandbox.toolchain.progress import Progress

TOOLS: tuple[str, ...] = (*PROGRAMS, "kwok-stages", *policies.ARTEFACTS, "kubectl")
STOP_ORDER = (("kwok", "kube-scheduler", "kube-controller-manager"), ("kube-apiserver",), ("etcd",))
TIMEOUT = 120.0  # seconds for each step; only a very busy machine needs so long


def assemble(
    layout: Layout, tools: dict[str, Path], settings: Settings, processes: Processes
) -> ControlPlane:
    """Settle ports, keys, kubeconfigs and kwok's stages."""
    owners = {name: name.removesuffix("-peer") for name in PORTS}
    wanted = {name: processes.running(owner) is not None for name, owner in owners.items()}
    ports = Ports(layout.run / "ports.json").settle(wanted)
    plane = ControlPlane(layout, tools, ports, settings)
    plane.pki.ensure()
    plane.write_kubeconfigs()
    stages = [path.read_text() for path in sorted(tools["kwok-stages"].rglob("*.yaml")) if _is_stage(path)]
    private_files.write(plane.stages, "\n---\n".join(stages).encode())
    return plane


def start(
    plane: ControlPlane, pools: Pools, crds: Iterable[Path], processes: Processes, progress: Progress
) -> None:
    """Start what is not running, or runs with other options, and wait until the cluster can be used.

    Raises ProcessError, ObjectsError or a KubeError.
    """
    specs = plane.specs()
    try:
        started = run(processes, [specs["etcd"]], progress)
    except ProcessError as error:
        raise ProcessError(
            f"{error}\nWhere its data was damaged, as a power cut may do: remove {plane.layout.etcd} (the "
            "cluster's objects go with it), run up again, then pulumi up --refresh"
        ) from None
    started += run(processes, [specs["kube-apiserver"]], progress)
    if started:
        # Their watches would come back, but each after a pause that has grown meanwhile, up to a minute.
        processes.stop([name for name in STOP_ORDER[0] if processes.running(name)])
    client = Client(cluster_access(plane.layout.kubeconfig))
    try:
        apply_kwok_role(client)
        apply_nodes(client, pools)
        # Before the controllers: those look for new kinds twice a minute only, and count no quota meanwhile.
        apply_crds(client, [*policies.crds(plane.programs), *read_crds(crds)], TIMEOUT)
        run(processes, [specs[name] for name in PROGRAMS[2:]], progress)
        wait_for_cluster(client, pools, TIMEOUT)
    finally:
        client.close()


def run(processes: Processes, specs: list[Spec], progress: Progress) -> list[str]:
    """Have these processes running as their specs say, and healthy. Returns the names of those started."""
    started: list[str] = []
    for spec in specs:
        record = processes.running(spec.name)
        if record and record.fingerprint == spec.fingerprint():
            continue
        if record:
            progress.note(f"restarting {spec.name}: its options, program or keys have changed")
            processes.stop([spec.name])
        elif processes.record(spec.name):
            progress.note(f"{spec.name} had ended; starting it again")
        processes.start(spec)
        started.append(spec.name)
    processes.wait(specs, TIMEOUT)
    return started


def _is_stage(path: Path) -> bool:
    return path.name != "kustomization.yaml" and "testdata" not in path.parts
