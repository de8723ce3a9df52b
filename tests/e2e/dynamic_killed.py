"""Runs CertificateProvider.create and kills itself: `python -m tests.e2e.dynamic_killed NUMBER before|after`.

The inputs come as JSON on standard input. NUMBER is that of the HTTP request to the API server, from 1.
"""

import itertools
import json
import os
import signal
import sys
from typing import Any

from components.dynamic.certificate import CertificateProvider
from kube import Client

NUMBER, MOMENT = int(sys.argv[1]), sys.argv[2]
numbers = itertools.count(1)
send: Any = Client.send


def die(*arguments: Any, **options: Any) -> Any:
    last = next(numbers) == NUMBER
    if last and MOMENT == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = send(*arguments, **options)
    if last:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer


Client.send = die
CertificateProvider().create(json.loads(sys.stdin.read()))
