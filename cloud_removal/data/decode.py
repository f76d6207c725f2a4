"""Pictures of any kind as 8-bit RGB, for training (the scene contract of `remove` is inference/'s affair)."""

import logging
import warnings
from pathlib import Path

import cv2
import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from cloud_removal.errors import InputError

PLAIN = (".jpg", ".jpeg", ".png")
RASTER = (".tif", ".tiff", ".jp2")
PERCENTILES = (0.5, 99.5)

logging.getLogger("rasterio._env").setLevel(logging.ERROR)  # GDAL warns of tags that are not read here.


def is_picture(path: Path) -> bool:
    """Whether the name ends like a picture that `read_rgb` reads."""
    return path.suffix.lower() in PLAIN + RASTER


def read_rgb(path: Path) -> np.ndarray:
    """Picture as uint8 (H, W, 3), RGB.

    JPEG and PNG by OpenCV (grey ones repeated over the channels, alpha dropped), GeoTIFF and JPEG 2000 by rasterio
    (first three bands, nodata as 0). Values that are not 8-bit are stretched from their 0.5 and 99.5 percentiles over
    all three bands, so that colours keep their balance. Raises InputError where the file cannot be read.
    """
    if path.suffix.lower() in RASTER:
        return _read_raster(path)
    return _read_plain(path)


def _read_plain(path: Path) -> np.ndarray:
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}. Expected a readable picture.") from error
    if content[:2].tobytes() == b"\xff\xd8":
        _refuse_damaged_jpeg(path)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if content.size else None
    if picture is None:
        raise InputError(f"{path}: not a JPEG or PNG picture, or damaged. Mend it or take it out of the folder.")
    picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    return picture if picture.dtype == np.uint8 else stretch(picture, *limits(picture))


def _refuse_damaged_jpeg(path: Path) -> None:
    """InputError where libjpeg finds anything amiss, as GDAL can be told to: OpenCV takes such pictures, half grey."""
    strict = {"GDAL_ERROR_ON_LIBJPEG_WARNING": "YES", "GDAL_ALLOW_LARGE_LIBJPEG_MEM_ALLOC": "YES"}
    try:
        with warnings.catch_warnings(), rasterio.Env(**strict):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, driver="JPEG") as picture:
                picture.read()
    except RasterioError as error:
        reason = error.__cause__ or error
        raise InputError(
            f"{path}: the JPEG is damaged or cut off ({reason}). Fetch the file again or take it out."
        ) from error


def _read_raster(path: Path) -> np.ndarray:
    with open_raster(path) as raster:
        return window_rgb(raster, Window(0, 0, raster.width, raster.height), raster_limits(raster))[0]


def open_raster(path: Path) -> rasterio.DatasetReader:
    """The raster, opened, with at least three bands; else InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # Training needs no place on Earth.
            raster = rasterio.open(path)
    except RasterioError as error:
        raise InputError(f"{path}: not a raster that can be read ({error}). Mend it or take it out.") from error
    if raster.count < 3:
        bands = raster.count
        raster.close()
        raise InputError(f"{path}: {bands} band(s); three are needed (red, green, blue). Take it out of the folder.")
    return raster


def raster_limits(raster: rasterio.DatasetReader) -> tuple[float, float] | None:
    """What is stretched to black and white: percentiles of a coarse overview; None for 8-bit values.

    Raises InputError where the raster has no valid pixel at all.
    """
    if raster.dtypes[0] == "uint8":
        return None
    coarse = max(1, int(np.ceil(max(raster.shape) / 1024)))
    shape = (3, max(1, raster.height // coarse), max(1, raster.width // coarse))
    try:
        sample = raster.read((1, 2, 3), out_shape=shape, masked=True)
    except RasterioError as error:
        raise InputError(f"{raster.name}: damaged ({error}). Fetch the file again or take it out.") from error
    values = sample.compressed()
    values = values[np.isfinite(values)]
    if not values.size:
        raise InputError(f"{raster.name}: no valid pixel (all nodata). Take it out of the folder.")
    return limits(values)


def window_rgb(
    raster: rasterio.DatasetReader, window: Window, between: tuple[float, float] | None
) -> tuple[np.ndarray, np.ndarray]:
    """One window as uint8 (h, w, 3) and which of its pixels are valid, bool (h, w); others are 0."""
    try:
        bands = raster.read((1, 2, 3), window=window)
        valid = raster.dataset_mask(window=window) > 0
    except RasterioError as error:
        raise InputError(f"{raster.name}: damaged ({error}). Fetch the file again or take it out.") from error
    picture = np.ascontiguousarray(np.moveaxis(bands, 0, -1))
    if np.issubdtype(picture.dtype, np.floating):
        valid &= np.isfinite(picture).all(axis=-1)
    if between is not None:
        picture = stretch(picture, *between)
    return np.where(valid[..., None], picture, np.uint8(0)), valid


def limits(values: np.ndarray) -> tuple[float, float]:
    """The robust lowest and highest of `values` (0.5 and 99.5 percentile)."""
    low, high = np.percentile(values, PERCENTILES)
    return float(low), float(high)


def stretch(picture: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values from `low` to `high` as uint8 0 to 255, clipped; what is not a number becomes 0."""
    scaled = (picture.astype(np.float32) - low) * np.float32(255.0 / max(high - low, 1e-12))
    return np.rint(np.clip(np.nan_to_num(scaled, nan=0.0), 0.0, 255.0)).astype(np.uint8)
