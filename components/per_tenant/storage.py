"""The Storage room: a volume and a claim for each shared folder, bound to each other and to nobody else."""

import pulumi
import pulumi_kubernetes as k8s

import model
from components.context import Context, child_options
from components.metadata import meta
from components.per_tenant.namespace import TenantNamespace
from components.per_tenant.quota import TenantQuota
from model import FolderMode, SharedFolder, Tenant, names
from model.namespaces import SHARED_CLAIM_SIZE


class TenantStorage(pulumi.ComponentResource):
    """The shared folders of one namespace."""

    def __init__(
        self,
        context: Context,
        tenant: Tenant,
        space: model.Namespace,
        namespace: TenantNamespace,
        quota: TenantQuota,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Takes `quota`, which has to admit a further claim before that is made."""
        super().__init__("tenancy:tenant:Storage", space.name, None, opts)
        for name, mode in sorted(tenant.shared_folders.items()):
            folder = context.cluster.shared_folders[name]
            volume = self._volume(context, tenant, space, name, folder, mode)
            k8s.core.v1.PersistentVolumeClaim(
                f"{space.name}-{name}",
                metadata=meta(context, name, tenant=tenant, namespace=space.name),
                spec=k8s.core.v1.PersistentVolumeClaimSpecArgs(
                    access_modes=[_access_mode(mode)],
                    storage_class_name="",
                    volume_name=names.shared_volume(space.name, name),
                    resources=k8s.core.v1.VolumeResourceRequirementsArgs(
                        requests={"storage": SHARED_CLAIM_SIZE}
                    ),
                ),
                opts=child_options(
                    self, inside=namespace.namespace, depends_on=[namespace.namespace, quota, volume]
                ),
            )
        self.register_outputs({"folders": sorted(tenant.shared_folders)})

    def _volume(
        self,
        context: Context,
        tenant: Tenant,
        space: model.Namespace,
        name: str,
        folder: SharedFolder,
        mode: FolderMode,
    ) -> k8s.core.v1.PersistentVolume:
        read_only = mode is FolderMode.READ_ONLY
        return k8s.core.v1.PersistentVolume(
            f"{space.name}-{name}",
            metadata=meta(context, names.shared_volume(space.name, name), tenant=tenant),
            spec=k8s.core.v1.PersistentVolumeSpecArgs(
                access_modes=[_access_mode(mode)],
                capacity={"storage": folder.capacity},
                # Reserved for one claim of one namespace: no other claim can bind it.
                claim_ref=k8s.core.v1.ObjectReferenceArgs(
                    api_version="v1", kind="PersistentVolumeClaim", namespace=space.name, name=name
                ),
                storage_class_name="",
                persistent_volume_reclaim_policy="Retain",
                mount_options=[*folder.mount_options, *(["ro"] if read_only else [])] or None,
                nfs=_nfs(folder, read_only=read_only),
                host_path=_host_path(folder),
                csi=_csi(folder, read_only=read_only),
            ),
            opts=child_options(self),
        )


def _access_mode(mode: FolderMode) -> str:
    return "ReadOnlyMany" if mode is FolderMode.READ_ONLY else "ReadWriteMany"


def _nfs(folder: SharedFolder, *, read_only: bool) -> k8s.core.v1.NFSVolumeSourceArgs | None:
    if folder.nfs is None:
        return None
    return k8s.core.v1.NFSVolumeSourceArgs(
        server=folder.nfs.server, path=folder.nfs.path, read_only=read_only or None
    )


def _host_path(folder: SharedFolder) -> k8s.core.v1.HostPathVolumeSourceArgs | None:
    if folder.host_path is None:
        return None
    return k8s.core.v1.HostPathVolumeSourceArgs(path=folder.host_path, type="Directory")


def _csi(folder: SharedFolder, *, read_only: bool) -> k8s.core.v1.CSIPersistentVolumeSourceArgs | None:
    if folder.csi is None:
        return None
    return k8s.core.v1.CSIPersistentVolumeSourceArgs(
        driver=folder.csi.driver,
        volume_handle=folder.csi.volume_handle,
        volume_attributes=dict(folder.csi.attributes) or None,
        read_only=read_only or None,
    )
