"""Whether a component of the control plane answers that it is well."""

import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from sandbox.controlplane.pki import Pair

TIMEOUT = 2.0  # seconds


def https_check(url: str, *, ca: Path, client: Pair | None = None) -> Callable[[], bool]:
    """Make a check that asks a URL on loopback and wants a 200."""

    def check() -> bool:
        try:
            context = ssl.create_default_context(cafile=str(ca))
            if client:
                context.load_cert_chain(client.certificate, client.key)
            # No proxy: this machine is meant, whatever the environment says.
            opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
            with opener.open(url, timeout=TIMEOUT) as answer:
                return answer.status == 200
        except (URLError, OSError, ValueError):
            return False

    return check
