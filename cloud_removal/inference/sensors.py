"""Units of well-known sensors: from digital numbers to reflectance, and to the brightness that networks know.

All of it is linear, so that it is inverted exactly and values come back in the units they came in:
`reflectance = gain · value + offset`, `brightness = BRIGHTER · reflectance`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cloud_removal.errors import OptionError
from cloud_removal.inference import metadata
from cloud_removal.inference.raster import Scene
from cloud_removal.inference.scaling import Scaling

BRIGHTER = 1.5
"""Brightness of reflectance 1. Networks learn from pictures made for people, in which ground is brighter than its
reflectance. Of 1 to 4, 1.5 restored best: see docs/sensors.md. It clips reflectance above 0.67, which is cloud or snow.
"""

Tags = Mapping[str, str]


@dataclass(frozen=True)
class Sensor:
    """How a product stores reflectance."""

    title: str
    source: str
    """Where that is published."""
    gain: float = 1.0
    offset: float = 0.0


SENSORS = {
    "sentinel2-l1c": Sensor(
        "Sentinel-2 L1C",
        "Copernicus, Sentinel-2 products specification: (value + RADIO_ADD_OFFSET) / QUANTIFICATION_VALUE",
        1e-4,
    ),
    "sentinel2-l2a": Sensor(
        "Sentinel-2 L2A",
        "Copernicus, Sentinel-2 products specification: (value + BOA_ADD_OFFSET) / BOA_QUANTIFICATION_VALUE",
        1e-4,
    ),
    "landsat-c2-sr": Sensor(
        "Landsat Collection 2 surface reflectance", "USGS, LSDS-1619: 0.0000275 · value - 0.2", 2.75e-5, -0.2
    ),
    "landsat-c2-toa": Sensor(
        "Landsat Collection 2 Level 1",
        "USGS, Landsat 8-9 Data Users Handbook: (0.00002 · value - 0.1) / sin(elevation of the sun), the latter where "
        "tags tell it",
        2e-5,
        -0.1,
    ),
    "aerial": Sensor("8-bit picture", "0 to 255 as they are seen on a screen", 1.0 / 255.0),
    "reflectance": Sensor("reflectance", "1 is what reflects all light"),
}
OFFSET_BASELINE, ADDED = 4.0, -1000.0
"""From this processing baseline on (25 January 2022) Sentinel-2 products are stored with 1000 added to them. Source:
Copernicus, Sentinel-2 products specification, processing baseline 04.00."""
QUANTIFICATION = ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE")
"""Tags under which GDAL hands on what a Sentinel-2 product is divided by."""
NO_BASELINE = (
    "no processing baseline in its tags: taken as stored without the 1000 that are added from baseline 04.00 on; "
    "--baseline says otherwise"
)
ADD_OFFSET = ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET")


def found(tags: Tags, dtype: str) -> str | None:
    """The sensor that the tags of a raster name; None where they name none, or values are no digital numbers.

    Sentinel-2 by the tags that GDAL gives to what it reads from its products, Landsat by those of its metadata file.
    """
    if np.dtype(dtype).kind not in "iu" or np.dtype(dtype).itemsize < 2:
        return None
    if "PROCESSING_BASELINE" in tags and "S2MSI" in tags.get("PRODUCT_TYPE", ""):
        return "sentinel2-l2a" if "2A" in tags["PRODUCT_TYPE"] else "sentinel2-l1c"
    if tags.get("SPACECRAFT_ID", "").startswith("LANDSAT") and tags.get("COLLECTION_NUMBER", "").strip("0") == "2":
        level = tags.get("PROCESSING_LEVEL", "")
        return "landsat-c2-sr" if level[:2] == "L2" else "landsat-c2-toa" if level[:2] == "L1" else None
    return None


def check(name: str | None, baseline: float | None, scale: float | None) -> None:
    """Refuses options that cannot be meant, or not together. Raises OptionError."""
    if name is not None and name not in SENSORS:
        raise OptionError(f"--sensor {name}: expected one of {', '.join(SENSORS)}.")
    if name is not None and scale is not None:
        raise OptionError("--sensor and --scale: give one of them; both say what values mean.")
    if baseline is not None and scale is not None:
        raise OptionError("--baseline and --scale: give one of them; with --scale no baseline is asked for.")
    if baseline is not None and not 0.0 < baseline < 100.0:
        raise OptionError(f"--baseline {baseline:g}: expected a processing baseline of Sentinel-2, e.g. 05.09.")


def of_scene(scene: Scene, name: str | None, baseline: float | None) -> tuple[Scaling | None, list[str]]:
    """The scaling of sensor `name`, or of that which the raster's `metadata` names, and what a user should know of it.

    None where neither names one. Raises OptionError where the values cannot be of that sensor.
    """
    source, where = scene.source, scene.path.name
    tags = metadata.tags(source, scene.path)
    named = name or found(tags, scene.dtype)
    if baseline is not None and not (named or "").startswith("sentinel2"):
        raise OptionError(
            f"--baseline: {scene.path} is not said to be of Sentinel-2; add --sensor sentinel2-l2a or -l1c."
        )
    if named is None:
        return None, []
    own = [(source.scales[band - 1], source.offsets[band - 1]) for band in scene.bands]
    chosen, said = scaling(
        named, scene.dtype, tags, [source.tags(band) for band in scene.bands], own, baseline, str(scene.path)
    )
    if name is None:
        product = metadata.beside_product(scene.path)
        by = f"{product.name} says" if product and not found(source.tags(), scene.dtype) else "its tags say"
        said.insert(0, f"brightness as {by}: {chosen.kind}; --sensor or --scale sets another")
    return chosen, [f"{where}: {line}" for line in said]


def scaling(
    name: str,
    dtype: str,
    tags: Tags,
    bands: Sequence[Tags],
    own: Sequence[tuple[float, float]],
    baseline: float | None,
    where: str,
) -> tuple[Scaling, list[str]]:
    """The scaling of a raster of sensor `name`, and what a user should know of it, a line each.

    `tags` of the raster, `bands` of each of the three bands, `own` its scale and offset: where it has any, they say
    how reflectance is stored. `baseline` of Sentinel-2; None: as the tags say. Raises OptionError where the values
    cannot be of that sensor.
    """
    _refuse_type(name, dtype, own, where)
    if name == "aerial":
        return Scaling((0.0,) * 3, (255.0,) * 3, "8 bit"), []
    sensor, said = SENSORS[name], list[str]()
    told = f"{sensor.title}, {BRIGHTER:g} times reflectance"
    if any(tag != (1.0, 0.0) for tag in own):
        linear, told = list(own), f"{told} by the raster's scale and offset tags"
    elif name.startswith("sentinel2"):
        linear, told, said = _sentinel(tags, bands, baseline, told)
    else:
        sun = _sine_of_sun(tags) if name == "landsat-c2-toa" else 1.0
        linear = [(sensor.gain / (sun or 1.0), sensor.offset / (sun or 1.0))] * 3
        if sun is None:
            said = ["no elevation of the sun in its tags: reflectance is not divided by its sine"]
    offsets = tuple(-offset / gain for gain, offset in linear)
    spans = tuple(1.0 / (BRIGHTER * gain) for gain, _ in linear)
    return Scaling(offsets, spans, told), said


def _sentinel(
    tags: Tags, bands: Sequence[Tags], baseline: float | None, told: str
) -> tuple[list[tuple[float, float]], str, list[str]]:
    """Gain and offset of each band of a Sentinel-2 product, in words, and what is to be said of it."""
    full = next((number for name in QUANTIFICATION if (number := _number(tags.get(name)))), 1e4)
    by_tags = _number(tags.get("PROCESSING_BASELINE"))
    of_product = baseline if baseline is not None else by_tags
    offsets = [ADDED if of_product is not None and of_product >= OFFSET_BASELINE else 0.0] * 3
    if baseline is None:
        offsets = [_added(tags, some, offset) for some, offset in zip(bands, offsets, strict=True)]
    version = "of an unknown baseline" if of_product is None else f"of baseline {of_product:05.2f}"
    told = f"{told} ({version}, {offsets[0]:+g}, divided by {full:g})"
    said = [NO_BASELINE] if of_product is None and not any(offsets) else []
    return [(1.0 / full, offset / full) for offset in offsets], told, said


def _added(tags: Tags, band: Tags, otherwise: float) -> float:
    """What is to be added to the values of a band, as its tags or those of the raster say."""
    for told in (band, tags):
        for name in ADD_OFFSET:
            if (number := _number(told.get(name))) is not None:
                return number
    return otherwise


def _sine_of_sun(tags: Tags) -> float | None:
    elevation = _number(tags.get("SUN_ELEVATION"))
    return math.sin(math.radians(elevation)) if elevation is not None and 0.0 < elevation <= 90.0 else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _refuse_type(name: str, dtype: str, own: Sequence[tuple[float, float]], where: str) -> None:
    whole = np.dtype(dtype).kind in "iu"
    if name == "aerial" and dtype != "uint8":
        raise OptionError(
            f"--sensor aerial: {where} holds {dtype}, not 8 bits. Say with --scale which value is full brightness."
        )
    if name != "aerial" and dtype in ("uint8", "int8"):
        raise OptionError(
            f"--sensor {name}: {where} holds 8 bits, which are no reflectance; --sensor aerial takes them."
        )
    if name == "reflectance" and whole and all(tag == (1.0, 0.0) for tag in own):
        raise OptionError(
            f"--sensor reflectance: {where} holds whole numbers ({dtype}) without scale and offset tags. Name the "
            "sensor, or say with --scale which value is full brightness."
        )
