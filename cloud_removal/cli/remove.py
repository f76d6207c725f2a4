"""The command `remove`: clouds and haze off a picture, a GeoTIFF, or a folder of them."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cloud_removal.errors import CloudRemovalError, InputError, OptionError, OutputError
from cloud_removal.model_folder import DEFAULT, INPAINT, version_of

if TYPE_CHECKING:
    from cloud_removal.inference.completer import CompleterModel
    from cloud_removal.inference.model import Model
    from cloud_removal.inference.pipeline import Settings, Summary
    from cloud_removal.inference.targets import Targets

    Models = tuple[Path | Model, Path | CompleterModel | None]

INTERRUPTED = 130


@dataclass(frozen=True)
class Command:
    """Takes clouds and haze off a picture and writes the ground, keeping what was clear bit by bit.

    PNG, JPEG, GeoTIFF and JPEG 2000 of any size, 8 or 16 bit or float, are read; GeoTIFF and PNG are written. With a
    folder as INPUT, OUTPUT and the files beside it are folders too, and get files of the same names. A run that was
    stopped or killed goes on when the same command is given again.
    """

    input: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="INPUT")]
    """Picture, raster, or folder of them."""
    output: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUTPUT")]
    """File ending in .tif or .png, or folder."""
    model: Path | None = None
    """Model folder, NAME or NAME/VERSION; without it the bundled model defog."""
    bands: str | None = None
    """Bands of red, green and blue, counted from 1, e.g. 4,3,2. Without it 1,2,3 of at most four bands."""
    scale: float | None = None
    """Value of full brightness, e.g. 10000 for Sentinel-2 reflectance. Without it 255 for 8 bits, else by the raster's
    scale and offset tags, else by percentiles of the whole scene."""
    keep_below: float | None = None
    """Opacity (0 to 1) under which pixels stay bit-identical; up to 0.1 above it the result is blended in.
    Without it as the model's card says (usually 0.05)."""
    opaque_above: float | None = None
    """Opacity (0 to 1) from which pixels count as opaque cloud, provenance 4. Without it as the card says (usually
    0.75)."""
    inpaint_model: Path | None = None
    """Model folder that fills what opaque cloud hides; without it the bundled model inpaint, where there is one."""
    inpaint: bool = True
    """--no-inpaint: what stands under opaque cloud is the guess of the network that takes clouds off."""
    dilate: int | None = None
    """Pixels around opaque cloud that count as its edge, where it is filled or left without data. Without it 2."""
    abstain: bool = False
    """Generate nothing: what is under opaque cloud is left without data."""
    cloud: Path | None = None
    """Write the cloud's opacity here: .tif (0 to 1, NaN without data) or .png (0 to 255)."""
    provenance: Path | None = None
    """Write where each pixel comes from here (.tif): 0 no data, 1 kept, 2 thin cloud removed, 4 generated or guessed
    under opaque cloud."""
    window: int = 1280
    """Largest side, in pixels, of what is kept of one window through the network; smaller needs less memory and more
    time. The result does not depend on it, unless that is said."""
    report: Path | None = None
    """Write a picture of before, cloud and after here (.png)."""
    overwrite: bool = False
    """Replace results that exist, and drop an unfinished run with other settings."""
    quiet: bool = False
    """No progress bar and no notes on stderr."""

    def run(self) -> int:
        """Removes the clouds. Returns the exit code."""
        from cloud_removal.inference.inpaint import DILATE
        from cloud_removal.inference.pipeline import Settings

        dilate = DILATE if self.dilate is None else self.dilate
        settings = Settings(
            parse_bands(self.bands), self.scale, self.keep_below, self.opaque_above, self.window, dilate, self.abstain
        )  # fmt: skip
        models = self.model or DEFAULT, self._inpaint_model()
        try:
            return self._folder(settings, models) if self.input.is_dir() else self._file(settings, models)
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", file=sys.stderr)
            return INTERRUPTED

    def _inpaint_model(self) -> Path | None:
        """What fills holes, None where nothing does."""
        if self.inpaint_model is not None and (self.abstain or not self.inpaint):
            other = "--abstain" if self.abstain else "--no-inpaint"
            raise OptionError(f"--inpaint-model and {other}: give one of them; with {other} no model fills anything.")
        if self.abstain or not self.inpaint:
            return None
        return self.inpaint_model or (INPAINT if version_of(INPAINT) else None)

    def _file(self, settings: "Settings", models: "Models") -> int:
        from cloud_removal.inference.targets import Targets

        results = Targets(self.output, self.cloud, self.provenance, self.report)
        print(self._one(self.input, results, models, settings).line())
        return 0

    def _folder(self, settings: "Settings", models: "Models") -> int:
        """Every picture of a folder; one that fails does not stop the others."""
        from cloud_removal.inference.completer import CompleterModel
        from cloud_removal.inference.model import Model
        from cloud_removal.inference.pipeline import check_settings

        check_settings(settings)
        jobs = self._jobs()
        model, inpaint = models
        assert isinstance(model, Path)
        loaded = Model.load(model), CompleterModel.load(inpaint) if isinstance(inpaint, Path) else None
        with _folders({path.parent for path in jobs[0][1].wanted().values()}):
            return self._all(jobs, loaded, settings)

    def _all(self, jobs: "list[tuple[Path, Targets]]", models: "Models", settings: "Settings") -> int:
        from cloud_removal.inference.targets import lost_as_png

        failed = 0
        for source, results in jobs:
            if results.output.exists() and not self.overwrite:
                self._say(f"{results.output} exists already and is left as it is; --overwrite makes it anew")
                continue
            if results.output.suffix == ".tif" and (lost := lost_as_png(source)):
                self._say(f"{source.name} becomes {results.output.name}: PNG cannot hold {' and '.join(lost)}")
            try:
                print(self._one(source, results, models, settings).line(), flush=True)
            except CloudRemovalError as error:
                failed += 1
                print("error: " + " ".join(str(error).split()), file=sys.stderr)
        if failed:
            raise InputError(f"{failed} of {len(jobs)} pictures of {self.input} failed; the others are done.")
        return 0

    def _jobs(self) -> list[tuple[Path, "Targets"]]:
        """Each picture of the folder with the files to write for it."""
        from cloud_removal.inference.raster import SUFFIXES
        from cloud_removal.inference.targets import listed, suffix_for

        sources = listed(self.input, SUFFIXES)
        if not sources:
            raise InputError(f"There are no pictures in {self.input}. Expected files ending in {', '.join(SUFFIXES)}.")
        jobs = [(source, self._named(source.stem, suffix_for(source))) for source in sources]
        names = Counter(path for _, results in jobs for path in results.wanted().values())
        twice = sorted(str(path) for path, count in names.items() if count > 1)
        if twice:
            raise InputError(f"Several pictures of {self.input} would become {', '.join(twice)}; rename one of each.")
        return jobs

    def _named(self, stem: str, suffix: str) -> "Targets":
        """The files to write for a picture of a folder."""
        from cloud_removal.inference.targets import Targets

        def within(folder: Path | None, end: str) -> Path | None:
            return None if folder is None else folder / (stem + end)

        cloud = within(self.cloud, ".png" if suffix.lower() == ".png" else ".tif")
        return Targets(
            self.output / (stem + suffix), cloud, within(self.provenance, ".tif"), within(self.report, ".png")
        )

    def _one(self, source: Path, results: "Targets", models: "Models", settings: "Settings") -> "Summary":
        from tqdm import tqdm

        from cloud_removal.inference.pipeline import remove

        with tqdm(
            desc=source.name,
            total=1,
            unit="MP",
            delay=1e-6,
            disable=self.quiet,
            file=sys.stderr,
            leave=False,
            bar_format=BAR,
        ) as bar:  # The delay keeps it from showing before the scene's size is known.

            def advance(done: int, total: int) -> None:
                bar.total = total / 1e6
                bar.update(done / 1e6)
                if bar.n >= bar.total - 1e-9:
                    bar.refresh()  # However fast it was.

            return remove(
                source,
                results.output,
                models[0],
                settings,
                inpaint=models[1],
                cloud=results.cloud,
                provenance=results.provenance,
                report=results.report,
                overwrite=self.overwrite,
                say=self._say,
                advance=advance,
            )

    def _say(self, line: str) -> None:
        if not self.quiet:
            from tqdm import tqdm

            tqdm.write(f"note: {line}", file=sys.stderr)


BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.2f}/{total:.2f} MP [{elapsed}<{remaining}, {rate_noinv_fmt}]"


def parse_bands(text: str | None) -> tuple[int, ...] | None:
    """`4,3,2` as numbers. Raises OptionError where it is anything else."""
    if text is None:
        return None
    try:
        return tuple(int(word) for word in text.replace(" ", ",").split(",") if word)
    except ValueError as error:
        raise OptionError(f"--bands {text}: expected three band numbers with commas between, e.g. 4,3,2.") from error


@contextlib.contextmanager
def _folders(folders: set[Path]) -> Iterator[None]:
    """Makes the folders that are not there yet, and removes those again that stay empty."""
    made = [folder for folder in sorted(folders) if not folder.is_dir()]
    try:
        for folder in made:
            try:
                folder.mkdir()
            except OSError as error:
                raise OutputError(f"The folder {folder} cannot be made: {error.strerror}.") from error
        yield
    finally:
        for folder in made:
            with contextlib.suppress(OSError):  # Not empty, or never made.
                folder.rmdir()
