"""`dfe dashboard`: the Streamlit app, for whoever has the address with its token."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from dfe_core.errors import DataError
from dfe_core.progress import Listener
from dfe_core.toml_file import read_toml

from ..cli import port

DESCRIPTION = (
    "Serve the dashboard on this machine only. It shows what the cache holds and builds what is missing on "
    "its own pages. The address that is printed holds a token, without which nobody gets in."
)
EXAMPLES = (
    "dfe dashboard",
    "dfe dashboard --port 8600 --root /data/studies",
    "dfe dashboard --address 0.0.0.0 --host lab.example.org",
    "dfe dashboard --login /etc/faces/login.toml --root /data/studies",
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PATIENCE_S = 15.0
FEW_FILES, SHORT_S = 1024, 2
"""A page that was closed is kept for two minutes, with three open files, in case its browser comes back. Where the
system lets the server have fewer files than this, it is kept for as many seconds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=port, default=8501, help="(default: 8501)")
    parser.add_argument("--open", action="store_true", help="open it in the default browser")
    parser.add_argument("--model", default="", metavar="NAME", help="the codebook that the printed address opens")
    parser.add_argument("--dataset", default="", metavar="NAME", help="the recordings that the printed address opens")
    parser.add_argument(
        "--root",
        action="append",
        type=Path,
        metavar="DIR",
        help="read recordings and videos below this folder; may be repeated (default: the home folder and this folder)",
    )
    parser.add_argument(
        "--address",
        default="localhost",
        help="to listen on: another one than localhost lets others "
        "in who have the token; put TLS in front (docs/deploy.md)",
    )
    parser.add_argument(
        "--host",
        action="append",
        metavar="NAME",
        help="a further name that the server answers to, as behind a proxy; may be repeated",
    )
    parser.add_argument("--no-token", action="store_true", help="let every account of this machine in; localhost only")
    parser.add_argument(
        "--login",
        type=Path,
        metavar="FILE.toml",
        help="people log in at the OpenID Connect provider that this file names, in place of the token, and have the "
        "roles of roles.toml (docs/deploy.md; extra dfe[login])",
    )


def run(args: argparse.Namespace, progress: Listener) -> int:
    here = Path(__file__).resolve().parents[1]
    app = here.with_name(here.name.replace("train", "dashboard")) / "app.py"
    if not app.is_file():
        raise DataError(app, "the dashboard is not installed", "the whole of dfe")
    if args.login:
        Login.read(args.login)
    if args.no_token and not args.login and args.address not in LOOPBACK:
        raise DataError(
            f"--address {args.address}",
            "would let everybody on the network in without a token",
            "--no-token on localhost alone",
        )
    for root in args.root or ():
        if not root.is_dir():
            raise DataError(root, "no such folder", "one that recordings are read from")
    if _taken(args.port):
        raise DataError(f"port {args.port}", "already in use on localhost", "a free one, as in `--port 8600`")
    return _serve(app, args)


def _serve(app: Path, args: argparse.Namespace) -> int:
    access = importlib.import_module(f"{app.parent.name}.shell.access")
    login = Login.read(args.login) if args.login else None
    token = "" if args.no_token else os.environ.get("DFE_TOKEN") or ("" if login else access.new_token())
    shown = args.address if args.address not in ("0.0.0.0", "::") else "localhost"
    address = (login.origin if login else f"http://{shown}:{args.port}") + start(args, token)
    told = {**os.environ, **environment(args, token), "PYTHONPATH": _path(app)}
    line = [*command(app, args.port, args.address, args.login), *_closed_pages(_allow_more_files())]
    before = None if os.name == "nt" else _die_with_parent  # Windows has no such step
    process = subprocess.Popen(line, env=told, preexec_fn=before)  # noqa: PLW1509 - one system call
    print(f"Dashboard: {address}", flush=True)
    if args.open:
        threading.Thread(target=_open, args=(address, args.port), daemon=True).start()
    return _wait(process)


def start(args: argparse.Namespace, token: str) -> str:
    """Path and query of the printed address: the gallery of the codebook that was named, or the first page."""
    query = {"model": args.model, "dataset": args.dataset, "token": token}
    given = {name: value for name, value in query.items() if value}
    return ("/codebook" if args.model else "/") + (f"?{urlencode(given)}" if given else "")


