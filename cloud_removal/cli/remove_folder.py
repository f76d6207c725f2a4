"""A folder of pictures for `remove`: which files become which, and all of them, though some may fail."""

import contextlib
import dataclasses
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from cloud_removal.cli.remove_one import Remover
from cloud_removal.errors import CloudRemovalError, InputError, OutputError
from cloud_removal.inference.holes.completer import CompleterModel
from cloud_removal.inference.model import Model
from cloud_removal.inference.raster import SUFFIXES
from cloud_removal.inference.settings import check_settings
from cloud_removal.inference.targets import Targets, check_folders, listed, lost_as_png, suffix_for


def every(remover: Remover, folder: Path, results: Targets) -> None:
    """Every picture of `folder` into the folders named by `results`; one that fails does not stop the others.

    Raises InputError in the end where some failed.
    """
    check(remover)
    todo = jobs(pictures(folder), results, str(folder))
    ready = loaded(remover)
    with folders(results):
        failed = sum(not _done(ready, source, targets) for source, targets in todo)
        if failed:
            raise InputError(f"{failed} of {len(todo)} pictures of {folder} failed; the others are done.")


def check(remover: Remover) -> None:
    """Refuses, before any work, options that no picture could be done with."""
    check_settings(remover.settings)
    if remover.settings.mask is not None:
        _listed_masks(remover.settings.mask.path)


def pictures(folder: Path) -> list[Path]:
    """The pictures of a folder by name; InputError where it holds none."""
    sources = listed(folder, SUFFIXES)
    if not sources:
        raise InputError(f"There are no pictures in {folder}. Expected files ending in {', '.join(SUFFIXES)}.")
    return sources


def jobs(sources: Sequence[Path], results: Targets, where: str) -> list[tuple[Path, Targets]]:
    """Each of `sources`, found in `where`, with the files to write for it into the folders of `results`."""
    check_folders(results)
    named = [(source, _named(results, source.stem, suffix_for(source, results.cog))) for source in sources]
    names = Counter(path for _, targets in named for path in targets.wanted().values())
    twice = sorted(str(path) for path, count in names.items() if count > 1)
    if twice:
        raise InputError(f"Several pictures of {where} would become {', '.join(twice)}; rename one of each.")
    return named


def loaded(remover: Remover) -> Remover:
    """The same with its models in memory, so that each is loaded once."""
    model, inpaint = remover.model, remover.inpaint
    return dataclasses.replace(
        remover,
        model=Model.load(model) if isinstance(model, Path) else model,
        inpaint=CompleterModel.load(inpaint) if isinstance(inpaint, Path) else inpaint,
    )


def _done(remover: Remover, source: Path, results: Targets) -> bool:
    """Whether a picture's result is there; what went wrong is said."""
    if there(remover, source, results):
        return True
    try:
        print(with_mask(remover, source).one(source, results).line(), flush=True)
    except CloudRemovalError as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return False
    return True


def there(remover: Remover, source: Path, results: Targets) -> bool:
    """Whether a picture's result is there already and stays, which is said; so is what its name will be if another."""
    if results.output.exists() and not remover.overwrite:
        remover.say(f"{results.output} exists already and is left as it is; --overwrite makes it anew")
        return True
    if results.output.suffix == ".tif" and (lost := lost_as_png(source)):
        remover.say(f"{source.name} becomes {results.output.name}: PNG cannot hold {' and '.join(lost)}")
    return False


def with_mask(remover: Remover, source: Path) -> Remover:
    """The same with the mask of `source` out of the folder of masks."""
    mask = remover.settings.mask
    if mask is None:
        return remover
    found = [file for file in _listed_masks(mask.path) if file.stem == source.stem]
    if len(found) != 1:
        problem = f"holds {' and '.join(file.name for file in found)}" if found else "holds none"
        raise InputError(f"--mask {mask.path} {problem} for {source.name}; expected one mask of the same name.")
    settings = dataclasses.replace(remover.settings, mask=dataclasses.replace(mask, path=found[0]))
    return dataclasses.replace(remover, settings=settings)


def _listed_masks(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"--mask {folder} is no folder; INPUT is one, so expected masks of the same names.")
    return listed(folder, SUFFIXES)


def _named(folders: Targets, stem: str, suffix: str) -> Targets:
    """The files to write for a picture of a folder."""

    def within(folder: Path | None, end: str) -> Path | None:
        return None if folder is None else folder / (stem + end)

    cloud = within(folders.cloud, ".png" if suffix.lower() == ".png" else ".tif")
    provenance, residual = within(folders.provenance, ".tif"), within(folders.residual, ".tif")
    report, bars = within(folders.report, ".html" if folders.pages else ".png"), within(folders.uncertainty, ".tif")
    output = folders.output / (stem + suffix)
    return Targets(output, cloud, provenance, report, folders.cog, residual, uncertainty=bars)


@contextlib.contextmanager
def folders(results: Targets) -> Iterator[None]:
    """Makes the folders of `results` that are not there yet, and removes those again that stay empty."""
    made = [folder for folder in sorted(set(results.wanted().values())) if not folder.is_dir()]
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
