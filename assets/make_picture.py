"""The picture of the README, from what `make demo` wrote: assets/before_after.jpg, small enough for a page."""

import sys
from pathlib import Path

import cv2

from cloud_removal.errors import CloudRemovalError, InputError

REPORT = Path("demo/before_after.png")
PICTURE = Path(__file__).parent / "before_after.jpg"
WIDTH = 1400
"""Pixels."""


def make(report: Path = REPORT, picture: Path = PICTURE) -> None:
    """Writes `report` as a JPEG of WIDTH pixels; InputError where there is none."""
    drawn = cv2.imread(str(report)) if report.is_file() else None
    if drawn is None:
        raise InputError(f"There is no picture {report}. Run make demo first.")
    size = (WIDTH, round(drawn.shape[0] * WIDTH / drawn.shape[1]))
    cv2.imwrite(str(picture), cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    try:
        make()
    except CloudRemovalError as error:
        sys.exit(f"error: {error}")