def environment(args: argparse.Namespace, token: str) -> dict[str, str]:
    """What the app is told: its token, the names it answers to, and the folders it may read from."""
    hosts = [*(args.host or ()), *([args.address] if args.address not in (*LOOPBACK, "0.0.0.0", "::") else [])]
    if args.login:
        hosts.append(Login.read(args.login).host)
    roots = [str(root.resolve()) for root in args.root or ()]
    told = {
        "DFE_TOKEN": token,
        "DFE_HOSTS": ",".join(hosts),
        "DFE_LOGIN": str(args.login or ""),
        **_PREPARED,
        **_NO_OTHER_PERSONS,
    }
    return told | ({"DFE_ROOTS": os.pathsep.join(roots)} if roots else {})


_PREPARED = {"DFE_PREPARE": "1"}
"""What pages show of the default codebook is made in the background."""
_NO_OTHER_PERSONS = {"STREAMLIT_SERVER_TRUSTED_USER_HEADERS": "{}", "STREAMLIT_SERVER_ENABLE_AGENT_API": "false"}
"""Whatever a user's configuration says: nobody states by a header who they are, and no program uses the pages."""


@dataclass(frozen=True)
class Login:
    """A provider of OpenID Connect as Streamlit takes it. origin: the address that people open, host: its name."""

    origin: str
    host: str

    @classmethod
    def read(cls, path: Path) -> Login:
        """Check a file with a table ``[auth]``. Raises `DataError` for what would let nobody in, or too many."""
        if importlib.util.find_spec("authlib") is None:
            raise DataError("--login", "Authlib is not installed", "the extra dfe[login]")
        section = _auth_section(path)
        address = urlsplit(str(section.get("redirect_uri", "")))
        if not address.hostname or address.path != CALLBACK or address.scheme not in ("http", "https"):
            raise DataError(path, "no redirect_uri, or another one", f"the dashboard's address and {CALLBACK}")
        if address.scheme == "http" and address.hostname not in LOOPBACK:
            raise DataError(path, "a redirect_uri without TLS", f"https://{address.netloc}{CALLBACK}")
        if len(str(section.get("cookie_secret", ""))) < LEAST_SECRET:
            raise DataError(path, "no cookie_secret, or a short one", f"{LEAST_SECRET} random characters or more")
        providers = [section] if "client_id" in section else [p for p in section.values() if isinstance(p, dict)]
        if not providers or not all(set(p) >= _PROVIDER for p in providers):
            raise DataError(path, "no provider that is whole", ", ".join(sorted(_PROVIDER)))
        return cls(f"{address.scheme}://{address.netloc}", address.hostname)


CALLBACK, LEAST_SECRET = "/oauth2callback", 32
_PROVIDER = frozenset(("client_id", "client_secret", "server_metadata_url"))


def _auth_section(path: Path) -> dict[str, Any]:
    section = read_toml(path, "a file with a table [auth]").get("auth")
    if not isinstance(section, dict):
        raise DataError(path, "no table [auth]", "one with redirect_uri, cookie_secret and a provider")
    return section


def command(app: Path, port: int, address: str = "localhost", login: Path | None = None) -> list[str]:
    """The command that serves the app. The options stand here too, for a user's own configuration may differ."""
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(app),
        "--server.address",
        address,
        "--server.port",
        str(port),
        "--server.fileWatcherType",
        "none",
        "--server.headless",
        "true",
        "--server.enableCORS",
        "true",
        "--server.enableXsrfProtection",
        "true",
        "--browser.gatherUsageStats",
        "false",
        "--logger.level",
        "warning",
        "--logger.hideWelcomeMessage",
        "true",
        "--client.showErrorDetails",
        "none",
        "--secrets.files",
        str(login.resolve() if login else app.with_name("no-login.toml")),  # that of no other app of this account
    ]


def _wait(process: subprocess.Popen) -> int:
    """Until the server has ended; an interrupt is handed on, and the server has time to stop its jobs."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return 0


def _die_with_parent() -> None:
    """On Linux: the server ends when this command is killed, so that it does not hold the port. It has a group of its
    own, so that a Ctrl-C reaches it through `_wait` alone."""
    os.setpgrp()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _allow_more_files() -> int:
    """As many open files as the system lets us have: every visitor takes some, and macOS gives 256. Returns how many
    that are."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 65536
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65536) if hard != resource.RLIM_INFINITY else 10240
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _closed_pages(files: int) -> list[str]:
    """Options by which the server forgets a closed page in time for its open files to do for the next."""
    return ["--server.disconnectedSessionTTL", str(SHORT_S)] if files < FEW_FILES else []


def _open(address: str, port: int) -> None:
    import time
    import webbrowser

    for _ in range(120):
        if _taken(port):
            webbrowser.open(address)
            return
        time.sleep(0.5)


def _path(app: Path) -> str:
    return os.pathsep.join(p for p in (str(app.parent.parent), os.environ.get("PYTHONPATH", "")) if p)


def _taken(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
