"""Ports on loopback that stay the same from one start to the next."""

import json
import random
import socket
from dataclasses import dataclass
from pathlib import Path

from kube import private_files

# Below the ports that Linux and macOS hand to outgoing connections, which would take one now and then.
FIRST, LAST = 20000, 29999


@dataclass(frozen=True)
class Ports:
    """Ports by process name, remembered in a file."""

    path: Path

    def all(self) -> dict[str, int]:
        """Read the remembered ports; none when the file is missing or damaged."""
        try:
            return {str(name): int(port) for name, port in json.loads(self.path.read_text()).items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def settle(self, wanted: dict[str, bool]) -> dict[str, int]:
        """Give each name a port; `wanted` tells whether its process is running, and then the port stays.

        A remembered port that something else has taken is replaced.
        """
        ports = self.all()
        for name, running in wanted.items():
            if name in ports and (running or is_free(ports[name])):
                continue
            ports[name] = _choose(set(ports.values()))
        private_files.write(self.path, json.dumps(ports, indent=2).encode())
        return ports


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Tell whether a server takes connections on this port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False


def _choose(taken: set[int]) -> int:
    candidates = random.sample(range(FIRST, LAST + 1), 200)
    for port in candidates:
        if port not in taken and is_free(port):
            return port
    raise RuntimeError(f"no free port between {FIRST} and {LAST}")
