"""Seconds that the library and the command line take to start, beside the interpreter alone and two libraries.

    python -m benchmarks.starting [--repeats 7]

Each start is a process of its own; all take turns, so that what else the machine does meets all alike. Printed as JSON:
the least and the median seconds on the clock and of the processor. The tests hold what keeps the first three fast: they
import nothing but the standard library, or neither torch nor the package of the face.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

STARTS = {
    "import dfe_core": ["-c", "import dfe_core"],
    "dfe --help": ["-m", "train", "--help"],
    "open_face, cached": ["-c", "from dfe_core.faces import open_face; open_face()"],
    "the interpreter alone": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import pandas": ["-c", "import pandas"],
}


def main() -> None:
    """Print the seconds of every start."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "DFE_CACHE": cache}
        for arguments in STARTS.values():  # fills the cache of the face, and reads the files of all once
            started(arguments, environment)
        rounds = [{name: started(each, environment) for name, each in STARTS.items()} for _ in range(repeats)]
    for name in STARTS:
        clock, processor = zip(*(each[name] for each in rounds), strict=True)
        print(json.dumps({"start": name, "clock_s": summary(clock), "processor_s": summary(processor)}))


def started(arguments: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    begun, before = time.perf_counter(), processor_s()
    subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun, processor_s() - before


def processor_s() -> float:
    """Of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def summary(seconds: tuple[float, ...]) -> dict[str, float]:
    """The least and the median."""
    return {"least": round(min(seconds), 3), "median": round(statistics.median(seconds), 3)}


if __name__ == "__main__":
    main()
