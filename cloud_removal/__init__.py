"""Clouds, haze and shadow off satellite and aerial pictures: the ground given back, pixel by pixel accounted for."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloud_removal.inference.xarrays.arrays import remove_clouds

__all__ = ["remove_clouds"]


def __getattr__(name: str) -> Any:
    """What the package offers is imported when it is first used, so that importing the package takes no time."""
    if name == "remove_clouds":
        return importlib.import_module("cloud_removal.inference.xarrays.arrays").remove_clouds
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
