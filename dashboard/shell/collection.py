"""Garbage is collected by the minute and not after every click, where it holds the whole server.

Sessions that have ended are often parts of cycles, and the files that were dropped in them go with them
(`data.staging`): so they are looked for even where nobody clicks any more.
"""

from __future__ import annotations

import asyncio
import gc

EVERY_S = 60.0


async def collect_regularly(every_s: float = EVERY_S) -> None:
    """Collect garbage every so many seconds, until it is cancelled."""
    while True:
        await asyncio.sleep(every_s)
        gc.collect()
