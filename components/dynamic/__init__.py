"""Resources that no provider has: signed certificates, ServiceAccount tokens, claims on names.

The names of these modules and of their provider classes are in the state of every stack: never rename them.
"""

from components.dynamic.certificate import SignedCertificate, SignedCertificateArgs
from components.dynamic.claims import Claims, ClaimsArgs
from components.dynamic.token import ServiceAccountToken, ServiceAccountTokenArgs

__all__ = [
    "Claims",
    "ClaimsArgs",
    "ServiceAccountToken",
    "ServiceAccountTokenArgs",
    "SignedCertificate",
    "SignedCertificateArgs",
]
