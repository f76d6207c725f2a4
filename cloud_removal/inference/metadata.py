"""What is written of a raster: its own tags, and the metadata file of a Landsat product beside it.

Source of the file's form: USGS, Landsat Collection 2 Level 1 and Level 2 product guides: NAME = VALUE in groups.
"""

from pathlib import Path
from typing import Any

from cloud_removal.errors import InputError

END = "_MTL.txt"
LONGEST = 1 << 20
"""Bytes of a metadata file that are read; products have some 20,000."""


def tags(source: Any, path: Path) -> dict[str, str]:
    """All that is told of the open raster `source` from `path`, by plain names; its own tags go first."""
    beside = beside_product(path)
    told = {} if beside is None else _read(beside)
    given = {name: value for name, value in source.tags(ns="IMD").items() if "." not in name}  # Others GDAL read there.
    return told | given | source.tags()


def beside_product(path: Path) -> Path | None:
    """The metadata file of the Landsat product by which `path` is named (LC09_..._T1_rgb.tif: LC09_..._T1_MTL.txt)."""
    named = [file for file in path.parent.glob(f"?*{END}") if path.name.startswith(file.name.removesuffix(END))]
    return max(named, key=lambda file: len(file.name), default=None)


def files(source: Any) -> list[str]:
    """All files from which an open raster is read, and its product's metadata file."""
    beside = beside_product(Path(source.name))
    return sorted({*source.files} | ({str(beside)} if beside else set()))


def _read(file: Path) -> dict[str, str]:
    """The values of a metadata file. Of a name that comes again the first holds: later groups tell of earlier levels.

    Raises InputError where it cannot be read.
    """
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            lines = stream.read(LONGEST).splitlines()
    except OSError as error:
        raise InputError(f"{file}, which tells of the raster beside it, cannot be read: {error.strerror}.") from error
    values: dict[str, str] = {}
    for line in lines:
        name, equals, value = (part.strip() for part in line.partition("="))
        if equals and name not in ("GROUP", "END_GROUP"):
            values.setdefault(name, value.strip('"'))
    return values
