"""The device, its bounds, and seconds of a call on it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

PACKAGES = ("torch", "triton", "numpy", "numba", "pyarrow", "vector-quantize-pytorch", "cuml-cu12", "cuml-cu13")


def seconds(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median seconds of a call, warmed up and waited for."""
    call()
    times = []
    for _ in range(repeats):
        wait(device)
        started = time.perf_counter()
        call()
        wait(device)
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def described(device: torch.device) -> dict[str, object]:
    """The device, versions, and how busy the machine is."""
    facts: dict[str, object] = {"device": str(device), "machine": platform.machine(), "cores": os.cpu_count()}
    facts["load"] = round(os.getloadavg()[0], 1)
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        facts |= {"name": found.name, "memory_gb": round(found.total_memory / 1e9, 1)}
        facts |= {"multiprocessors": found.multi_processor_count, "cuda": torch.version.cuda}
    else:
        facts["threads"] = torch.get_num_threads()
    return facts | {name: known for name in PACKAGES if (known := _version(name))}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def bandwidth(device: torch.device, repeats: int) -> float:
    """Bytes a second that a copy within the device's memory reads and writes."""
    count = 1 << (28 if device.type == "cuda" else 23)
    source = torch.zeros(count, device=device)
    into = torch.empty_like(source)
    return 8 * count / seconds(lambda: into.copy_(source), device, repeats)


def instructions(device: torch.device) -> float:
    """Instructions that all warps together can be given a second: four schedulers a multiprocessor; 0 for a CPU."""
    if device.type != "cuda":
        return 0.0
    clock_hz = torch.cuda.clock_rate(device) * 1e6 if _has_nvml() else 1.755e9
    return 4.0 * torch.cuda.get_device_properties(device).multi_processor_count * clock_hz


def _has_nvml() -> bool:
    """torch reads clocks through a package that need not be there; an H100's boost clock stands in."""
    try:
        import pynvml  # noqa: F401
    except ImportError:
        return False
    return True
