"""The one error of the tls stand-in."""


class TlsError(Exception):
    """An input cannot be used; the message names the property and never holds a key."""
