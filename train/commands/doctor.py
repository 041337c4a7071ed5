"""`dfe doctor`: is everything sound, and what to do about what is not."""

from __future__ import annotations

import argparse

from dfe_core.progress import Listener

from ..tables import table

DESCRIPTION = (
    "Check Python, packages, torch, drawing, the browser and every artefact of the cache (read in full and "
    "compared with its hashes). Exit code 1 when something does not work."
)
EXAMPLES = ("dfe doctor", "dfe doctor --repair")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repair",
        action="store_true",
        help="first mend what can be mended without losing anything: "
        "finish or roll back interrupted changes, delete leftovers, make indexes and tokens again",
    )


def run(args: argparse.Namespace, progress: Listener) -> int:
    from dfe_core.workspace.repair import repair

    from ..health import BAD, GOOD, checkup

    if args.repair:
        print("\n".join(repair(progress=progress)) or "nothing to repair", end="\n\n")
    checks = checkup(progress=progress)
    print(table(("", "what", "found"), [(c.state, c.what, c.found) for c in checks]))
    remedies = [c for c in checks if c.state != GOOD and c.remedy]
    if remedies:
        print("\nwhat to do\n" + "\n".join(f"  {c.what}: {c.remedy}" for c in remedies))
    faulty = sum(c.state == BAD for c in checks)
    print(f"\n{faulty} faults" if faulty else "\nno faults")
    return 1 if faulty else 0
