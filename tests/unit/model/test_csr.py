import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from automation import tenant_file
from automation.laptop import identity
from model import InvalidConfiguration, credential, csr, load, subjects

ROOT = Path(__file__).parents[3]
FILE = "tenants/dev/vision.yaml"
P256 = ec.generate_private_key(ec.SECP256R1())
ADA = ("vision", "ada")


def name_of(key: Any, tenant: str = "vision", login: str = "ada", device: str | None = None) -> str:
    return subjects.laptop(tenant, login, key.public_key(), device).name


def make(
    key: Any = P256,
    subject: list[tuple[x509.ObjectIdentifier, str]] | None = None,
    algorithm: Any = hashes.SHA256(),  # noqa: B008
    change: Callable[
        [x509.CertificateSigningRequestBuilder], x509.CertificateSigningRequestBuilder
    ] = lambda b: b,
) -> str:
    names = subject if subject is not None else [(NameOID.COMMON_NAME, name_of(key))]
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in names])
    builder = change(x509.CertificateSigningRequestBuilder(name))
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (P256, hashes.SHA256()),
        (ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
        (rsa.generate_private_key(65537, 3072), hashes.SHA512()),
        (ed25519.Ed25519PrivateKey.generate(), None),
    ],
)
def test_good_requests(key: Any, algorithm: Any) -> None:
    assert csr.check(make(key, algorithm=algorithm), *ADA) == []


def test_what_request_makes_is_good() -> None:
    assert csr.check(identity.make_request(identity.make_key(), *ADA), *ADA) == []


def test_the_case_of_a_login_does_not_matter() -> None:
    assert csr.check(make(), "vision", "Ada") == []


CN = NameOID.COMMON_NAME
OURS = name_of(P256)


@pytest.mark.parametrize(
    ("request_pem", "told"),
    [
        ("", "is not a PEM certificate request"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "is not a PEM"),
        (make() + make(), "is not a PEM certificate request"),
        (make() + "a remark", "is not a PEM certificate request"),
        (make().replace("CERTIFICATE REQUEST", "CERTIFICATE"), "is not a PEM certificate request"),
        (make() + "\n" * 10 + " " * 9000 + "x", "is not a PEM certificate request"),
        (make(rsa.generate_private_key(65537, 2048)), "an RSA key of only 2048 bits"),
        (make(ec.generate_private_key(ec.SECP521R1())), "a key on the curve secp521r1"),
        (make(ec.generate_private_key(ec.SECP256K1())), "a key on the curve secp256k1"),
        (make(algorithm=hashes.SHA224()), "is signed with sha224"),
        (make(subject=[]), "has the subject ''"),
        (make(subject=[(CN, "system:admin")]), "has the subject 'CN=system:admin'"),
        (make(subject=[(CN, name_of(P256, login="grace"))]), f"may only be 'CN={OURS}'"),
        (make(subject=[(CN, name_of(P256, tenant="speech"))]), f"may only be 'CN={OURS}'"),
        (make(subject=[(CN, name_of(ec.generate_private_key(ec.SECP256R1())))]), "may only be"),
        (make(subject=[(CN, OURS), (CN, OURS)]), "may only be"),
        (make(subject=[(CN, OURS), (NameOID.ORGANIZATION_NAME, "system:masters")]), "group 'system:masters'"),
        (make(subject=[(CN, OURS), (NameOID.ORGANIZATIONAL_UNIT_NAME, "x")]), "may only be"),
        (
            make(change=lambda b: b.add_extension(x509.SubjectAlternativeName([x509.DNSName("a.b")]), False)),
            "asks for extensions",
        ),
        (
            make(change=lambda b: b.add_extension(x509.BasicConstraints(True, None), True)),
            "asks for extensions",
        ),
        (
            make(change=lambda b: b.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, b"x")),
            "asks for extensions or other attributes",
        ),
    ],
    # The same in every process of a run, unlike the keys in them.
    ids=lambda _: "case",
)
def test_refused(request_pem: str, told: str) -> None:
    problems = csr.check(request_pem, *ADA)
    assert len(problems) == 1, problems
    assert told in problems[0]


