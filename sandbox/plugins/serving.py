"""What every stand-in plugin does alike: announce its port, serve gRPC, and end when the engine ends."""

import logging
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from concurrent import futures

import grpc

# The engine sends whole checkpoints' worth of properties in one message; its own servers set no limit either.
_UNLIMITED_MESSAGES = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]


def serve(register: Callable[[grpc.Server], None], workers: int = 32) -> None:
    """Serves on a free port of 127.0.0.1 until SIGINT, SIGTERM or the end of the parent process.

    The port is the first line on standard output: that is how the engine learns it.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    # The generated base classes answer a call they lack with Unimplemented, as the engine expects, but also
    # raise an error that gRPC would log with its whole traceback.
    logging.getLogger("grpc._server").addFilter(_is_no_unimplemented_call)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=workers), options=_UNLIMITED_MESSAGES)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    end_with_parent()
    stop.wait()
    server.stop(grace=None).wait()


def end_with_parent() -> None:
    """Sends this process SIGTERM when its standard input, a pipe that the engine holds open, is closed.

    An engine that was killed cannot stop its plugins; without this they would stay for ever. (The kernel's
    parent death signal is no help: it fires when the engine's *thread* that started the plugin ends.)
    """
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_wait_for_end_of_input, daemon=True).start()


def _wait_for_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def engine_address(arguments: list[str]) -> str:
    """The engine's gRPC address: its plugins get it as the last argument, after any logging flags."""
    return arguments[-1] if len(arguments) > 1 else ""


def _is_no_unimplemented_call(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], NotImplementedError))
