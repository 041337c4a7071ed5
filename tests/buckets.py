"""An S3 server on this machine, for tests: one that can fail now and then."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

BUCKET = "lab"
_BUSY = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.'
    b"</Message></Error>"
)
_REFUSED = _BUSY.replace(b"SlowDown", b"AccessDenied").replace(b"Please reduce your request rate.", b"Access Denied")


@dataclass
class Server:
    """requests: (method, path, bytes of the answer) of each. every: of so many requests one fails (0: none).
    refuse: whether credentials are refused."""

    url: str = ""
    every: int = 0
    refuse: bool = False
    requests: list[tuple[str, str, int]] = field(default_factory=list)

    def __call__(self, environ, start_response):
        self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], 0))
        if self.every and len(self.requests) % self.every == 0:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("503 Slow Down", [("Content-Type", "application/xml"), ("Content-Length", str(len(_BUSY)))])
            return [_BUSY]
        if self.refuse:
            start_response(
                "403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(_REFUSED)))]
            )
            return [_REFUSED]
        number = len(self.requests) - 1
        answer = b"".join(self.app(environ, start_response))
        self.requests[number] = (*self.requests[number][:2], len(answer))
        return [answer]

    def read(self, ending: str) -> int:
        """Bytes that were answered of objects with this ending."""
        return sum(size for method, path, size in self.requests if method == "GET" and path.endswith(ending))


@contextmanager
def s3_server(bucket: str = BUCKET) -> Iterator[Server]:
    """A server with one empty bucket, and what s3fs needs to find it in the environment. Skips without the packages."""
    for package in ("s3fs", "moto", "flask_cors"):
        pytest.importorskip(package, reason="needs dfe[cloud] and moto[s3] (requirements-test.txt)")
    import fsspec
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = Server()
    server.app = DomainDispatcherApplication(create_backend_app)
    served = make_server("127.0.0.1", 0, server, threaded=True)
    server.url = f"http://127.0.0.1:{served.port}"
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    held = {"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    held |= {"AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "AWS_CA_BUNDLE": ""}
    before = {name: os.environ.get(name) for name in held}
    os.environ.update(held)
    os.environ.pop("AWS_CA_BUNDLE")
    try:
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir(bucket)
        server.requests.clear()
        yield server
    finally:
        served.shutdown()
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def content(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
