"""What time it is, in one place, so that a test can have it otherwise."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
