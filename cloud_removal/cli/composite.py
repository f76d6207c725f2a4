"""The command `composite`: one picture out of several dates, each pixel as a sensor saw it on its clearest date."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cloud_removal.cli.remove import INTERRUPTED, Sensor, parse_bands
from cloud_removal.errors import OptionError
from cloud_removal.model_folder import DEFAULT


@dataclass(frozen=True)
class Command:
    """Makes one picture out of several dates of a place: each pixel from the date where its cloud is thinnest.

    The first date is the reference: the result lies on its grid, in its brightness, and pixels that are clear there
    stay bit by bit. The others are warped to it where they have another grid. No cloud is taken off and nothing is
    generated: what is cloudy on all dates stays as the reference shows it. A run that was stopped or killed goes on
    when the same command is given again.
    """

    output: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUTPUT")]
    """File ending in .tif or .png."""
    dates: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DATE1 DATE2 ...")]
    """Pictures or rasters of the place, the reference first."""
    model: Path | None = None
    """Model folder that finds the clouds, NAME or NAME/VERSION; without it the bundled model defog."""
    bands: str | None = None
    """Bands of red, green and blue in all dates, counted from 1, e.g. 4,3,2. Without it 1,2,3 of at most four bands."""
    scale: float | None = None
    """Value of full brightness in all dates, e.g. 10000 for Sentinel-2 reflectance. Without it 255 for 8 bits, else by
    each raster's tags, else by percentiles of each."""
    sensor: Sensor | None = None
    """Units of the values in all dates, as for remove; without it by each raster's tags where they name them."""
    baseline: float | None = None
    """Processing baseline of Sentinel-2 products, as for remove."""
    keep_below: float | None = None
    """Opacity (0 to 1) under which pixels count as clear. Without it as the model's card says (usually 0.05)."""
    opaque_above: float | None = None
    """Opacity (0 to 1) from which pixels of a date are of no use. Without it as the card says (usually 0.75)."""
    date_above: float | None = None
    """Opacity (0 to 1) of the reference from which pixels are taken from a clearer date. Without it 0.1 above
    --keep-below."""
    cloud: Path | None = None
    """Write the opacity of the cloud that is left here: .tif (0 to 1, NaN without data) or .png (0 to 255)."""
    provenance: Path | None = None
    """Write where each pixel comes from here (.tif): 0 no data, 1 kept, 3 taken from another date."""
    window: int = 1280
    """Largest side, in pixels, of what is kept of one window through the network; smaller needs less memory."""
    report: Path | None = None
    """Write a report here: .html, one page with before and after under a divider, or .png."""
    cog: bool = False
    """Write GeoTIFFs as cloud-optimised ones (COG)."""
    overwrite: bool = False
    """Replace results that exist, and drop an unfinished run with other settings."""
    quiet: bool = False
    """No progress bar and no notes on stderr."""

    def run(self) -> int:
        """Merges the dates. Returns the exit code."""
        if len(self.dates) < 2:
            raise OptionError(
                "composite: expected two dates or more after OUTPUT, the reference first; one alone is for remove."
            )
        from cloud_removal.cli.remove_one import progress, say
        from cloud_removal.inference.dates.composite import composite
        from cloud_removal.inference.settings import Settings

        settings = Settings(
            parse_bands(self.bands), self.scale, self.keep_below, self.opaque_above, self.window,
            date_above=self.date_above, sensor=self.sensor, baseline=self.baseline,
        )  # fmt: skip
        try:
            with progress(self.dates[0].name, self.quiet) as advance:
                summary = composite(
                    self.dates,
                    self.output,
                    self.model or DEFAULT,
                    settings,
                    cloud=self.cloud,
                    provenance=self.provenance,
                    report=self.report,
                    cog=self.cog,
                    overwrite=self.overwrite,
                    say=lambda line: say(line, self.quiet),
                    advance=advance,
                )
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", file=sys.stderr)
            return INTERRUPTED
        print(summary.line())
        return 0
