"""Errors of the dynamic resources, each one line for people and without any key, token or kubeconfig."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from pulumi.dynamic import CheckFailure

from kube import ApiError, KubeconfigError, KubeError, Unreachable

logger = logging.getLogger("tenancy.dynamic")
"""Its warnings reach the user: the engine shows the standard error of the host of dynamic resources."""


class DynamicError(Exception):
    """Anything that a dynamic resource could not do."""

    left_behind: str = ""
    """What could not be cleaned up after it."""

    def __str__(self) -> str:
        """One line."""
        return "; ".join(filter(None, (super().__str__(), self.left_behind)))


class InvalidInputError(DynamicError):
    """What the program asked for cannot be right, whatever the cluster says."""


class ClusterUnreachableError(DynamicError):
    """The API server is away, or nothing tells how to reach it."""


class NotPermittedError(DynamicError):
    """The identity of the kubeconfig lacks a right, which the text names."""


class RefusedError(DynamicError):
    """The API server refused for another reason than a missing right."""


class RequestDeniedError(DynamicError):
    """Somebody denied the CertificateSigningRequest."""


class RequestFailedError(DynamicError):
    """The signer could not sign the CertificateSigningRequest."""


class NotSignedInTimeError(DynamicError):
    """No certificate came: the signer is slow, or nobody runs it."""


class RequestNameTakenError(DynamicError):
    """Others hold the names of our CertificateSigningRequest."""


class WrongCertificateError(DynamicError):
    """The certificate that came is not the one that was asked for."""


class LifetimeTooShortError(DynamicError):
    """The cluster grants less time than the renewal needs."""


class MissingError(DynamicError):
    """An object that must be there is not."""


@contextmanager
def clear_errors(what: str) -> Generator[None]:
    """Turn whatever the API client raises into a DynamicError that begins with `what`."""
    try:
        yield
    except (Unreachable, KubeconfigError) as error:
        raise ClusterUnreachableError(f"{what}: {_one_line(error)}") from None
    except ApiError as error:
        if error.code == 401:
            text = "the API server does not accept the credential of this kubeconfig (401 Unauthorized)"
            raise NotPermittedError(f"{what}: {text}") from None
        if error.code == 403:
            raise NotPermittedError(f"{what}: {_one_line(error)}") from None
        raise RefusedError(f"{what}: {_one_line(error)}") from None
    except KubeError as error:
        raise RefusedError(f"{what}: {_one_line(error)}") from None


def failure(key: str, text: str) -> CheckFailure:
    """Say that an input is wrong. The engine would print the whole value of a property that is named."""
    return CheckFailure("", f"{key}: {text}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


class _WithoutOurErrors(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Drop the record of an error that the engine shows anyway."""
        return not (record.exc_info and isinstance(record.exc_info[1], DynamicError))


_FILTER = _WithoutOurErrors()


def hide_tracebacks() -> None:
    """Keep gRPC's server from logging a Python traceback for an error that the user is told in one line."""
    logging.getLogger("grpc._server").addFilter(_FILTER)
