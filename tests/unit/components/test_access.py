"""Who is let in: one subject for each binding, and credentials by the clock."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from model import Member, Role, State, Tenant, credential, profile, subjects
from model.credential import Schedule
from tests.unit.components.conftest import NOW, Build, tenant
from tests.unit.components.recorder import CA, SERVER, Program

RBAC = "rbac.authorization.k8s.io"
KEY = ec.generate_private_key(ec.SECP256R1())


def request(common_name: str, key: ec.EllipticCurvePrivateKey = KEY) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return csr.public_bytes(Encoding.PEM).decode()


def bindings(made: Program, namespace: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Role and subject by the name of the binding."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for name, binding in made.of("RoleBinding", namespace).items():
        assert binding.inputs["roleRef"]["kind"] == "ClusterRole"
        (subject,) = binding.inputs["subjects"]
        found[name] = binding.inputs["roleRef"]["name"], subject
    return found


def test_each_subject_has_a_binding_of_its_own_in_each_namespace(build: Build) -> None:
    laptop = subjects.laptop("vision", "Ada", KEY.public_key())
    made = build(
        tenant(
            "vision",
            namespaces={"extra": {"share": 10}},
            members={
                "Ada": {"role": "admin", "csr": request(laptop.name), "oidc_groups": ["ops", "ml"]},
                "grace": {"role": "viewer"},
            },
            service_accounts={"runner": {"role": "developer"}, "eye": {"watches": True}, "idle": {}},
        )
    )
    expected = {
        "oidc-ada-0": ("tenancy:admin", {"kind": "Group", "name": "oidc:ops", "apiGroup": RBAC}),
        "oidc-ada-1": ("tenancy:admin", {"kind": "Group", "name": "oidc:ml", "apiGroup": RBAC}),
        laptop.binding: ("tenancy:admin", {"kind": "User", "name": laptop.name, "apiGroup": RBAC}),
        "serviceaccount-runner-developer": (
            "tenancy:developer",
            {"kind": "ServiceAccount", "name": "runner", "namespace": "vision"},
        ),
        "serviceaccount-eye-watcher": (
            "tenancy:watcher",
            {"kind": "ServiceAccount", "name": "eye", "namespace": "vision"},
        ),
    }
    assert bindings(made, "vision") == expected
    assert bindings(made, "vision-extra") == expected
    assert set(made.of("ServiceAccount", "vision")) == {"runner", "eye", "idle"}
    assert made.of("ServiceAccount", "vision-extra") == {}
    assert all(not each.inputs["automountServiceAccountToken"] for each in made.of("ServiceAccount").values())


def test_a_member_without_request_or_group_comes_by_the_repository_alone(build: Build) -> None:
    assert bindings(build(tenant("vision", members={"ada": {"role": "admin"}})), "vision") == {}


@pytest.mark.parametrize("state", ["frozen", "retired"])
def test_nobody_is_let_into_a_tenant_that_is_not_active(build: Build, state: str) -> None:
    laptop = subjects.laptop("vision", "ada", KEY.public_key())
    fields: dict[str, Any] = {
        "repository": "acme/vision",
        "shared_folders": {"data": "read-only"},
        "members": {"ada": {"role": "admin", "csr": request(laptop.name), "oidc_groups": ["ops"]}},
        "service_accounts": {"runner": {"role": "developer"}},
    }
    cluster = {"shared_folders": {"data": {"nfs": {"server": "nfs.example.com", "path": "/data"}}}}
    active = build(tenant("vision", **fields), **cluster)
    stopped = build(tenant("vision", state=state, **fields), **cluster)
    gone = {f"{each.kind} {each.name}" for each in active.made.values()} - set(stopped.made)
    schedule = schedule_of("vision", members={"ada": Member(role=Role.ADMIN)})
    issued = f"vision/{schedule.current.binding}"
    assert gone == {
        "RoleBinding vision/oidc-ada-0",
        f"RoleBinding vision/{laptop.binding}",
        "RoleBinding vision/serviceaccount-runner-developer",
        f"RoleBinding {issued}",
        f"SignedCertificate vision/{laptop.binding}",
        f"tenant:Credential {issued}",
        f"PrivateKey {issued}",
        f"CertRequest {issued}",
        f"SignedCertificate {issued}",
        "tenant:Codespaces vision",
        "CodespacesSecret vision/KUBECONFIG_TRIAL",
    }
    assert set(stopped.made) - set(active.made) == {"ResourceQuota vision/frozen"}
    assert stopped.certificates == {"vision": {}}


def schedule_of(name: str, now: datetime = NOW, **fields: Any) -> Schedule:
    found = credential.codespaces(whole(name, **fields), now)
    assert found is not None
    return found


def whole(name: str, **fields: Any) -> Tenant:
    """A tenant of the profile `sandbox`: credentials for 12h, renewed 4h before their end, 1h of grace."""
    return Tenant.model_validate(
        {
            **profile.built_in()["sandbox"],
            **tenant(name, repository=f"acme/{name}"),
            "codespaces": CODESPACES,
            **fields,
        }
    )


CODESPACES = {"enabled": True, "parts": False, "role": "developer"}
PERIOD, GRACE = timedelta(hours=8), timedelta(hours=1)
times = st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(tzinfo=NOW.tzinfo))


@given(times, st.sampled_from(["a", "vision", "speech"]))
def test_one_credential_for_each_epoch_and_the_last_one_for_its_grace(at: datetime, name: str) -> None:
    now = schedule_of(name, at)
    begin, tick = now.renewed_at, timedelta(microseconds=1)
    assert now.renewed_at <= at < now.renews_at == now.renewed_at + PERIOD
    assert schedule_of(name, begin).current == now.current
    assert schedule_of(name, begin + PERIOD - tick).current == now.current
    assert schedule_of(name, begin + PERIOD).current != now.current
    assert (now.previous is not None) == (at < begin + GRACE)
    assert schedule_of(name, begin + GRACE).previous is None
    assert schedule_of(name, begin + PERIOD + GRACE - tick).previous == now.current
    assert schedule_of(name, begin - tick).current == schedule_of(name, begin).previous


@given(times)
def test_who_has_left_and_a_raised_generation_end_a_credential_at_once(at: datetime) -> None:
    members = {"ada": Member(role=Role.ADMIN), "grace": Member(role=Role.VIEWER)}
    lifetimes: Any = profile.built_in()["sandbox"]["credentials"]
    before = schedule_of("vision", at, members=members)
    for after in (
        schedule_of("vision", at, members={"ada": members["ada"]}),
        schedule_of("vision", at, members=members, credentials={**lifetimes, "generation": 1}),
    ):
        assert {before.current, before.previous}.isdisjoint({after.current, after.previous} - {None})
        assert after.renews_at == before.renews_at
    promoted = {**members, "grace": Member(role=Role.ADMIN)}
    assert schedule_of("vision", at, members=promoted) == before


def test_tenants_renew_at_different_times() -> None:
    assert len({schedule_of(f"tenant-{number}").renews_at for number in range(50)}) > 45


@pytest.mark.parametrize("state", [State.FROZEN, State.RETIRED])
def test_there_is_nothing_to_issue_to_who_is_not_active(state: State) -> None:
    assert credential.codespaces(whole("vision", state=state), NOW) is None
    assert credential.codespaces(whole("vision", codespaces={**CODESPACES, "enabled": False}), NOW) is None


def test_a_certificate_is_issued_to_the_subject_of_the_epoch(build: Build) -> None:
    schedule = schedule_of("vision")
    made = build(tenant("vision", repository="acme/vision"), now=schedule.renewed_at)
    first = schedule_of("vision", schedule.renewed_at)
    assert first.previous is not None
    name = f"vision/{first.current.binding}"
    assert made[f"CertRequest {name}"].inputs["subject"] == {"commonName": first.current.name}
    assert made[f"CertRequest {name}"].secrets >= {"privateKeyPem"}
    assert made[f"SignedCertificate {name}"].inputs["lifetime_seconds"] == 12 * 3600
    roles = bindings(made, "vision")
    assert {subject["name"] for _, subject in roles.values()} == {first.current.name, first.previous.name}
    assert {role for role, _ in roles.values()} == {"tenancy:developer"}
    assert f"SignedCertificate vision/{first.previous.binding}" not in made


def test_a_credential_leaves_only_when_its_bindings_stand(build: Build) -> None:
    made = build(tenant("vision", repository="acme/vision"))
    name = f"vision/{schedule_of('vision').current.binding}"
    assert f"RoleBinding {name}" in made[f"tenant:Credential {name}"].depends_on


def test_a_token_is_of_an_account_out_of_the_tenants_reach(build: Build) -> None:
    schedule = schedule_of("vision")
    at = schedule.renewed_at
    fields = {"repository": "acme/vision", "credentials": {"kind": "token"}}
    made = build(tenant("vision", **fields), now=at)
    current, previous = schedule_of("vision", at).current, schedule_of("vision", at).previous
    assert previous is not None
    accounts = made.of("ServiceAccount", "tenancy-credentials")
    assert set(accounts) == {current.account, previous.account}
    token = made[f"ServiceAccountToken vision/{current.binding}"].inputs
    assert (token["namespace"], token["service_account"]) == ("tenancy-credentials", current.account)
    assert token["lifetime_seconds"] == 12 * 3600
    subjects = [subject for _, subject in bindings(made, "vision").values()]
    assert {subject["name"] for subject in subjects} == {current.account, previous.account}
    assert {subject["namespace"] for subject in subjects} == {"tenancy-credentials"}
    assert made.of("ResourceQuota", "tenancy-credentials")["no-pods"].spec["hard"] == {"pods": "0"}

    later = build(tenant("vision", **fields), now=at + GRACE)
    assert set(later.of("ServiceAccount", "tenancy-credentials")) == {current.account}


def test_a_cluster_without_tokens_has_no_place_for_them(build: Build) -> None:
    made = build(tenant("vision"), credentials={"kinds": ["client-certificate"]})
    assert "Namespace tenancy-credentials" not in made


def test_a_laptops_certificate_is_published(build: Build) -> None:
    laptop = subjects.laptop("vision", "ada", KEY.public_key())
    pem = request(laptop.name)
    made = build(tenant("vision", members={"ada": {"role": "developer", "csr": pem}}))
    signed = made[f"SignedCertificate vision/{laptop.binding}"]
    assert signed.inputs["csr_pem"] == pem
    assert signed.inputs["renew_before_seconds"] == 4 * 3600
    assert f"RoleBinding vision/{laptop.binding}" in made["tenant:MemberCertificates vision"].depends_on
    assert made.certificates["vision"]["ada"] == {
        "certificate": f"certificate of vision/{laptop.binding}",
        "not_after": "2026-01-08T00:00:00Z",
    }


def test_each_device_of_a_member_is_an_identity_of_its_own(build: Build) -> None:
    """One device that goes takes nothing from the others, and the one without a name stays as it was."""
    other = ec.generate_private_key(ec.SECP256R1())
    unnamed = subjects.laptop("vision", "ada", KEY.public_key())
    named = subjects.laptop("vision", "ada", other.public_key(), "thinkpad")
    devices = {"thinkpad": {"csr": request(named.name, other)}}

    def made(**member: Any) -> Program:
        return build(tenant("vision", members={"ada": {"role": "viewer", **member}}))

    both = made(csr=request(unnamed.name), devices=devices)
    assert {name: subject["name"] for name, (_, subject) in bindings(both, "vision").items()} == {
        unnamed.binding: unnamed.name,
        named.binding: named.name,
    }
    assert named.name.startswith("tenancy:vision:laptop-ada.thinkpad:")
    assert set(both.certificates["vision"]) == {"ada", "ada/thinkpad"}
    one = made(csr=request(unnamed.name))
    assert set(bindings(one, "vision")) == {unnamed.binding}
    assert set(both.made) - set(one.made) == {
        f"RoleBinding vision/{named.binding}",
        f"SignedCertificate vision/{named.binding}",
    }


def test_the_kubeconfig_goes_to_the_repository_as_a_secret(build: Build) -> None:
    made = build(tenant("vision", repository="acme/vision", namespaces={"extra": {"share": 10}}))
    secret = made["CodespacesSecret vision/KUBECONFIG_TRIAL"]
    assert (secret.inputs["repository"], secret.inputs["secretName"]) == ("vision", "KUBECONFIG_TRIAL")
    assert "plaintextValue" in secret.secrets
    assert secret.delete_before_replace
    kubeconfig = json.loads(secret.inputs["plaintextValue"])
    assert kubeconfig["clusters"][0]["cluster"]["server"] == SERVER
    assert kubeconfig["users"][0]["name"] == schedule_of("vision").current.name
    assert [each["name"] for each in kubeconfig["contexts"]] == ["trial-vision", "trial-vision-extra"]
    assert kubeconfig["current-context"] == "trial-vision"


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("client-certificate", {"CERTIFICATE": "certificate of {}", "KEY": "key of {}"}),
        ("token", {"TOKEN": "token of {}"}),
    ],
)
def test_the_parts_of_the_kubeconfig_are_secrets_of_their_own(
    build: Build, kind: str, own: dict[str, str]
) -> None:
    name = f"vision/{schedule_of('vision').current.binding}"
    made = build(
        tenant(
            "vision",
            repository="acme/vision",
            codespaces={"parts": True, "secret_name": "MINE"},
            credentials={"kind": kind},
        )
    )
    values = {
        each.inputs["secretName"]: each.inputs["plaintextValue"]
        for each in made.made.values()
        if each.kind == "CodespacesSecret"
    }
    assert values.pop("MINE")
    expected = {"SERVER": SERVER, "CA": CA, **{part: value.format(name) for part, value in own.items()}}
    assert values == {f"MINE_{part}": value for part, value in expected.items()}


def test_several_repositories_share_a_secret_of_the_organisation(build: Build) -> None:
    made = build(tenant("big-team", repository="acme/one", repositories=["acme/three"]))
    secret = made["CodespacesOrganizationSecret big-team/KUBECONFIG_TRIAL"]
    assert secret.inputs["secretName"] == "KUBECONFIG_TRIAL_BIG_TEAM"
    assert secret.inputs["visibility"] == "selected"
    assert secret.inputs["selectedRepositoryIds"] == [len("acme/one"), len("acme/three")]
    assert "plaintextValue" in secret.secrets
    assert secret.delete_before_replace
    assert not [key for key in made.made if key.startswith("CodespacesSecret")]


def test_roles_change_neither_bounds_nor_what_is_cluster_wide(build: Build) -> None:
    made = build(tenant("vision"))
    writing = {
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
        "bind",
        "escalate",
        "impersonate",
        "*",
    }
    for name, role in made.of("ClusterRole").items():
        for rule in role.inputs["rules"]:
            assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"]), name
            assert not {"bind", "escalate", "impersonate"} & set(rule["verbs"]), name
            bounds = {"resourcequotas", "limitranges", "namespaces"} & set(rule["resources"])
            assert not bounds or not writing & set(rule["verbs"]), name
            if name != "tenancy:admin":
                grants = {"roles", "rolebindings", "networkpolicies", "serviceaccounts"} & set(
                    rule["resources"]
                )
                assert not grants or not writing & set(rule["verbs"]), name
    assert [rule["resources"] for rule in made.of("ClusterRole")["tenancy:watcher"].inputs["rules"]] == [
        ["pods"]
    ]