def test_a_signature_by_another_key() -> None:
    good = x509.load_pem_x509_csr(make().encode())
    # The key and the subject of one request with the signature of another: R or S of ECDSA changes.
    der = bytearray(good.public_bytes(Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode()
    assert csr.check(forged, *ADA) == [
        "is not signed by its own key, so it may be somebody else's; make it with 'tenancy access request'"
    ]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of its own with stack dev."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tenants" / "dev", tmp_path / "tenants" / "dev")
    return tmp_path


def problems(checkout: Path) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        load(checkout, "dev")
    return [str(problem) for problem in caught.value.problems]


def ask(path: Path, login: str, request: str) -> None:
    path.write_text(tenant_file.with_request(path.read_text(), login, request, None))


def test_a_tenants_file_is_refused_at_its_line(checkout: Path) -> None:
    ask(checkout / FILE, "grace", make())
    (problem,) = problems(checkout)
    assert "tenants/dev/vision.yaml" in problem
    assert "members.grace.csr: has the subject" in problem


def test_two_members_with_one_key(checkout: Path) -> None:
    ask(checkout / FILE, "ada", make())
    ask(checkout / FILE, "grace", make(subject=[(CN, name_of(P256, login="grace"))]))
    (problem,) = problems(checkout)
    assert "members.grace.csr: is for the same key as that of 'ada'" in problem


def test_one_key_of_two_people_in_two_tenants(checkout: Path) -> None:
    """Whoever holds it would be let in as both."""
    ask(checkout / FILE, "ada", make())
    ask(checkout / "tenants/dev/speech.yaml", "alan", make(subject=[(CN, name_of(P256, "speech", "alan"))]))
    (problem,) = problems(checkout)
    assert problem.startswith("tenants/dev/vision.yaml")
    assert "members.ada.csr: is for the same key as that of 'alan' in tenant 'speech'" in problem


def test_one_person_may_use_one_key_in_two_tenants(checkout: Path) -> None:
    ask(checkout / FILE, "ada", make())
    ask(checkout / "tenants/dev/speech.yaml", "ada", make(subject=[(CN, name_of(P256, "speech"))]))
    load(checkout, "dev")


def devices(checkout: Path, **requests: str) -> None:
    lines = "".join(
        f"      {name}:\n        csr: |\n{textwrap.indent(request, ' ' * 10)}"
        for name, request in requests.items()
    )
    text = (checkout / FILE).read_text()
    (checkout / FILE).write_text(text.replace("  ada:\n", f"  ada:\n    devices:\n{lines}"))


def test_several_devices_of_a_member(checkout: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    named = make(other, subject=[(CN, name_of(other, device="desktop"))])
    devices(checkout, desktop=named)
    ask(checkout / FILE, "ada", make())
    vision = next(tenant for tenant in load(checkout, "dev").tenants if tenant.name == "vision")
    found = {each.holder: each.subject.name for each in credential.laptops(vision)}
    assert found == {"ada": name_of(P256), "ada/desktop": name_of(other, device="desktop")}


def test_a_request_of_another_device(checkout: Path) -> None:
    devices(checkout, desktop=make(subject=[(CN, name_of(P256, device="thinkpad"))]))
    (problem,) = problems(checkout)
    assert "members.ada.devices.desktop.csr: has the subject" in problem
    assert name_of(P256, device="desktop") in problem


def test_two_devices_with_one_key(checkout: Path) -> None:
    devices(checkout, desktop=make(subject=[(CN, name_of(P256, device="desktop"))]))
    ask(checkout / FILE, "ada", make())
    (problem,) = problems(checkout)
    assert "members.ada.devices.desktop.csr: is for the same key as that of 'ada'" in problem


def test_no_device_is_taken_for_another_member() -> None:
    """A login may hold a hyphen, but no dot."""
    assert name_of(P256, login="ada-desktop") != name_of(P256, login="ada", device="desktop")


def test_a_good_file(checkout: Path) -> None:
    request = make()
    ask(checkout / FILE, "ada", request)
    vision = next(tenant for tenant in load(checkout, "dev").tenants if tenant.name == "vision")
    assert vision.members["ada"].csr == request
