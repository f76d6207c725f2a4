"""What the codes of cloud masks made by others mean: each published kind of mask to a few classes of our own."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLEAR, SHADOW, THIN, CLOUD, FILL, UNCOVERED, UNKNOWN = 0, 1, 2, 3, 4, 5, 6
"""Classes of a pixel. Of two that meet, the higher one up to CLOUD counts. CLEAR: nothing hides the ground (snow and
water are clear), or nothing that the mask could tell; SHADOW of a cloud; THIN cloud or cirrus; CLOUD of any other
thickness; FILL: the product has no data there; UNCOVERED: the mask says nothing; UNKNOWN: a code that its kind does
not have."""

Classes = NDArray[np.uint8]


@dataclass(frozen=True)
class Kind:
    """A published kind of mask."""

    title: str
    """What it is, for people."""
    source: str
    """Where its codes are published."""
    codes: Mapping[int, int] | None = None
    """Class of each code; None where values are bits or probabilities."""
    bits: Callable[[NDArray], Classes] | None = None
    """Classes of values that are bits."""
    threshold: float | None = None
    """Probability above which a pixel is CLOUD unless a user says otherwise; None where values are none."""

    def classes(self, values: NDArray, nodata: float | None, full: float = 1.0, threshold: float = 0.5) -> Classes:
        """Classes (H, W) of the mask's `values` (H, W), of which `nodata` says that nothing is known.

        Of probabilities `full` stands for certainty, and what is above `threshold` (0 to 1) is cloud.
        """
        if values.dtype in (np.uint8, np.uint16) and values.size > np.iinfo(values.dtype).max:  # Faster by a table.
            every = np.arange(np.iinfo(values.dtype).max + 1).astype(values.dtype)
            return self._worked_out(every, nodata, full, threshold)[values]
        return self._worked_out(values, nodata, full, threshold)

    def _worked_out(self, values: NDArray, nodata: float | None, full: float, threshold: float) -> Classes:
        if self.threshold is not None:
            return _probable(values, nodata, full, threshold)
        bare = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
        whole = np.where(bare, 0, values).astype(np.int64)
        found = self._of_whole(whole)
        found[whole != np.where(bare, 0, values)] = UNKNOWN
        if nodata is not None and not np.isnan(nodata):
            bare |= (values == nodata) & (found != FILL)
        found[bare] = UNCOVERED
        return found

    def _of_whole(self, values: NDArray[np.int64]) -> Classes:
        if self.bits is not None:
            return self.bits(values)
        assert self.codes is not None
        table = np.full(max(self.codes) + 2, UNKNOWN, np.uint8)
        table[list(self.codes)] = list(self.codes.values())
        return table[np.where((values < 0) | (values > max(self.codes)), len(table) - 1, values)]


def _probable(values: NDArray, nodata: float | None, full: float, threshold: float) -> Classes:
    bare = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    if nodata is not None and not np.isnan(nodata):
        bare |= values == nodata
    found = np.where(values > threshold * full, np.uint8(CLOUD), np.uint8(CLEAR))
    found[(values < 0) | (values > full)] = UNKNOWN
    found[bare] = UNCOVERED
    return found


def _qa_pixel(values: NDArray[np.int64]) -> Classes:
    whole = np.clip(values, 0, 65535)
    return np.where(values == whole, _qa_pixel_table()[whole], np.uint8(UNKNOWN))


@functools.cache
def _qa_pixel_table() -> Classes:
    """Class of each of the 65536 values.

    Bit 0 fill, 1 dilated cloud (the edge around it), 2 cirrus, 3 cloud, 4 cloud shadow, 5 snow, 6 clear, 7 water, then
    pairs: confidence of cloud, shadow, snow, cirrus, each 0 to 3. Confidences decide nothing here: bits 2 to 5 are set
    where they are high. Value 2 of the last three is reserved and does not occur, but does so nearly everywhere in the
    quality bands of Collection 1, whose bits mean other things.
    """
    value = np.arange(65536)
    fill, dilated, cirrus, cloud, shadow = ((value >> bit) & 1 for bit in range(5))
    found = np.maximum.reduce([SHADOW * shadow, THIN * dilated, THIN * cirrus, CLOUD * cloud])
    found[np.logical_or.reduce([((value >> bit) & 3) == 2 for bit in (10, 12, 14)])] = UNKNOWN
    found[fill.astype(bool)] = FILL
    return found.astype(np.uint8)


KINDS = {
    "scl": Kind(
        "Sentinel-2 scene classification",
        "Copernicus, Sentinel-2 products specification, scene classification of Level-2A: 0 no data, 1 saturated or "
        "defective, 2 dark area (cast shadow), 3 cloud shadow, 4 vegetation, 5 not vegetated, 6 water, 7 unclassified, "
        "8 and 9 cloud of medium and high probability, 10 thin cirrus, 11 snow or ice",
        {0: FILL, 1: CLEAR, 2: CLEAR, 3: SHADOW, 4: CLEAR, 5: CLEAR, 6: CLEAR, 7: CLEAR, 8: CLOUD, 9: CLOUD, 10: THIN,
         11: CLEAR},
    ),
    "fmask": Kind(
        "Fmask 4",
        "github.com/GERSL/Fmask: 0 clear land, 1 clear water, 2 cloud shadow, 3 snow, 4 cloud, 255 no observation",
        {0: CLEAR, 1: CLEAR, 2: SHADOW, 3: CLEAR, 4: CLOUD, 255: FILL},
    ),
    "qa_pixel": Kind(
        "Landsat Collection 2 QA_PIXEL",
        "USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide, LSDS-1619, pixel quality assessment band",
        bits=_qa_pixel,
    ),
    "s2cloudless": Kind(
        "s2cloudless probability of cloud",
        "github.com/sentinel-hub/sentinel2-cloud-detector: 0 to 1, cloud above 0.4; Earth Engine's copy 0 to 100, "
        "Sentinel Hub's band CLP 0 to 255",
        threshold=0.4,
    ),
    "omnicloudmask": Kind(
        "OmniCloudMask",
        "github.com/DPIRD-DMA/OmniCloudMask: 0 clear, 1 thick cloud, 2 thin cloud, 3 cloud shadow",
        {0: CLEAR, 1: CLOUD, 2: THIN, 3: SHADOW},
    ),
    "binary": Kind(
        "cloud or no cloud", "0 clear, 1 or 255 cloud, as most tools write it", {0: CLEAR, 1: CLOUD, 255: CLOUD}
    ),
    "probability": Kind("probability of cloud", "0 to 1, or up to what is said", threshold=0.5),
}  # fmt: skip
