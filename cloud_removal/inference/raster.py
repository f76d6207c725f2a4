"""Reading a picture or raster: which bands, which pixels hold data, what else must come through."""

import contextlib
import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterWindow

from cloud_removal.errors import InputError, OptionError
from cloud_removal.inference import metadata, safety
from cloud_removal.inference.statistics import Sample, sample
from cloud_removal.inference.windows import Area

DRIVERS = ["GTiff", "PNG", "JPEG", "JP2OpenJPEG"]
SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2")
TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
SMALLEST_SIDE = 8
"""Pixels; below this there is nothing that a network could look at."""
CACHE_BYTES = 192 << 20
"""Of GDAL's decoded tiles. Neighbouring rows of windows share their halo: one row of windows across a Sentinel-2 scene
has to fit, or the halo is decoded twice."""
GDAL_ERRORS = (RasterioError, CPLE_BaseError)
"""What may be raised where a raster is written: rasterio passes on some of GDAL's errors as they are."""
PIECE, CHUNK = 64 << 20, 4 << 20
"""Bytes of a file that one thread hashes, and reads at a time."""

Say = Callable[[str], None]
"""Takes a line that a user should read."""


@contextlib.contextmanager
def quiet_gdal() -> Iterator[None]:
    """GDAL with a bounded block cache, errors instead of grey pixels, and no sidecar files written."""
    options: dict[str, Any] = {
        "GDAL_CACHEMAX": CACHE_BYTES,
        "GDAL_PAM_ENABLED": "NO",
        "GDAL_TIFF_INTERNAL_MASK": "YES",
        "GDAL_ERROR_ON_LIBJPEG_WARNING": "YES",
        "GTIFF_IGNORE_READ_ERRORS": "NO",
    }
    with warnings.catch_warnings(), rasterio.Env(**options):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


class Scene:
    """An open raster and the three bands of it that are worked on. One thread at a time may read."""

    def __init__(self, source: DatasetReader, path: Path, bands: Sequence[int]):
        self.source, self.path, self.bands = source, path, tuple(bands)
        self.height, self.width = source.height, source.width
        self.dtype: str = source.dtypes[0]
        self.nodata = source.nodata
        flags = [flag for band in self.bands for flag in source.mask_flag_enums[band - 1]]
        self.masked = MaskFlags.per_dataset in flags
        self.alpha = tuple(i for i, kind in enumerate(source.colorinterp, 1) if kind == ColorInterp.alpha)
        """Bands of transparency. GDAL takes them for a mask only where there are two or four bands."""
        self.with_mask = False
        """Whether a result gets a mask though the scene has none."""
        self.empty: Callable[[Area], NDArray[np.bool_]] | None = None
        """Where (H, W) there is no data, beyond what the raster says itself."""
        self.most: float | None = None
        """Pixels that a raster may have that is read with it, None: as usual for its kind."""
        self.written: tuple[int, ...] = tuple(range(1, source.count + 1))
        """Bands of a result, in their order."""

    @property
    def beside(self) -> list[str]:
        """Names of the files beside it that belong to it: world file, .aux.xml, mask, overviews."""
        return [Path(name).name for name in self.source.files if Path(name).name != self.path.name]

    @property
    def georeferenced(self) -> bool:
        """Whether it says where on Earth it lies."""
        return self.source.crs is not None or not self.source.transform.is_identity or bool(self.source.gcps[0])

    def drop_others(self) -> None:
        """Leaves out of a result all bands but the chosen ones, in the order chosen, and the transparency."""
        self.written = (*self.bands, *self.alpha)

    def read(self, area: Area) -> tuple[NDArray, NDArray[np.bool_]]:
        """Values (3, H, W) of the chosen bands in `area`, and where each of them holds data (3, H, W)."""
        values = self.read_bands(self.bands, area)
        return values, self._present(values, area)

    def read_bands(self, bands: Sequence[int], area: Area) -> NDArray:
        """Values (len(bands), H, W) of any bands. Raises InputError where the file is damaged."""
        with self._readable(f"rows {area.top} to {area.bottom - 1}"):
            return self.source.read(list(bands), window=_window(area))

    def read_mask(self, area: Area) -> NDArray[np.uint8]:
        """The mask of the whole raster (internal or beside it) in `area`: (H, W), 0 where there is no data."""
        with self._readable(f"mask of rows {area.top} to {area.bottom - 1}"):
            return self.source.read_masks(self.bands[0], window=_window(area))

    def content(self) -> str:
        """A hash of the file and of those beside it that belong to it."""
        return content_of(self.source)

    def sample(self) -> Sample:
        """Statistics of the scene. Raises InputError where no pixel of it holds data."""
        found = sample(self.height, self.width, self.read)
        if found is None:
            raise InputError(
                f"{self.path} holds no data: every pixel of bands {_listed(self.bands)} is nodata, masked, transparent "
                "or NaN. Choose other bands with --bands, or correct the raster's nodata value."
            )
        return found

    def _present(self, values: NDArray, area: Area) -> NDArray[np.bool_]:
        present = held(values, [self.source.nodatavals[band - 1] for band in self.bands])
        if self.masked:
            present &= self.read_mask(area) > 0
        elif self.alpha:
            present &= (self.read_bands(self.alpha, area) > 0).all(axis=0)
        if self.empty is not None:
            present &= ~self.empty(area)
        return present

    @contextlib.contextmanager
    def _readable(self, what: str) -> Iterator[None]:
        try:
            yield
        except (RasterioError, OSError) as error:
            raise InputError(
                f"{self.path} cannot be read ({what}): {reason(error)}. The file is truncated or damaged; "
                "fetch or make it again."
            ) from error


