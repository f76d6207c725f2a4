"""What no raster that is read may do: be larger than a user would believe, or make other files be read."""

import math
from pathlib import Path
from typing import Any

from cloud_removal.errors import InputError, OptionError

IN_PIECES, IN_ROWS, AT_ONCE = 20e9, 2e9, 64e6
"""Pixels that a raster may have unless a user says otherwise: a GeoTIFF or JPEG 2000 of tiles or strips, each decoded
on its own; a PNG or JPEG, which may have to be decoded from its beginning; one of which a single tile or strip has more
than the last of these. A few hundred bytes can claim to be any of them."""
PIECE_PIXELS = int(AT_ONCE)
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How GeoTIFFs begin, the large ones too."""
BESIDE = (".ovr", ".msk")
"""Files of overviews and masks that GDAL opens with a raster, whatever they are."""


def check_most(most: float | None) -> None:
    """Refuses a --max-pixels that cannot be meant. Raises OptionError."""
    if most is not None and not 0.0 < most < math.inf:
        raise OptionError(f"--max-pixels {most:g}: expected a number of pixels, e.g. 5e9.")


def refuse_bomb(source: Any, path: Path, most: float | None) -> None:
    """Refuses an open raster of more pixels than `most`, or than is usual for its kind. Raises InputError."""
    pixels = source.height * source.width
    piece = max(rows * columns for rows, columns in source.block_shapes)
    usual = IN_PIECES if source.driver in ("GTiff", "JP2OpenJPEG") else IN_ROWS
    why = ""
    if piece > PIECE_PIXELS:
        usual, why = AT_ONCE, f" where {piece / 1e6:.0f} megapixels have to be decoded at once"
    limit = usual if most is None else most
    if pixels > limit:
        size = f"{source.width}x{source.height} px ({_gigapixels(pixels)})"
        raise InputError(
            f"{path} is {size}; at most {_gigapixels(limit)} are read{why if most is None else ''}, for a small file "
            f"may claim any size. If it is right: remove --max-pixels {math.ceil(pixels / 1e9)}e9."
        )


def refuse_links_beside(path: Path) -> None:
    """Refuses a raster beside which overviews or a mask are no GeoTIFF, and so may name any file. Raises InputError."""
    for suffix in BESIDE:
        for beside in (path.with_name(path.name + suffix), path.with_name(path.name + suffix.upper())):
            if beside.is_file() and not _is_tiff(beside):
                raise InputError(f"{beside}, which GDAL would read with {path.name}, is no GeoTIFF. Take it away.")


def refuse_links_inside(source: Any, path: Path) -> None:
    """Refuses an open raster that names another file as its overviews. Raises InputError."""
    named = source.get_tag_item("OVERVIEW_FILE", "OVERVIEWS")
    if named is not None:
        raise InputError(
            f"{path} (or its .aux.xml) names another file as its overviews, {named}; no other file is read. Take "
            "OVERVIEW_FILE out of its metadata."
        )


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in TIFF


def _gigapixels(pixels: float) -> str:
    return f"{pixels / 1e9:.3g} gigapixels"
