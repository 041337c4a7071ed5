"""Where work on recordings is done: in this process, in several, or on a Ray cluster. The results are the same."""

from dfe_core.engines.engine import LOCAL, Engine, EngineOptions, open_engine
from dfe_core.engines.grouping import consecutive_groups
from dfe_core.engines.reporting import report_part

__all__ = ("LOCAL", "Engine", "EngineOptions", "consecutive_groups", "open_engine", "report_part")
