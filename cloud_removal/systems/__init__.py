"""One file a system; each is found by its module name."""

import importlib
import pkgutil

from cloud_removal.errors import OptionError
from cloud_removal.systems.base import Completer, Restorer, Synthesizer, System

__all__ = ["Completer", "Restorer", "Synthesizer", "System", "find", "names"]

PARTS = ("balance", "base", "history", "judge", "likeness", "monitor", "optimization", "penalty", "workers")
"""Modules here that are no system, but what systems are made of."""


def names() -> list[str]:
    """The systems there are, by module name, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in PARTS)


def find(name: str) -> type[System]:
    """The class of system `name`; OptionError with the right names where there is none."""
    if name not in names():
        raise OptionError(f"There is no system {name!r}. The systems are: {', '.join(names())}.")
    system: type[System] = importlib.import_module(f"{__name__}.{name}").SYSTEM
    return system
