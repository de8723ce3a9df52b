"""The command lines of the control plane's processes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.controlplane.health import https_check
from sandbox.controlplane.kubeconfig import write_kubeconfig
from sandbox.controlplane.nodes import FAKE_NODE
from sandbox.controlplane.pki import Pki
from sandbox.controlplane.settings import Settings
from sandbox.layout import Layout
from sandbox.processes import Spec

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
PORTS = (*PROGRAMS, "etcd-peer")

_SERVICE_RANGE = "10.96.0.0/16"
_POD_RANGE = "10.244.0.0/16"
_ISSUER = "https://kubernetes.default.svc.cluster.local"

# Beside those that are on by default. The last one lets a pod that asks for nvidia.com/gpu onto nodes with
# a taint of that key, as managed clusters do:
# https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#extendedresourcetoleration
_ADMISSION = ("LimitRanger", "PodSecurity", "ResourceQuota", "ExtendedResourceToleration")


@dataclass(frozen=True)
class ControlPlane:
    """The processes of one control plane: where its files are, its programs, its ports, its options."""

    layout: Layout
    programs: Mapping[str, Path]
    ports: Mapping[str, int]
    settings: Settings

    @property
    def pki(self) -> Pki:
        """Its keys and certificates."""
        return Pki(self.layout.pki)

    @property
    def server(self) -> str:
        """The URL of its API server."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def stages(self) -> Path:
        """What kwok does with nodes and pods."""
        return self.layout.run / "kwok-stages.yaml"

    def write_kubeconfigs(self) -> None:
        """Write the administrator's kubeconfig and those of the components."""
        ca = self.pki.pair("ca").certificate
        for path, user, pair in (
            (self.layout.kubeconfig, "sandbox-admin", "admin"),
            *((self._kubeconfig(name), name, name) for name in PROGRAMS[2:]),
        ):
            write_kubeconfig(path, server=self.server, ca=ca, user=user, pair=self.pki.pair(pair))

    def specs(self) -> dict[str, Spec]:
        """Tell how each process is run."""
        specs = (
            self._etcd(),
            self._api_server(),
            self._controller_manager(),
            self._scheduler(),
            self._kwok(),
        )
        return {spec.name: spec for spec in specs}

    def _etcd(self) -> Spec:
        pair, ca = self.pki.pair("etcd"), self.pki.pair("etcd-ca").certificate
        client = f"https://127.0.0.1:{self.ports['etcd']}"
        peer = f"https://127.0.0.1:{self.ports['etcd-peer']}"
        flags = {
            "name": "sandbox",
            "data-dir": self.layout.etcd,
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"sandbox={peer}",
            "unsafe-no-fsync": "true",  # a throw-away: speed before surviving a power cut
            "log-level": "warn",
        }
        for prefix in ("", "peer-"):
            flags |= {
                f"{prefix}cert-file": pair.certificate,
                f"{prefix}key-file": pair.key,
                f"{prefix}trusted-ca-file": ca,
                f"{prefix}client-cert-auth": "true",
            }
        healthy = https_check(f"{client}/health", ca=ca, client=self.pki.pair("etcd-client"))
        return self._spec("etcd", flags, healthy, pair.certificate)

    def _api_server(self) -> Spec:
        pki = self.pki
        pair, ca, etcd = pki.pair("kube-apiserver"), pki.pair("ca").certificate, pki.pair("etcd-client")
        flags = {
            "bind-address": "127.0.0.1",
            "secure-port": self.ports["kube-apiserver"],
            "advertise-address": "127.0.0.1",
            # Endpoints may not be loopback addresses, so the service `kubernetes` stays without any.
            "endpoint-reconciler-type": "none",
            "tls-cert-file": pair.certificate,
            "tls-private-key-file": pair.key,
            "client-ca-file": ca,
            "requestheader-client-ca-file": pki.pair("front-proxy-ca").certificate,
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "anonymous-auth": "false",
            "authorization-mode": "RBAC",
            "allow-privileged": "true",
            "enable-admission-plugins": ",".join(_ADMISSION),
            "etcd-servers": f"https://127.0.0.1:{self.ports['etcd']}",
            "etcd-cafile": pki.pair("etcd-ca").certificate,
            "etcd-certfile": etcd.certificate,
            "etcd-keyfile": etcd.key,
            "service-cluster-ip-range": _SERVICE_RANGE,
            "service-account-issuer": _ISSUER,
            "service-account-signing-key-file": pki.service_account_key,
            "service-account-key-file": pki.service_account_public_key,
            "profiling": "false",
        }
        healthy = https_check(f"{self.server}/readyz", ca=ca, client=pki.pair("admin"))
        return self._spec(
            "kube-apiserver", flags, healthy, pair.certificate, ca, pki.service_account_public_key
        )

    def _controller_manager(self) -> Spec:
        pki, ca = self.pki, self.pki.pair("ca")
        flags = {
            **self._client_flags("kube-controller-manager"),
            "use-service-account-credentials": "true",
            "service-account-private-key-file": pki.service_account_key,
            "root-ca-file": ca.certificate,
            "service-cluster-ip-range": _SERVICE_RANGE,
            "cluster-signing-duration": self.settings.signing_duration,
            # Of fake nodes a late heartbeat says only that this machine is busy.
            "node-monitor-grace-period": "10m",
        }
        # Named for one signer, the files leave the others, kube-apiserver-client among them, without.
        signer = "cluster-signing" if self.settings.client_signer else "cluster-signing-kubelet-serving"
        flags |= {f"{signer}-cert-file": ca.certificate, f"{signer}-key-file": ca.key}
        return self._spec(
            "kube-controller-manager",
            flags,
            self._component_check("kube-controller-manager"),
            self._kubeconfig("kube-controller-manager"),
            ca.certificate,
            self.pki.pair("loopback").certificate,
        )

    def _scheduler(self) -> Spec:
        return self._spec(
            "kube-scheduler",
            self._client_flags("kube-scheduler"),
            self._component_check("kube-scheduler"),
            self._kubeconfig("kube-scheduler"),
            self.pki.pair("loopback").certificate,
        )

    def _kwok(self) -> Spec:
        pair, port = self.pki.pair("loopback"), self.ports["kwok"]
        flags = {
            "kubeconfig": self._kubeconfig("kwok"),
            "config": self.stages,
            "manage-nodes-with-annotation-selector": "=".join(FAKE_NODE),
            # No leases: a kwok that was started again would wait for those of the one before to run out.
            "node-lease-duration-seconds": 0,
            "cidr": _POD_RANGE,
            # As the nodes' kubelet it answers `kubectl logs` at once instead of leaving people to wait.
            "node-ip": "127.0.0.1",
            "node-port": port,
            "server-address": f"127.0.0.1:{port}",
            "tls-cert-file": pair.certificate,
            "tls-private-key-file": pair.key,
        }
        return self._spec(
            "kwok",
            flags,
            self._component_check("kwok"),
            self._kubeconfig("kwok"),
            self.stages,
            pair.certificate,
        )

    def _client_flags(self, name: str) -> dict[str, object]:
        pair, kubeconfig = self.pki.pair("loopback"), self._kubeconfig(name)
        return {
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": "127.0.0.1",
            "secure-port": self.ports[name],
            "tls-cert-file": pair.certificate,
            "tls-private-key-file": pair.key,
            "leader-elect": "false",
            "profiling": "false",
        }

    def _component_check(self, name: str) -> Callable[[], bool]:
        return https_check(
            f"https://127.0.0.1:{self.ports[name]}/healthz", ca=self.pki.pair("ca").certificate
        )

    def _kubeconfig(self, name: str) -> Path:
        return self.layout.pki / f"{name}.kubeconfig"

    def _spec(
        self, name: str, flags: Mapping[str, object], healthy: Callable[[], bool], *inputs: Path
    ) -> Spec:
        argv = (str(self.programs[name]), *(f"--{flag}={value}" for flag, value in flags.items()))
        return Spec(name, argv, self.ports[name], healthy, inputs)
