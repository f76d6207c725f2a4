"""`composite`: one picture out of several dates of a place, each pixel as a sensor saw it on its clearest date."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from cloud_removal.inference.model import Model
from cloud_removal.inference.pipeline import processed
from cloud_removal.inference.raster import Say
from cloud_removal.inference.settings import DEFAULTS, Settings
from cloud_removal.inference.stages import Advance
from cloud_removal.inference.summary import Summary
from cloud_removal.inference.targets import Targets
from cloud_removal.model_folder import DEFAULT


def composite(
    dates: Sequence[Path],
    output: Path,
    model: Path | Model = DEFAULT,
    settings: Settings = DEFAULTS,
    *,
    cloud: Path | None = None,
    provenance: Path | None = None,
    report: Path | None = None,
    cog: bool = False,
    overwrite: bool = False,
    say: Say = lambda line: None,
    advance: Advance = lambda done, total: None,
) -> Summary:
    """Merges `dates` (two or more) on the grid and in the brightness of the first, and writes `output`.

    The network finds the cloud of each date; it takes none off. What is cloudy on all dates stays as the first date
    shows it, and `cloud` is the opacity that is left. All else is as for `pipeline.remove`.
    """
    first, *others = dates
    wanted = Targets(output, cloud, provenance, report, cog)
    as_seen = dataclasses.replace(settings, thin=False)
    return processed(first, wanted, model, as_seen, [], others, overwrite, say, advance)
