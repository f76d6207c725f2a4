"""What a user decides on: the values that a result depends on, and which of them cannot be meant."""

from dataclasses import dataclass
from pathlib import Path

from cloud_removal.errors import OptionError
from cloud_removal.inference import safety, sensors
from cloud_removal.inference.compose import Thresholds
from cloud_removal.inference.holes.inpaint import DILATE
from cloud_removal.inference.masks.foreign import Mask
from cloud_removal.inference.model import Card
from cloud_removal.inference.scaling import check_scale
from cloud_removal.inference.shadows.sun import Sun

WINDOW = 1280
"""Side in pixels of the core of a window (the halo comes on top)."""


@dataclass(frozen=True)
class Settings:
    """What decides on the values of a result."""

    bands: tuple[int, ...] | None = None
    """Bands of red, green and blue, counted from 1; None: 1, 2, 3 of at most four."""
    scale: float | None = None
    """Value of full brightness (10000 for Sentinel-2 reflectance); None: 255 for 8 bits, else tags or percentiles."""
    keep_below: float | None = None
    """Opacity under which a pixel stays bit-identical; None: as the model's card says."""
    opaque_above: float | None = None
    """Opacity from which a pixel counts as opaque cloud; None: as the model's card says."""
    window: int = WINDOW
    """Side in pixels of the core of a window, rounded up to the network's stride."""
    dilate: int = DILATE
    """Pixels around opaque cloud that count as its edge, where it is filled or left without data."""
    abstain: bool = False
    """What would be generated under opaque cloud is left without data."""
    abstain_above: float | None = None
    """Half-width of the error bars, in the raster's units, above which pixels are left without data."""
    mask: Mask | None = None
    """Where another program sees cloud."""
    sensor: str | None = None
    """One of `sensors.SENSORS`, whose units the values have; None: as tags say, where they do."""
    baseline: float | None = None
    """Processing baseline of a Sentinel-2 product; None: as tags say."""
    drop_others: bool = False
    """The result has the three chosen bands only (and the transparency), in the order chosen."""
    max_pixels: float | None = None
    """Pixels that a raster may have, None: as usual for its kind. It decides on no value."""
    date_above: float | None = None
    """Opacity from which pixels are taken from other dates; None: from which they are not kept."""
    date_masks: tuple[Mask, ...] = ()
    """Where another program sees cloud and shadow on each of the other dates; either none or one each."""
    thin: bool = True
    """Thin cloud is taken off; else all stays as the sensor saw it."""
    shadows: Sun | None = None
    """Cloud shadows are brightened, found by what is known of the sun; None: they stay."""

    def files(self) -> list[Path]:
        """Rasters of the user's that are read beside the scene and its other dates."""
        return [mask.path for mask in (self.mask, *self.date_masks) if mask is not None]


DEFAULTS = Settings()


def thresholds(card: Card, settings: Settings) -> Thresholds:
    """The thresholds asked for, or else the model's own."""
    keep_below = card.keep_below if settings.keep_below is None else settings.keep_below
    return Thresholds(keep_below, card.opaque_above if settings.opaque_above is None else settings.opaque_above)


def check_settings(settings: Settings) -> None:
    """Refuses settings that cannot be meant."""
    if settings.window < 1:
        raise OptionError(f"--window {settings.window}: expected a number of pixels, at least 1, e.g. {WINDOW}.")
    check_scale(settings.scale)
    safety.check_most(settings.max_pixels)
    above = settings.abstain_above
    if above is not None and not above > 0.0:
        raise OptionError(f"--abstain {above:g}: expected an uncertainty in the raster's units, above 0.")
    sensors.check(settings.sensor, settings.baseline, settings.scale)
    for name, value in (("keep-below", settings.keep_below), ("opaque-above", settings.opaque_above)):
        if value is not None and not 0.0 <= value <= 1.0:
            raise OptionError(f"--{name} {value}: expected an opacity between 0 and 1.")
