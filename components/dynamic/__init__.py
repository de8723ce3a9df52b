"""Resources that no provider has: signed certificates, ServiceAccount tokens, checks that names are free.

The names of these modules and of their provider classes are in the state of every stack: never rename them.
"""

from components.dynamic.certificate import SignedCertificate, SignedCertificateArgs
from components.dynamic.name_check import NameCheck, NameCheckArgs, ObjectId
from components.dynamic.token import ServiceAccountToken, ServiceAccountTokenArgs

__all__ = [
    "NameCheck",
    "NameCheckArgs",
    "ObjectId",
    "ServiceAccountToken",
    "ServiceAccountTokenArgs",
    "SignedCertificate",
    "SignedCertificateArgs",
]
