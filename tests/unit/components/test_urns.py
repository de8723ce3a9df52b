"""What the engine tells resources apart by: patterns for renewal, and names taken over from before."""

import re
from collections import defaultdict
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from model import names, subjects, urns
from tests.unit.components.conftest import NOW, Build, tenant
from tests.unit.components.recorder import Made, Program
from tests.unit.components.test_access import GRACE, KEY, request, schedule_of

MINUTES_OF_GRACE = GRACE / 2


def glob(pattern: str) -> re.Pattern[str]:
    """As the engine reads a target: pkg/resource/deploy/deployment.go."""
    parts = ["[^:]*".join(map(re.escape, part.split("*"))) for part in pattern.split("**")]
    return re.compile(f"^{'.*'.join(parts)}$")


def laptop(name: str, login: str) -> dict[str, Any]:
    subject = subjects.laptop(name, login, KEY.public_key())
    return {login: {"role": "developer", "csr": request(subject.name)}}


# Accounts, groups and tenants that are called like credentials.
NASTY: dict[str, Any] = {
    "service_accounts": {"codespaces-bot": {"role": "viewer"}, "laptop-bot": {"watches": True}},
    "namespaces": {"codespaces-a": {"share": 10}, "laptop-a": {"share": 10}},
}


def fleet(build: Build, now: datetime) -> Program:
    return build(
        tenant("vision", repository="acme/vision", members=laptop("vision", "ada"), **NASTY),
        tenant(
            "speech",
            repository="acme/speech",
            credentials={"kind": "token"},
            codespaces={"parts": True, "secret_name": "SPEECH"},
            members={"bob": {"role": "viewer", "oidc_groups": ["codespaces-team"]}},
            **NASTY,
        ),
        tenant("several", repository="acme/one", repositories=["acme/two"]),
        tenant("vision-train"),
        tenant("visionary", service_accounts={"codespaces-1": {"role": "viewer"}}),
        now=now,
    )


def is_credential(each: Made) -> bool:
    """Told without names: by what a resource is, or whom it binds."""
    if each.kind in ("PrivateKey", "CertRequest", "SignedCertificate", "ServiceAccountToken"):
        return True
    if each.kind in ("CodespacesSecret", "CodespacesOrganizationSecret"):
        return True
    if each.kind in ("tenant:Credential", "tenant:MemberCertificates", "tenant:Codespaces"):
        return True
    if each.kind == "ServiceAccount":
        return each.metadata["namespace"] == names.CREDENTIALS_NAMESPACE
    if each.kind == "RoleBinding":
        (subject,) = each.inputs["subjects"]
        return subject["kind"] == "User" or subject.get("namespace") == names.CREDENTIALS_NAMESPACE
    return False


def test_renewal_aims_at_credentials_and_at_nothing_else(build: Build) -> None:
    # In the grace period of the last token, whose account stands beside the new one's.
    made = fleet(build, schedule_of("speech").renewed_at + MINUTES_OF_GRACE).made.values()
    namespaces: dict[str, list[str]] = defaultdict(list)
    for each in made:
        if each.kind == "Namespace" and names.key("tenant") in each.metadata["labels"]:
            namespaces[each.metadata["labels"][names.key("tenant")]].append(each.name)
    patterns = [glob(pattern) for name, own in namespaces.items() for pattern in urns.credentials(name, own)]
    aimed_at = {each.urn for each in made if any(pattern.match(each.urn) for pattern in patterns)}
    assert aimed_at == {each.urn for each in made if is_credential(each)}
    assert {each.kind for each in made if each.urn in aimed_at} >= {
        "SignedCertificate",
        "ServiceAccountToken",
        "ServiceAccount",
        "CodespacesSecret",
        "CodespacesOrganizationSecret",
        "RoleBinding",
    }
    # Each line of the list is there for something.
    for alike in zip(*(urns.credentials(name, own[:1]) for name, own in namespaces.items()), strict=True):
        assert any(glob(pattern).match(each.urn) for pattern in alike for each in made), alike


WORDS = ("a", "b", "dns")
DASHED = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map("-".join)


@st.composite
def nasty_fleets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Tenants whose names and keys run into each other wherever a dash joins them."""
    tenants = draw(st.lists(DASHED, min_size=2, max_size=4, unique=True))
    return [
        tenant(
            name,
            service_accounts={key: {"role": "viewer"} for key in draw(st.sets(DASHED, max_size=3))},
            repository=f"acme/{name}",
            network={
                "egress": {
                    key: {"cidrs": ["192.0.2.0/24"], "ports": [{"port": 5432}], "reason": "Its data"}
                    for key in draw(st.sets(DASHED, max_size=2))
                }
            },
        )
        for name in tenants
    ]


# Each example builds whole tenants: small ones are shrunk by hand.
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(nasty_fleets())
def test_no_name_of_before_is_the_name_of_something_else(build: Build, fleet: list[dict[str, Any]]) -> None:
    """The recorder refuses two with one URN; here their aliases."""
    made = build(*fleet, now=NOW)
    by_urn = {each.urn for each in made.made.values()}
    owners: dict[str, set[str]] = defaultdict(set)
    for each in made.made.values():
        # The SDK's own aliases are of other types and say no name.
        for alias in filter(None, each.aliases):
            former = f"{each.urn.rpartition('::')[0]}::{alias}"
            assert former not in by_urn, f"{each.urn} would take over {former}"
            owners[former].add(each.urn)
    # Two may have had one name only where the program of before could not make both: what a state has under
    # it is one of them, and the engine refuses the other's claim in the preview.
    for former, claimants in owners.items():
        joined = {urn.rpartition("::")[2].replace("/", "-") for urn in claimants}
        assert joined == {former.rpartition("::")[2]}