def held(values: NDArray, nodata: Sequence[float | None]) -> NDArray[np.bool_]:
    """Where bands (C, H, W) hold data, by their own values and the `nodata` of each: (C, H, W)."""
    present = np.ones(values.shape, bool)
    if values.dtype.kind == "f":
        present &= np.isfinite(values).all(axis=0)
    for there, plane, value in zip(present, values, nodata, strict=True):
        if value is not None and not np.isnan(value):
            there &= plane != value
    return present


def content_of(source: DatasetReader) -> str:
    """A hash of the file of an open raster and of those beside it that belong to it."""
    pieces = [(name, at) for name in metadata.files(source) for at in range(0, max(1, os.path.getsize(name)), PIECE)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return hashlib.sha256(b"".join(pool.map(_digest, *zip(*pieces, strict=True)))).hexdigest()[:32]


def _digest(name: str, start: int) -> bytes:
    """The hash of the `PIECE` of a file that begins at byte `start`."""
    digest = hashlib.sha256()
    with open(name, "rb") as stream:
        stream.seek(start)
        for _ in range(0, PIECE, CHUNK):
            digest.update(stream.read(CHUNK))
    return digest.digest()


@contextlib.contextmanager
def open_scene(path: Path, bands: Sequence[int] | None = None, most: float | None = None) -> Iterator[Scene]:
    """Opens a picture or raster to take clouds off. Bands count from 1; `most` as for `open_raster`.

    Raises InputError, OptionError.
    """
    with open_raster(path, most) as source:
        _refuse_unusable(source, path)
        scene = Scene(source, path, choose_bands(source, bands, path))
        scene.most = most
        yield scene


@contextlib.contextmanager
def open_raster(path: Path, most: float | None = None) -> Iterator[DatasetReader]:
    """Opens a PNG, JPEG, GeoTIFF or JPEG 2000 file of any kind for reading, of at most so many pixels (None: as
    `safety` has it). No other format and no other file than those beside it is ever opened. Raises InputError."""
    _refuse_no_file(path)
    safety.refuse_links_beside(path)
    try:
        with rasterio.Env(GDAL_PAM_ENABLED="YES"):  # What an .aux.xml beside it says is read; none is ever written.
            source = DatasetReader(str(path.absolute()), driver=DRIVERS)  # rasterio.open takes one driver only.
    except (RasterioError, OSError) as error:
        raise InputError(
            f"{path} is not a picture that can be read: {reason(error)}. Expected a whole PNG, JPEG, GeoTIFF or "
            "JPEG 2000 file."
        ) from error
    with source:
        safety.refuse_links_inside(source, path)
        safety.refuse_bomb(source, path, most)
        yield source


def choose_bands(source: DatasetReader, bands: Sequence[int] | None, path: Path) -> tuple[int, ...]:
    """The three bands (red, green, blue; counted from 1) to work on; with more than four, they must be given."""
    if bands is None:
        if source.count > 4:
            raise OptionError(
                f"{path} has {source.count} bands ({_names(source)}). Say which are red, green and blue, "
                "e.g. --bands 4,3,2."
            )
        bands = (1, 2, 3)
    if len(bands) != 3 or len(set(bands)) != 3:
        raise OptionError(f"--bands {_listed(bands)}: expected three different bands, red, green and blue, e.g. 4,3,2.")
    wrong = [band for band in bands if not 1 <= band <= source.count]
    if wrong:
        raise OptionError(f"--bands {_listed(bands)}: {path} has bands 1 to {source.count}, no {_listed(wrong)}.")
    if any(source.colorinterp[band - 1] == ColorInterp.alpha for band in bands):
        raise OptionError(f"--bands {_listed(bands)} names the transparency of {path}; name three bands of colour.")
    return tuple(bands)


def remarks(scene: Scene) -> list[str]:
    """What a user should know of how this raster is taken, one line each."""
    source, said = scene.source, []
    others = [b for b in range(1, source.count + 1) if b not in scene.bands]
    passing = [b for b in others if source.colorinterp[b - 1] != ColorInterp.alpha]
    if passing and passing[0] not in scene.written:
        those = f"band {passing[0]} is" if len(passing) == 1 else f"bands {_listed(passing)} are"
        said.append(f"{scene.path.name}: {those} dropped; the result has bands {_listed(scene.written)} in this order")
    elif passing:
        those = f"band {passing[0]} passes" if len(passing) == 1 else f"bands {_listed(passing)} pass"
        said.append(f"{scene.path.name}: {those} through unchanged")
    kinds = [source.colorinterp[b - 1].name for b in scene.bands]
    names = [(source.descriptions[b - 1] or kind).lower() for b, kind in zip(scene.bands, kinds, strict=True)]
    if names[0] in ("blue", "b02") and names[2] in ("red", "b04"):
        said.append(
            f"{scene.path.name}: bands {_listed(scene.bands)} are called {', '.join(names)}, but are taken as "
            "red, green, blue; --bands can say otherwise"
        )
    if (source.compression is not None and source.compression.name == "jpeg") and source.driver == "GTiff":
        said.append(f"{scene.path.name}: JPEG-compressed; the result is deflate-compressed, so that no pixel changes")
    if source.subdatasets:
        said.append(f"{scene.path.name}: holds several pictures; only the first is read")
    orientation = source.tags().get("EXIF_Orientation", "1")
    if orientation != "1":
        said.append(f"{scene.path.name}: EXIF orientation {orientation} is not applied; pixels stay as they are stored")
    return said


def _refuse_no_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"There is no file {path}. Expected a PNG, JPEG, GeoTIFF or JPEG 2000 file.")
    if path.is_dir():
        raise InputError(f"{path} is a folder. Expected a PNG, JPEG, GeoTIFF or JPEG 2000 file.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} may not be read by this user; check its permissions.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes). Expected a PNG, JPEG, GeoTIFF or JPEG 2000 file.")


