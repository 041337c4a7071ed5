"""Ports for servers that tests start."""

from __future__ import annotations

import secrets
import socket

_FIRST, _COUNT = 10_000, 22_000
"""Below those that systems give to connections that go out, of which a browser beside these tests has hundreds: none of
them takes the port before its server does."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody has now."""
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
