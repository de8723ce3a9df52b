"""Certificates and requests as terraform-provider-tls makes them with Go's crypto/x509 (common_cert.go)."""

import datetime
import hashlib
import ipaddress
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.name import _ASN1Type  # pyright: ignore[reportPrivateUsage] (there is no public name)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.plugins.tls.errors import TlsError
from sandbox.plugins.tls.keys import PrivateKey, PublicKey

# Property names and x509 names of the RFC 5280 key usages.
KEY_USAGES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
EXTENDED_KEY_USAGES = {
    "any_extended": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec_end_system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec_tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec_user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft_server_gated_crypto": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape_server_gated_crypto": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
    "microsoft_commercial_code_signing": x509.ObjectIdentifier("1.3.6.1.4.1.311.2.1.22"),
    "microsoft_kernel_code_signing": x509.ObjectIdentifier("1.3.6.1.4.1.311.61.1.1"),
}
# In the order in which Go's pkix.Name writes them; the e-mail address, an extra name, comes last.
_SUBJECT = {
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCode": NameOID.POSTAL_CODE,
    "commonName": NameOID.COMMON_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}
SUBJECT_KEYS = tuple(_SUBJECT)
_PRINTABLE = frozenset(string.ascii_letters + string.digits + " '()+,-./:=?")
SubjectValues: TypeAlias = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Names:
    """Who a certificate is for: the subject and its alternative names."""

    subject: x509.Name
    alternatives: tuple[x509.GeneralName, ...]


@dataclass(frozen=True)
class Profile:
    """What a certificate allows and for how long (hours)."""

    validity_hours: int
    uses: tuple[str, ...]
    is_ca: bool
    max_path_length: int | None
    set_subject_key_id: bool
    set_authority_key_id: bool


@dataclass(frozen=True)
class Issuer:
    """Who signs: name, key and key identifier; None where a certificate signs itself."""

    name: x509.Name
    key: PrivateKey
    key_id: bytes | None


def names(
    subject: SubjectValues, dns_names: Sequence[str], ip_addresses: Sequence[str], uris: Sequence[str]
) -> Names:
    """Subject and alternative names from the resource's inputs; raises TlsError for one that cannot be."""
    addresses = [_address(text) for text in ip_addresses]
    try:
        alternatives = [x509.DNSName(name) for name in dns_names]
        locations = [x509.UniformResourceIdentifier(uri) for uri in uris]
        return Names(_name(subject), (*alternatives, *map(x509.IPAddress, addresses), *locations))
    except ValueError as error:
        raise TlsError(f"subject, dnsNames or uris: {error}") from None


def request(key: PrivateKey, who: Names) -> x509.CertificateSigningRequest:
    """A signed certificate request."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(who.subject)
    if who.alternatives:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(who.alternatives), critical=not who.subject.rdns
        )
    return builder.sign(key, _digest(key))


def load_request(pem: str) -> x509.CertificateSigningRequest:
    """The request in certRequestPem."""
    try:
        return x509.load_pem_x509_csr(pem.encode())
    except ValueError:
        raise TlsError("certRequestPem is not a PEM of the type CERTIFICATE REQUEST") from None


def load_certificate(pem: str) -> x509.Certificate:
    """The certificate in caCertPem."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise TlsError("caCertPem is not a PEM of the type CERTIFICATE") from None


def names_of(csr: x509.CertificateSigningRequest) -> Names:
    """Who a request is for: DNS names, addresses and URIs; other kinds are dropped, as the provider does."""
    try:
        alternatives = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Names(csr.subject, ())
    kept = x509.DNSName | x509.IPAddress | x509.UniformResourceIdentifier
    return Names(csr.subject, tuple(name for name in alternatives if isinstance(name, kept)))


def public_key_of(csr: x509.CertificateSigningRequest) -> PublicKey:
    """The key that a request is for; raises TlsError unless the request is signed with it."""
    key = csr.public_key()
    if not csr.is_signature_valid:
        raise TlsError("certRequestPem is not signed with its own key")
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        return key
    raise TlsError("certRequestPem is for a key that is none of RSA, ECDSA and ED25519")


def issuer_of(certificate: x509.Certificate, key: PrivateKey) -> Issuer:
    """A certificate authority; raises TlsError when key and certificate do not belong together."""
    if certificate.public_key() != key.public_key():
        raise TlsError("caPrivateKeyPem is not the key of caCertPem")
    try:
        key_id = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        key_id = None
    return Issuer(certificate.subject, key, key_id)