def _refuse_unusable(source: DatasetReader, path: Path) -> None:
    if source.count < 3:
        hint = " Its palette can be turned into colours with: gdal_translate -expand rgb." if _palette(source) else ""
        raise InputError(f"{path} has {_bands(source.count)}; three (red, green, blue) are needed.{hint}")
    if source.width < SMALLEST_SIDE or source.height < SMALLEST_SIDE:
        raise InputError(
            f"{path} is {source.width}x{source.height} px; pictures of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} px "
            "are needed."
        )
    if len(set(source.dtypes)) > 1 or source.dtypes[0] not in TYPES:
        kinds = _listed(sorted(set(source.dtypes)))
        raise InputError(f"{path} holds values of type {kinds}; expected one of {_listed(TYPES)}.")


def _palette(source: DatasetReader) -> bool:
    return source.count == 1 and source.colorinterp[0] == ColorInterp.palette


def _window(area: Area) -> RasterWindow:
    return RasterWindow(area.left, area.top, area.width, area.height)


def _bands(count: int) -> str:
    return {1: "one band", 2: "two bands"}.get(count, "no bands")


def _names(source: DatasetReader) -> str:
    return ", ".join(f"{i} {name or '?'}" for i, name in enumerate(source.descriptions, 1))


def _listed(things: Sequence[Any]) -> str:
    return ",".join(str(thing) for thing in things)


def reason(error: BaseException) -> str:
    """The innermost message of GDAL, on one line, without a full stop."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()).rstrip(".")
