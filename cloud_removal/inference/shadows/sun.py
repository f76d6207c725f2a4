"""Where the sun stands and how high the clouds are, as a user or a raster's tags say: where their shadows fall."""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import OptionError
from cloud_removal.inference.ground_area import steps
from cloud_removal.inference.raster import Scene

AZIMUTHS = (
    "SUN_AZIMUTH", "SUN_AZIMUTH_ANGLE", "MEAN_SUN_AZIMUTH_ANGLE", "MEAN_SOLAR_AZIMUTH_ANGLE", "MEAN_SOLAR_AZIMUTH",
)  # fmt: skip
ELEVATIONS = ("SUN_ELEVATION", "SUN_ELEVATION_ANGLE")
ZENITHS = ("MEAN_SUN_ZENITH_ANGLE", "MEAN_SOLAR_ZENITH_ANGLE", "MEAN_SOLAR_ZENITH", "SUN_ZENITH")
"""Tags that tell where the sun stood, in degrees: Landsat's, and Sentinel-2's as others hand them on."""


@dataclass(frozen=True)
class Ray:
    """Along which way shadows lie from their clouds."""

    toward: tuple[float, float]
    """Rows and columns per pixel of length."""
    nearest: float | None = None
    farthest: float | None = None
    """Lengths in pixels between which a shadow lies from its cloud; None: not known."""


@dataclass(frozen=True)
class Sun:
    """What is known of the sun and the clouds' height; what is not is looked for in the scene."""

    azimuth: float | None = None
    """Degrees clockwise from north, from 0 to under 360."""
    elevation: float | None = None
    """Degrees above the horizon, over 0 to 90."""
    cloud_height: str | None = None
    """`40` pixels or `1500m`, or a range of either: `20-200`, `500-3000m`."""

    def check(self) -> None:
        """Refuses what cannot be meant. Raises OptionError."""
        if self.azimuth is not None and not 0.0 <= self.azimuth < 360.0:
            raise OptionError(
                f"--sun-azimuth {self.azimuth:g}: expected degrees clockwise from north, from 0 to less than 360."
            )
        if self.elevation is not None and not 0.0 < self.elevation <= 90.0:
            raise OptionError(
                f"--sun-elevation {self.elevation:g}: expected degrees above the horizon, more than 0 and at most 90."
            )
        if self.cloud_height is not None:
            heights(self.cloud_height)

    def completed(self, tags: Mapping[str, str]) -> tuple["Sun", list[str]]:
        """The same with what is not given taken from the tags of a raster, and what to say of that."""
        azimuth, elevation, said = self.azimuth, self.elevation, list[str]()
        if azimuth is None and (found := _first(tags, AZIMUTHS)):
            azimuth = found[1] % 360.0
            said.append(f"azimuth {azimuth:g}° by {found[0]}")
        if elevation is None and azimuth is not None:
            lower, upper = _first(tags, ZENITHS), _first(tags, ELEVATIONS)
            found = upper or ((lower[0], 90.0 - lower[1]) if lower else None)
            if found and 0.0 < found[1] <= 90.0:
                elevation = found[1]
                said.append(f"elevation {elevation:g}° by {found[0]}")
        return dataclasses.replace(self, azimuth=azimuth, elevation=elevation), said

    def ray(self, scene: Scene) -> Ray | None:
        """Where shadows lie from their clouds in the middle of `scene`; None where the azimuth is not known.

        A scene that does not say where it lies has north up and square pixels. Raises OptionError where heights cannot
        be used: without a sun, or in metres of a scene that does not say how large its pixels are.
        """
        if self.cloud_height is not None and (self.azimuth is None or self.elevation is None):
            missing = "--sun-azimuth" if self.azimuth is None else "--sun-elevation"
            raise OptionError(
                f"--cloud-height {self.cloud_height} without {missing}: it takes both to know how far a shadow falls, "
                f"and the tags of {scene.path} do not tell."
            )
        if self.azimuth is None:
            return None
        ground = steps(scene.source, scene.height / 2, scene.width / 2)
        if self.cloud_height is not None and self.cloud_height.strip().lower().endswith("m") and ground is None:
            raise OptionError(
                f"--cloud-height {self.cloud_height}: {scene.path} does not say how large its pixels are; give it in "
                "pixels, e.g. 40 or 20-200."
            )
        axes = np.array(((0.0, -1.0), (1.0, 0.0)) if ground is None else ground).T
        """Columns: one pixel down, one to the right, eastwards and northwards."""
        size = math.sqrt(abs(np.linalg.det(axes)))
        away = -np.array((math.sin(math.radians(self.azimuth)), math.cos(math.radians(self.azimuth))))
        return _ray(np.linalg.solve(axes, away), size, self)


def heights(text: str) -> tuple[float, float, bool]:
    """`500-3000m` as numbers, and whether they are metres. Raises OptionError where it is anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?(m?)", text.strip().lower().replace(" ", ""))
    low = float(found[1]) if found else 0.0
    high = float(found[2] or low) if found else -1.0
    if found is None or not 0.0 < low <= high:
        raise OptionError(
            f"--cloud-height {text}: expected a height or a range, in pixels or metres, e.g. 40, 20-200 or 500-3000m."
        )
    return low, high, bool(found[3])


def _ray(per_metre: NDArray[np.float64], size: float, sun: Sun) -> Ray:
    """`per_metre`: rows and columns for each metre on the ground; `size` of a pixel in metres."""
    length = float(np.hypot(*per_metre))
    toward = (float(per_metre[0] / length), float(per_metre[1] / length))
    if sun.cloud_height is None or sun.elevation is None:
        return Ray(toward)
    low, high, metres = heights(sun.cloud_height)
    far = length * (1.0 if metres else size) / math.tan(math.radians(sun.elevation))
    return Ray(toward, low * far, high * far)


def _first(tags: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, float] | None:
    """The first of `names` that is there with a number."""
    for name in names:
        try:
            number = float(tags.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(number):
            return name, number
    return None