def issue(who: Names, public_key: PublicKey, profile: Profile, issuer: Issuer) -> x509.Certificate:
    """A signed certificate, valid from now; raises TlsError for a CA without a subject."""
    if profile.is_ca and not who.subject.rdns:
        raise TlsError("subject must hold at least one name for a certificate authority (isCaCertificate)")
    start = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(who.subject)
        .issuer_name(issuer.name)
        .public_key(public_key)
        .serial_number(secrets.randbits(127) or 1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(hours=profile.validity_hours))
    )
    for extension, critical in _extensions(who, public_key, profile, issuer):
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer.key, _digest(issuer.key))


def pem(item: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """The PEM, with the line end that Go's encoder writes."""
    return item.public_bytes(serialization.Encoding.PEM).decode()


def der(item: x509.CertificateSigningRequest) -> bytes:
    """The request's DER, of which the provider takes the ID."""
    return item.public_bytes(serialization.Encoding.DER)


def subject_key_id(key: PublicKey) -> bytes:
    """The SHA-1 of the public key as the provider takes it (generateSubjectKeyID)."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        # asn1.Marshal of a []byte is an OCTET STRING.
        return hashlib.sha1(b"\x04\x20" + raw, usedforsecurity=False).digest()
    # PKCS#1 and the uncompressed point are what RFC 5280's first method hashes.
    return x509.SubjectKeyIdentifier.from_public_key(key).digest


def _extensions(
    who: Names, public_key: PublicKey, profile: Profile, issuer: Issuer
) -> "list[tuple[x509.ExtensionType, bool]]":
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if key_usages := [KEY_USAGES[use] for use in profile.uses if use in KEY_USAGES]:
        if {"encipher_only", "decipher_only"} & set(key_usages) and "key_agreement" not in key_usages:
            raise TlsError(
                "allowedUses: encipher_only and decipher_only mean something only with key_agreement"
            )
        usage = x509.KeyUsage(**{name: name in key_usages for name in KEY_USAGES.values()})
        extensions.append((usage, True))
    if extended := [EXTENDED_KEY_USAGES[use] for use in profile.uses if use in EXTENDED_KEY_USAGES]:
        extensions.append((x509.ExtendedKeyUsage(extended), False))
    path_length = profile.max_path_length if profile.is_ca else None
    extensions.append((x509.BasicConstraints(ca=profile.is_ca, path_length=path_length), True))
    own_id = subject_key_id(public_key) if profile.is_ca or profile.set_subject_key_id else None
    if own_id:
        extensions.append((x509.SubjectKeyIdentifier(own_id), False))
    if authority_id := _authority_key_id(who, profile, issuer, own_id):
        extensions.append((x509.AuthorityKeyIdentifier(authority_id, None, None), False))
    if who.alternatives:
        extensions.append((x509.SubjectAlternativeName(who.alternatives), not who.subject.rdns))
    return extensions


def _authority_key_id(who: Names, profile: Profile, issuer: Issuer, own_id: bytes | None) -> bytes | None:
    """Go names the issuer's key whenever that has an identifier; a self-signed one's only when asked."""
    if issuer.name != who.subject:
        return issuer.key_id
    if not profile.set_authority_key_id:
        return None
    if not own_id:
        raise TlsError("setAuthorityKeyId needs setSubjectKeyId or isCaCertificate")
    return own_id


def _name(subject: SubjectValues) -> x509.Name:
    rdns: list[x509.RelativeDistinguishedName] = []
    for key, oid in _SUBJECT.items():
        value = subject.get(key) or ()
        values = [value] if isinstance(value, str) else value
        if values:
            rdns.append(x509.RelativeDistinguishedName([_attribute(oid, item) for item in values]))
    return x509.Name(rdns)


def _attribute(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    """As Go's encoding/asn1 writes a string: printable where all its characters are, else UTF-8."""
    if oid == NameOID.EMAIL_ADDRESS:  # which the provider itself encodes
        return x509.NameAttribute(oid, value)
    kind = _ASN1Type.PrintableString if _PRINTABLE.issuperset(value) else _ASN1Type.UTF8String
    return x509.NameAttribute(oid, value, _type=kind)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise TlsError(f"ipAddresses: {text!r} is not an IP address") from None


def _digest(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """The hash that Go's crypto/x509 signs with for the key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {384: hashes.SHA384(), 521: hashes.SHA512()}.get(key.key_size, hashes.SHA256())
    return hashes.SHA256()
