"""What can go wrong with a kubeconfig or with the API server. No error holds a credential."""

from kube.types import JsonObject


class KubeconfigError(ValueError):
    """A kubeconfig that cannot be used; the text names its source and the entry, never a credential."""


class KubeError(Exception):
    """Anything that went wrong with the API server. Holds no credential."""


class Unreachable(KubeError):  # noqa: N818 - what it says of the server
    """The API server could not be reached, or did not answer in time."""

    def __init__(self, server: str, problem: str) -> None:
        super().__init__(f"{server} is unreachable: {problem}")
        self.server = server
        self.problem = problem


class UnknownKind(KubeError):  # noqa: N818 - as kubectl's NoMatch
    """The API server does not serve this apiVersion and kind."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')
        self.api_version = api_version
        self.kind = kind


class ApiError(KubeError):
    """A refusal by the API server: its Status, word for word (metav1.Status)."""

    def __init__(self, code: int, reason: str, message: str, details: JsonObject | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details: JsonObject = details or {}

    @property
    def causes(self) -> list[JsonObject]:
        """The fields it complains about: a list of {reason, message, field}."""
        return self.details.get("causes") or []

    @classmethod
    def from_status(cls, code: int, status: JsonObject | None, raw: bytes = b"") -> "ApiError":
        """The error of an answer: its metav1.Status, else the beginning of its text."""
        if status is not None and status.get("kind") == "Status":
            message = str(status.get("message") or status.get("reason") or f"HTTP status {code}")
            reason = str(status.get("reason") or "")
            return cls(int(status.get("code") or code), reason, message, status.get("details"))
        text = raw.decode("utf-8", "replace").strip()
        return cls(code, "", f"HTTP status {code}: {text[:500]}" if text else f"HTTP status {code}")
