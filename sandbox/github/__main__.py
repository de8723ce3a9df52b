"""`python -m sandbox.github --port N --data DIR`: the emulator as a process, on loopback only.

`GET /healthz` answers 200 as soon as it serves. Ends on SIGTERM or SIGINT.
"""

import asyncio
import logging
import os
import socket
import sys
from pathlib import Path
from typing import TypeAlias

import click
import uvicorn
from pydantic import ValidationError
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.github.app import build
from sandbox.github.hub import Hub
from sandbox.github.store import Store

Address: TypeAlias = tuple[str, int]
_connections: dict[Address, asyncio.Transport] = {}


class Protocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it; remembers its connections, so that a fault can break one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        if self.client is not None:
            _connections[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        if self.client is not None:
            _connections.pop(self.client, None)


def drop(client: Address) -> None:
    """Break a connection without an answer."""
    _connections[client].abort()


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True)
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(port: int, data: Path) -> None:
    """Serve an emulated GitHub on 127.0.0.1:PORT with its state in DATA."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise click.ClickException(
            f"--port {port}: {os.strerror(error.errno or 0)}; choose a free port"
        ) from None
    # Head and body go out as two packets: without this each answer waits 40 ms for the client's delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        store = Store(data)
    except BlockingIOError:
        raise click.ClickException(f"--data {data}: another emulator uses this folder") from None
    except ValidationError:
        message = f"{data / 'state.json'}: not a state of this emulator; remove the folder to begin anew"
        raise click.ClickException(message) from None
    config = uvicorn.Config(
        build(Hub(store, drop)),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
