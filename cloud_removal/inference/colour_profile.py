"""ICC colour profiles of rasters. Not every one that a JPEG or TIFF carries may stand in a PNG."""

from pathlib import Path

import numpy as np
from rasterio.io import MemoryFile

from cloud_removal.inference.raster import GDAL_ERRORS, Scene

DOMAIN, NAME = "COLOR_PROFILE", "SOURCE_ICC_PROFILE"


def profile_for(scene: Scene, output: Path) -> str | None:
    """The scene's profile (base64, as GDAL has it) where `output` can hold it, else None."""
    profile = scene.source.tags(ns=DOMAIN).get(NAME)
    return None if profile and output.suffix.lower() == ".png" and refusal(profile) else profile


def remarks(scene: Scene, output: Path) -> list[str]:
    """A line for the user where the profile does not come through."""
    profile = scene.source.tags(ns=DOMAIN).get(NAME)
    if not profile or profile_for(scene, output):
        return []
    return [f"{scene.path.name}: its colour profile is left out, for no PNG can hold it ({refusal(profile)})"]


def refusal(profile: str) -> str | None:
    """Why a PNG of three colours does not take `profile`; None if it does. One is written and read again to see."""
    try:
        with MemoryFile(ext=".png") as file:
            with file.open(driver="PNG", width=1, height=1, count=3, dtype="uint8", **{NAME: profile}) as target:
                target.write(np.zeros((3, 1, 1), np.uint8))
            with file.open() as source:
                same = source.tags(ns=DOMAIN).get(NAME) == profile
    except GDAL_ERRORS as error:
        return str(error.__cause__ or error)
    return None if same else "it is damaged, or made for other than RGB pixels"
