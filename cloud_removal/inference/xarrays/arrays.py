"""Clouds off an xarray.DataArray: nothing is computed until it is asked for, chunk by chunk, by any dask scheduler."""

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloud_removal.errors import InputError, ModelError, OptionError
from cloud_removal.inference import sensors
from cloud_removal.inference.compose import NO_DATA
from cloud_removal.inference.model import fingerprint, read_card
from cloud_removal.inference.raster import SMALLEST_SIDE, TYPES
from cloud_removal.inference.scaling import Scaling, choose
from cloud_removal.inference.settings import WINDOW, Settings, check_settings, thresholds
from cloud_removal.inference.statistics import Sample
from cloud_removal.inference.xarrays import lazy
from cloud_removal.model_folder import DEFAULT

if TYPE_CHECKING:
    import xarray

INSTALL = "python -m pip install 'dask[array]' rioxarray"
WHERE = "the array"
GRID = "grid_mapping"
"""Which coordinate holds the CRS, in the attributes or the encoding of an array."""
CODES = "0 no data, 1 kept, 2 thin cloud removed, 4 guessed under opaque cloud"


def remove_clouds(
    array: "xarray.DataArray",
    model: Path | str = DEFAULT,
    *,
    bands: Sequence[int] | None = None,
    scale: float | None = None,
    sensor: str | None = None,
    baseline: float | None = None,
    keep_below: float | None = None,
    opaque_above: float | None = None,
    window: int = WINDOW,
) -> "xarray.Dataset":
    """Takes clouds and haze off `array` (a band dimension and y, x), as the command `remove --no-inpaint` does.

    Returns a Dataset on the same grid, with the same CRS: `ground` (as `array`, in its units and type; bands that were
    not chosen pass through), `opacity` (y, x) float32 from 0 to 1, NaN without data, and `provenance` (y, x) uint8: 0
    no data, 1 kept, 2 thin cloud removed, 4 guessed under opaque cloud. All are lazy dask arrays in chunks of windows;
    brightness is fixed once from places all over the array, by a task of its own. The values equal those of the
    command on the same raster. Whether they fit the input (--residual, see docs/consistency.md) is not checked here,
    how far they may be off (--uncertainty) not told; cloud shadows (--shadows) stay.

    `model`: a model folder, as --model. `bands` of red, green and blue, counted from 1; None: the only three. The
    others as the options of the same names; `sensor` None: as tags in the array's attributes say. `nodata` and CRS are
    those that rioxarray sees. Raises a CloudRemovalError where anything is wrong; what is wrong with the values shows
    when they are computed.
    """
    _check_installed()
    import dask.array as da
    import rioxarray  # noqa: F401

    settings = Settings(
        tuple(bands) if bands else None, scale, keep_below, opaque_above, window, sensor=sensor, baseline=baseline
    )
    check_settings(settings)
    card = read_card(Path(model))
    if not card.grid.exact:
        raise ModelError(f"{card.title} looks at each window as a whole, which is not done lazily. Use remove.")
    layers = _layers(array)
    chosen = _chosen(layers, settings.bands)
    every = layers.data if hasattr(layers.data, "dask") else da.from_array(layers.data, chunks=(-1, "auto", "auto"))
    rgb = every[[band - 1 for band in chosen]]
    nodata = layers.rio.nodata
    height, width = layers.shape[1:]
    work = lazy.Work(
        height=height,
        width=width,
        nodata=None if nodata is None else float(nodata),
        card=card,
        content=fingerprint(card),
        thresholds=thresholds(card, settings),
        choose=functools.partial(_scaling, layers.dtype.name, dict(layers.attrs), settings),
    )
    values, opacity, provenance = lazy.restored(rgb, work, window)
    planes = [values[chosen.index(n)] if n in chosen else every[n - 1] for n in range(1, len(every) + 1)]
    return _dataset(array, layers, da.stack([plane.rechunk(opacity.chunks) for plane in planes]), opacity, provenance)


def _check_installed() -> None:
    missing = [name for name in ("dask", "xarray", "rioxarray") if importlib.util.find_spec(name) is None]
    if missing:
        raise OptionError(f"remove_clouds needs {' and '.join(missing)}, not installed here: {INSTALL}")


def _layers(array: "xarray.DataArray") -> "xarray.DataArray":
    """The array as (band, y, x). InputError where it is of another kind."""
    others = [name for name in array.dims if name not in (array.rio.x_dim, array.rio.y_dim)]
    if array.ndim != 3 or len(others) != 1:
        raise InputError(f"The array has dimensions {', '.join(map(str, array.dims))}; expected bands, y and x.")
    layers = array.transpose(others[0], array.rio.y_dim, array.rio.x_dim)
    if layers.dtype.name not in TYPES:
        raise InputError(f"The array holds values of type {layers.dtype}; expected one of {','.join(TYPES)}.")
    if min(layers.shape[1:]) < SMALLEST_SIDE:
        raise InputError(f"The array is {layers.shape[2]}x{layers.shape[1]} px; {SMALLEST_SIDE} a side are needed.")
    return layers


def _chosen(layers: "xarray.DataArray", bands: tuple[int, ...] | None) -> tuple[int, ...]:
    """The bands of red, green and blue. OptionError where that is not clear."""
    count = len(layers)
    if bands is None and count != 3:
        raise OptionError(f"The array has {count} bands. Say which are red, green and blue, e.g. bands=(4, 3, 2).")
    bands = bands or (1, 2, 3)
    if len(bands) != 3 or len(set(bands)) != 3 or not all(1 <= band <= count for band in bands):
        raise OptionError(f"bands {tuple(bands)}: expected three different bands of the {count}, counted from 1.")
    return bands


def _scaling(dtype: str, attributes: dict[str, Any], settings: Settings, seen: Sample) -> Scaling:
    """How values become pictures: as `pipeline.task_for` has it, with the attributes for tags."""
    own = (float(attributes.get("scale_factor", 1.0)), float(attributes.get("add_offset", 0.0)))
    tags = {name: str(value) for name, value in attributes.items()}
    named = None if settings.scale else settings.sensor or sensors.found(tags, dtype)
    known = None
    if named is not None:
        known, _ = sensors.scaling(named, dtype, tags, [{}] * 3, [own] * 3, settings.baseline, WHERE)
    return choose(seen.bands, dtype, settings.scale, [own] * 3, WHERE, known)


def _dataset(
    array: "xarray.DataArray", layers: "xarray.DataArray", ground: Any, opacity: Any, provenance: Any
) -> "xarray.Dataset":
    """The three results with the grid and CRS of `array`."""
    import xarray

    flat = layers.isel({layers.dims[0]: 0}, drop=True)
    return xarray.Dataset(
        {
            "ground": layers.copy(data=ground).transpose(*array.dims),
            "opacity": _new(flat, opacity, "opacity of the cloud", np.nan),
            "provenance": _new(flat, provenance, CODES, NO_DATA),
        }
    )


def _new(grid: "xarray.DataArray", data: Any, meaning: str, nodata: float) -> "xarray.DataArray":
    """`data` on the grid of another array, without what that says of its own values."""
    fresh = grid.copy(data=data)
    fresh.attrs = {name: value for name, value in grid.attrs.items() if name == GRID} | {"long_name": meaning}
    fresh.encoding = {name: value for name, value in grid.encoding.items() if name == GRID}
    return fresh.rio.write_nodata(nodata)
