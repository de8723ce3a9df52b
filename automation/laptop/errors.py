"""What can go wrong on the way to access."""

from automation.errors import TenancyError


class AccessError(TenancyError):
    """Access cannot be had as asked; the message says why and what to do. Never a secret."""


class NotPublishedError(AccessError):
    """There is no certificate of this member."""
