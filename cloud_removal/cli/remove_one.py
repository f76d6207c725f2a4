"""One picture or raster for `remove`: its progress on stderr, its notes, its summary."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from cloud_removal.inference.holes.completer import CompleterModel
from cloud_removal.inference.model import Model
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.raster import Say
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.stages import Advance
from cloud_removal.inference.summary import Summary
from cloud_removal.inference.targets import Targets

BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.2f}/{total:.2f} MP [{elapsed}<{remaining}, {rate_noinv_fmt}]"


@dataclass(frozen=True)
class Remover:
    """Models and settings that are alike for all pictures of a command."""

    model: Path | Model
    inpaint: Path | CompleterModel | None
    """Fills what opaque cloud hides; None: nothing does."""
    settings: Settings
    overwrite: bool
    quiet: bool
    other_dates: tuple[Path, ...] = ()

    def one(self, source: Path, results: Targets) -> Summary:
        """Takes the clouds off `source`. Raises a CloudRemovalError where anything is wrong."""
        with progress(source.name, self.quiet) as advance:
            return self.removed(source, results, self.say, advance)

    def removed(self, source: Path, results: Targets, say: Say, advance: Advance = lambda done, total: None) -> Summary:
        """The same, with notes and progress told to `say` and `advance`."""
        return remove(
            source,
            results.output,
            self.model,
            self.settings,
            other_dates=self.other_dates,
            inpaint=self.inpaint,
            cloud=results.cloud,
            provenance=results.provenance,
            report=results.report,
            residual=results.residual,
            uncertainty=results.uncertainty,
            cog=results.cog,
            overwrite=self.overwrite,
            say=say,
            advance=advance,
        )

    def say(self, line: str) -> None:
        """Tells a user something on stderr, unless they want quiet."""
        say(line, self.quiet)


def say(line: str, quiet: bool) -> None:
    """A note on stderr, beside a progress bar."""
    if not quiet:
        tqdm.write(f"note: {line}", file=sys.stderr)


@contextlib.contextmanager
def progress(name: str, quiet: bool) -> Iterator[Advance]:
    """A bar on stderr that is told of megapixels done."""
    with tqdm(
        desc=name,
        total=1,
        unit="MP",
        delay=1e-6,  # Keeps it from showing before the scene's size is known.
        disable=quiet,
        file=sys.stderr,
        leave=False,
        bar_format=BAR,
    ) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total / 1e6
            bar.update(done / 1e6)
            if bar.n >= bar.total - 1e-9:
                bar.refresh()  # However fast it was.

        yield advance
