"""Many people at one server: ``python benchmarks/sessions.py --sessions 30 --clicks 10`` (on ``$DFE_CACHE``).

One Chromium opens a codeword and clicks another; what it sends for that click is then sent, with other codewords, by
`--sessions` connections at once, each waiting `--pause` seconds between the answer and its next click. Times are from
a click to the end of the server's answer. ``--loads`` opens that many pages one after the other first, each closed
when it stands, with ``--descriptors`` as the limit of open files (macOS: 256), and gives the
server's memory after each hundred.

Browsers' own work is left out: thirty of them do not fit beside the server on one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

PROJECT = Path(__file__).resolve().parents[1]
ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
QUERY = "codeword=3&model=default&dataset=simulated"
FIRST, SECOND = 3, 25


@dataclass
class Figures:
    """Milliseconds and bytes of each answer; failures in words."""

    first_ms: list[float] = field(default_factory=list)
    click_ms: list[float] = field(default_factory=list)
    click_bytes: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def recorded_click(port: int) -> tuple[BackMsg, BackMsg]:
    """What Chromium sends when the page opens and when a card is clicked."""
    from playwright.sync_api import sync_playwright

    sent: list[BackMsg] = []
    with sync_playwright() as play:
        path = os.environ.get("DFE_CHROMIUM", "/usr/bin/chromium")
        browser = play.chromium.launch(executable_path=path if Path(path).exists() else None, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.on(
            "websocket", lambda channel: channel.on("framesent", lambda data: sent.append(BackMsg.FromString(data)))
        )
        page.goto(f"http://localhost:{port}/codebook?{QUERY}")
        card = page.locator(f'.dfe-gallery .card[data-id="{SECOND}"]')
        card.wait_for(timeout=120_000)
        page.wait_for_timeout(3000)
        card.click()
        page.wait_for_timeout(3000)
        browser.close()
    runs = [message for message in sent if message.WhichOneof("type") == "rerun_script"]
    return runs[0], next(m for m in runs if f'"value":{SECOND}' in str(m).replace("\\", "").replace(" ", ""))


def keep(sent: list[BackMsg], data: bytes | str) -> None:
    """Add what a browser sent; other channels than Streamlit's speak text."""
    if isinstance(data, bytes):
        sent.append(BackMsg.FromString(data))


async def answer(channel: websockets.ClientConnection, message: BackMsg) -> tuple[float, int]:
    """Send a message and read until the run that it starts has ended: milliseconds and bytes."""
    begun, size, running = time.perf_counter(), 0, False
    await channel.send(message.SerializeToString())
    while True:
        data = await channel.recv()
        size += len(data)
        got = ForwardMsg.FromString(data)
        kind = got.WhichOneof("type")
        running = running or kind == "new_session"
        if kind == "script_finished" and running:
            if got.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                running = False
                continue
            return 1e3 * (time.perf_counter() - begun), size


async def visit(port: int, first: BackMsg, click: BackMsg, args: argparse.Namespace, into: Figures, seed: int) -> None:
    """One person: opens the page, then clicks codewords."""
    rng = np.random.default_rng(seed)
    await asyncio.sleep(rng.uniform(0, args.pause))
    try:
        async with websockets.connect(
            f"ws://localhost:{port}/_stcore/stream", max_size=None, subprotocols=["streamlit"], origin=None
        ) as channel:
            into.first_ms.append((await answer(channel, first))[0])
            text = click.SerializeToString()
            for _ in range(args.clicks):
                await asyncio.sleep(rng.uniform(0.5, 1.5) * args.pause)
                number = int(rng.integers(1, 40))
                message = BackMsg.FromString(text)
                for widget in message.rerun_script.widget_states.widgets:
                    if widget.json_trigger_value:
                        widget.json_trigger_value = re.sub(
                            r'("value": ?)\d+', rf"\g<1>{number}", widget.json_trigger_value
                        )
                took, size = await answer(channel, message)
                into.click_ms.append(took)
                into.click_bytes.append(size)
    except (OSError, websockets.WebSocketException, TimeoutError) as error:
        into.failures.append(f"{type(error).__name__}: {error}")


async def everybody(port: int, first: BackMsg, click: BackMsg, args: argparse.Namespace, into: Figures) -> None:
    """All sessions at once."""
    await asyncio.gather(*(visit(port, first, click, args, into, seed) for seed in range(args.sessions)))


async def loads(port: int, first: BackMsg, number: int, server: int) -> dict[str, object]:
    """Pages opened one after the other, each closed when it stands: how many failed, and MB and open files of the
    server after each hundred."""
    failed, megabytes, files = 0, [], []
    for done in range(number):
        if done % 100 == 0:
            megabytes.append(resident_mb(server))
            files.append(open_files(server))
        try:
            async with websockets.connect(f"ws://localhost:{port}/_stcore/stream", max_size=None) as channel:
                await asyncio.wait_for(answer(channel, first), 60)
        except (OSError, websockets.WebSocketException, TimeoutError):
            failed += 1
    return {"loads": number, "loads_failed": failed, "mb": [*megabytes, resident_mb(server)], "open_files": files}


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", status)[1]) // 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_s(pid: int) -> float:
    """Processor seconds that a process and its children have used."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        for thread in Path(f"/proc/{one}/task").iterdir():
            waiting += map(int, (thread / "children").read_text().split())
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--clicks", type=int, default=10, help="of each session")
    parser.add_argument("--pause", type=float, default=5.0, help="mean seconds from an answer to the next click")
    parser.add_argument("--loads", type=int, default=0, help="pages opened before, one after the other")
    parser.add_argument("--descriptors", type=int, help="limit of open files of the server")
    args = parser.parse_args()
    port, environment = free_port(), {**os.environ, "DFE_TOKEN": "", "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "train", "dashboard", "--port", str(port), "--no-token"]
    if args.descriptors:
        command = ["sh", "-c", f'ulimit -n {args.descriptors}; exec "$@"', "sh", *command]
    server = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://localhost:{port}/_stcore/health").read()
                break
            except OSError:
                time.sleep(0.5)
        first, click = recorded_click(port)
        report = {}
        if args.loads:
            streamlit = int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])
            report = asyncio.run(loads(port, first, args.loads, streamlit))
        figures, before, begun = Figures(), cpu_s(server.pid), time.perf_counter()
        asyncio.run(everybody(port, first, click, args, figures))
        report |= {
            "sessions": args.sessions,
            "clicks": len(figures.click_ms),
            "click_ms": {q: round(float(np.percentile(figures.click_ms, q))) for q in (50, 95, 100)},
            "first_ms": {q: round(float(np.percentile(figures.first_ms, q))) for q in (50, 95, 100)},
            "bytes_per_click": round(float(np.mean(figures.click_bytes))),
            "cpu_ms_per_click": round(1e3 * (cpu_s(server.pid) - before) / max(1, len(figures.click_ms))),
            "seconds": round(time.perf_counter() - begun, 1),
            "failures": figures.failures[:5],
            "load_average": os.getloadavg()[0],
        }
        print(json.dumps(report, indent=1))
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    main()
