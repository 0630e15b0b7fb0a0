"""Free ports.

They are below 32768, because the kernel may assign higher ports to outgoing connections at any moment. They are
picked at random, because two concurrent runs would otherwise try the same ports in the same order.
"""

from __future__ import annotations

import random
import socket

_handed_out: set[int] = set()
_random = random.SystemRandom()


def free_port() -> int:
    """A port on which nobody listens now, and which this process has not been given before."""
    for _ in range(1000):
        port = _random.randrange(10000, 32000)
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port
    raise RuntimeError("no free port between 10000 and 32000")


def free_ports(count: int) -> list[int]:
    return [free_port() for _ in range(count)]


def _is_free(port: int) -> bool:
    # Without SO_REUSEADDR on purpose: a port in TIME_WAIT is as bad as a taken one for servers that do not set it.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
