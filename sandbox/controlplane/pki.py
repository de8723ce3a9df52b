"""Certificates and keys of the control plane, made once and renewed when they age."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kube import private_files

CA_LIFETIME = timedelta(days=3650)
LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)

SERVICE_IP = "10.96.0.1"  # the first of the service range: the service `kubernetes`

_API_SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Pki:
    """The files below one folder."""

    folder: Path

    def pair(self, name: str) -> Pair:
        """Tell where a certificate and its key are."""
        return Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")

    @property
    def service_account_key(self) -> Path:
        """The private key that signs service account tokens."""
        return self.folder / "service-account.key"

    @property
    def service_account_public_key(self) -> Path:
        """Its public key."""
        return self.folder / "service-account.pub"

    def ensure(self) -> None:
        """Make what is missing, and again what runs out soon."""
        cluster = self._authority("ca", "kubernetes-ca")
        etcd = self._authority("etcd-ca", "etcd-ca")
        # Of API servers behind this one; there is none, but the others look for it.
        self._authority("front-proxy-ca", "front-proxy-ca")
        loopback = ("localhost", "127.0.0.1")
        self._leaf("etcd", etcd, "etcd", names=loopback, client=True)
        self._leaf("etcd-client", etcd, "kube-apiserver", client=True)
        self._leaf(
            "kube-apiserver",
            cluster,
            "kube-apiserver",
            names=(*_API_SERVER_NAMES, "127.0.0.1", SERVICE_IP),
        )
        self._leaf("loopback", cluster, "localhost", names=loopback)
        for name, user, groups in (
            ("admin", "sandbox-admin", ("system:masters",)),
            ("kube-controller-manager", "system:kube-controller-manager", ()),
            ("kube-scheduler", "system:kube-scheduler", ()),
            ("kwok", "kwok", ()),
        ):
            self._leaf(name, cluster, user, groups=groups, client=True)
        if not (self.service_account_key.exists() and self.service_account_public_key.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            private_files.write(self.service_account_key, _key_pem(key))
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            private_files.write(self.service_account_public_key, public)

    def _authority(self, name: str, common_name: str) -> Pair:
        pair = self.pair(name)
        if _lasts(pair):
            return pair
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(common_name, ())
        builder = (
            _builder(subject, subject, key.public_key(), CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        _write(pair, key, builder.sign(key, hashes.SHA256()))
        return pair

    def _leaf(
        self,
        name: str,
        authority: Pair,
        common_name: str,
        *,
        groups: Sequence[str] = (),
        names: Sequence[str] = (),
        client: bool = False,
    ) -> None:
        pair = self.pair(name)
        issuer = _read(authority)
        if _lasts(pair) and _signed_by(pair, issuer):
            return
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.SERVER_AUTH] if names else []
        usages += [ExtendedKeyUsageOID.CLIENT_AUTH] if client else []
        subject = _subject(common_name, groups)
        builder = (
            _builder(subject, issuer.subject, key.public_key(), LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            # Python 3.13 accepts no certificate without it.
            .add_extension(_issued_with(issuer), critical=False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_alternative_name(each) for each in names]), critical=False
            )
        _write(pair, key, builder.sign(_read_key(authority), hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _subject(common_name: str, groups: Sequence[str]) -> x509.Name:
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _issued_with(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(pair: Pair, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    private_files.write(pair.key, _key_pem(key))
    private_files.write(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _read(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def _read_key(pair: Pair) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pair.key.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{pair.key}: an elliptic curve key is expected")
    return key


def _lasts(pair: Pair) -> bool:
    """Tell whether a certificate is there, with its key, and valid for some time yet."""
    try:
        certificate = _read(pair)
        matches = _read_key(pair).public_key() == certificate.public_key()
    except (OSError, ValueError, TypeError):
        return False
    return matches and certificate.not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE


def _signed_by(pair: Pair, issuer: x509.Certificate) -> bool:
    try:
        _read(pair).verify_directly_issued_by(issuer)
    except Exception:  # of the three kinds that cryptography documents, each means no
        return False
    return True
