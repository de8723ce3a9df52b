"""A volume and a claim for each shared folder, bound to each other and to nobody else."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.context import child_options
from components.metadata import meta
from components.per_tenant.namespace import ContentArgs
from components.per_tenant.quota import TenantQuota
from model import FolderMode, SharedFolder, names
from model.namespaces import SHARED_CLAIM_SIZE


@dataclass(frozen=True, kw_only=True)
class StorageArgs(ContentArgs):
    """What a namespace's shared folders are made from."""

    quota: TenantQuota
    """Has to admit a further claim before that is made."""


class TenantStorage(pulumi.ComponentResource):
    """The shared folders of one namespace."""

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.STORAGE, name, None, opts)
        for folder, mode in sorted(args.tenant.shared_folders.items()):
            self._claim(args, folder, mode, self._volume(args, folder, mode))
        self.register_outputs({"folders": sorted(args.tenant.shared_folders)})

    def _claim(
        self, args: StorageArgs, name: str, mode: FolderMode, volume: k8s.core.v1.PersistentVolume
    ) -> None:
        namespace = args.namespace.described.name
        k8s.core.v1.PersistentVolumeClaim(
            names.logical(namespace, name),
            metadata=meta(args.context, name, tenant=args.tenant, namespace=namespace),
            spec=k8s.core.v1.PersistentVolumeClaimSpecArgs(
                access_modes=[_access_mode(mode)],
                storage_class_name="",
                volume_name=names.shared_volume(namespace, name),
                resources=k8s.core.v1.VolumeResourceRequirementsArgs(requests={"storage": SHARED_CLAIM_SIZE}),
            ),
            opts=child_options(
                self,
                inside=args.namespace.resource,
                depends_on=[args.quota, volume],
                former_name=names.former_logical(namespace, name),
            ),
        )

    def _volume(self, args: StorageArgs, name: str, mode: FolderMode) -> k8s.core.v1.PersistentVolume:
        namespace, folder = args.namespace.described.name, args.context.cluster.shared_folders[name]
        read_only = mode is FolderMode.READ_ONLY
        return k8s.core.v1.PersistentVolume(
            names.logical(namespace, name),
            metadata=meta(args.context, names.shared_volume(namespace, name), tenant=args.tenant),
            spec=k8s.core.v1.PersistentVolumeSpecArgs(
                access_modes=[_access_mode(mode)],
                capacity={"storage": folder.capacity},
                # Reserved for one claim of one namespace: no other claim can bind it.
                claim_ref=k8s.core.v1.ObjectReferenceArgs(
                    api_version="v1", kind="PersistentVolumeClaim", namespace=namespace, name=name
                ),
                storage_class_name="",
                persistent_volume_reclaim_policy="Retain",
                mount_options=[*folder.mount_options, *(["ro"] if read_only else [])] or None,
                nfs=_nfs(folder, read_only=read_only),
                host_path=_host_path(folder),
                csi=_csi(folder, read_only=read_only),
            ),
            opts=child_options(self, former_name=names.former_logical(namespace, name)),
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
