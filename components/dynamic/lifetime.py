"""When a credential is due for renewal, and whether the cluster granted what was asked."""

from datetime import UTC, datetime, timedelta

from components.dynamic import clock
from components.dynamic.errors import LifetimeTooShortError

SHORTEST = 600
"""Seconds; the API server refuses less, for certificates (spec.expirationSeconds) and for tokens."""

MARGIN = 60
"""Seconds that a credential must live before its renewal is due."""


def slack(lifetime_seconds: int) -> float:
    """By how many seconds a granted lifetime may differ without a word.

    kube-controller-manager ends certificates of eight hours and more five minutes early, to make up for
    backdating them: pkg/controller/certificates/authority/policies.go.
    """
    return 60 + lifetime_seconds / 100


def problem(lifetime_seconds: int, renew_before_seconds: int) -> tuple[str, str] | None:
    """Say which of the two inputs is wrong, and what would be right."""
    if lifetime_seconds < SHORTEST:
        return "lifetime_seconds", f"{lifetime_seconds} is too short: at least {SHORTEST} is possible"
    most = int(lifetime_seconds - slack(lifetime_seconds) - MARGIN)
    if not 0 <= renew_before_seconds <= most:
        text = f"{renew_before_seconds} is not between 0 and {most}, for a lifetime of {lifetime_seconds}"
        return "renew_before_seconds", text
    return None


def is_due(not_after: str, renew_before_seconds: int) -> bool:
    """Tell whether the renewal window of a credential is open."""
    return clock.now() >= read_time(not_after) - timedelta(seconds=renew_before_seconds)


def check_granted(what: str, granted_seconds: float, asked_seconds: int, renew_before_seconds: int) -> str:
    """Compare what was granted with what was asked; returns a warning, or nothing.

    Raises:
        LifetimeTooShortError: it would be due for renewal as soon as it is issued.
    """
    if granted_seconds < renew_before_seconds + MARGIN:
        raise LifetimeTooShortError(
            f"{what}: the cluster grants {granted_seconds:.0f} s instead of {asked_seconds} s, too little to "
            f"renew it {renew_before_seconds} s before its end: ask for less, or raise the cluster's limit"
        )
    if abs(granted_seconds - asked_seconds) > slack(asked_seconds):
        return f"{what}: the cluster grants {granted_seconds:.0f} s instead of {asked_seconds} s"
    return ""


def read_time(text: str) -> datetime:
    """Read an RFC 3339 time."""
    return datetime.fromisoformat(text).astimezone(UTC)


def write_time(moment: datetime) -> str:
    """Write a time as RFC 3339, in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
