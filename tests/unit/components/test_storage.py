"""Shared folders: a volume and a claim that belong together, and to nobody else."""

import pytest

from tests.unit.components.conftest import Build, tenant

NFS = {"nfs": {"server": "nfs.example.com", "path": "/data"}, "modes": ["read-only", "read-write"]}


@pytest.mark.parametrize(
    ("mode", "access", "mounted"),
    [("read-only", "ReadOnlyMany", ["nfsvers=4.2", "ro"]), ("read-write", "ReadWriteMany", ["nfsvers=4.2"])],
)
def test_a_folder_is_bound_to_the_one_claim_of_its_namespace(
    build: Build, mode: str, access: str, mounted: list[str]
) -> None:
    folder = {**NFS, "capacity": "2Ti", "mount_options": ["nfsvers=4.2"]}
    made = build(tenant("vision", shared_folders={"data": mode}), shared_folders={"data": folder})
    volume = made["PersistentVolume vision/data"]
    source = {"server": "nfs.example.com", "path": "/data"}
    assert volume.metadata["name"] == "tenancy-vision-data"
    assert volume.metadata["labels"]["tenancy.dev/tenant"] == "vision"
    assert volume.spec == {
        "accessModes": [access],
        "capacity": {"storage": "2Ti"},
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": "vision",
            "name": "data",
        },
        "storageClassName": "",
        "persistentVolumeReclaimPolicy": "Retain",
        "mountOptions": mounted,
        "nfs": {**source, "readOnly": True} if mode == "read-only" else source,
    }
    claim = made["PersistentVolumeClaim vision/data"]
    assert (claim.metadata["namespace"], claim.metadata["name"]) == ("vision", "data")
    assert claim.spec == {
        "accessModes": [access],
        "storageClassName": "",
        "volumeName": "tenancy-vision-data",
        "resources": {"requests": {"storage": "1Mi"}},
    }
    assert "PersistentVolume vision/data" in claim.depends_on


def test_folder_of_a_csi_driver_is_read_only_too(build: Build) -> None:
    handle = {"driver": "nfs.csi.k8s.io", "volume_handle": "data", "attributes": {"share": "/data"}}
    made = build(
        tenant("vision", shared_folders={"data": "read-only"}), shared_folders={"data": {"csi": handle}}
    )
    spec = made["PersistentVolume vision/data"].spec
    assert spec["csi"] == {
        "driver": "nfs.csi.k8s.io",
        "volumeHandle": "data",
        "volumeAttributes": {"share": "/data"},
        "readOnly": True,
    }
    assert spec["mountOptions"] == ["ro"]
    assert spec["accessModes"] == ["ReadOnlyMany"]


def test_folder_of_the_nodes(build: Build) -> None:
    folder = {"host_path": "/mnt/data", "modes": ["read-write"]}
    made = build(tenant("vision", shared_folders={"data": "read-write"}), shared_folders={"data": folder})
    spec = made["PersistentVolume vision/data"].spec
    assert spec["hostPath"] == {"path": "/mnt/data", "type": "Directory"}
    assert spec["accessModes"] == ["ReadWriteMany"]


def test_each_namespace_has_a_volume_and_a_claim_of_its_own(build: Build) -> None:
    made = build(
        tenant("vision", shared_folders={"data": "read-only"}, namespaces={"extra": {"share": 10}}),
        tenant("speech"),
        shared_folders={"data": NFS},
    )
    claims = {
        name: volume.spec["claimRef"]["namespace"] for name, volume in made.of("PersistentVolume").items()
    }
    assert claims == {"tenancy-vision-data": "vision", "tenancy-vision-extra-data": "vision-extra"}
    assert set(made.of("PersistentVolumeClaim", "vision-extra")) == {"data"}
    assert made.of("PersistentVolumeClaim", "speech") == {}
    claimed = {name for _, kind, name in made["Claims trial"].inputs["objects"] if kind == "PersistentVolume"}
    assert claimed == set(claims)
