"""Performances with known truth. The package can be called: ``dfe_core.simulate(name=…)`` is `simulate_once`.

A function of the public interface and this package have the same name; a package that can be called is the only form
of it that does not depend on which of the two was imported first.
"""

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    def __call__(self, *args: Any, **settings: Any) -> Any:
        from dfe_core.simulate.once import simulate_once

        return simulate_once(*args, **settings)


sys.modules[__name__].__class__ = _CallablePackage
