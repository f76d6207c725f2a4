"""Where results go: checked before any work is done, put in place all at once at the end."""

import contextlib
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from rasterio.enums import ColorInterp

from cloud_removal.errors import CloudRemovalError, OptionError, OutputError
from cloud_removal.files import check_new
from cloud_removal.inference.blocks import partial_folder
from cloud_removal.inference.raster import Scene, open_scene, quiet_gdal

RASTERS = (".tif", ".tiff", ".png")
REPORTS = (".html", ".png")
PNG_TYPES = ("uint8", "uint16")
PUBLISHING = "publishing"
"""File in the partial folder that says: all results are complete, and are being renamed."""


@dataclass(frozen=True)
class Targets:
    """The files to write; None where one is not wanted."""

    output: Path
    """The scene without clouds."""
    cloud: Path | None = None
    """Its opacity."""
    provenance: Path | None = None
    """Where each pixel comes from."""
    report: Path | None = None
    """What it looked like before, its cloud, and how it looks now."""
    cog: bool = False
    """GeoTIFFs are cloud-optimised."""
    residual: Path | None = None
    """How the result, put back under the cloud, differs from the scene."""
    pages: bool = False
    """Where these are folders: their reports are pages (.html), not pictures (.png)."""
    uncertainty: Path | None = None
    """How far each pixel may be off."""

    def wanted(self) -> dict[str, Path]:
        """The files that are wanted, by option."""
        every = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: path for name, path in every.items() if isinstance(path, Path)}


def check(targets: Targets, source: Path, overwrite: bool) -> None:
    """Refuses results that could not be written, would hide one another, or would replace something unasked."""
    wanted = targets.wanted()
    for name, path in wanted.items():
        _check_suffix(name, path)
        if targets.cog and name in ("output", "cloud") and path.suffix.lower() == ".png":
            raise OptionError(
                f"--cog and {path}: a PNG cannot be cloud-optimised. Give {_option(name)} a name that ends in .tif."
            )
        _check_folder(path)
        if path.exists() and source.exists() and path.samefile(source):
            raise OutputError(f"{path} is an input itself, which is never replaced. Give {_option(name)} another name.")
        if path.is_dir():
            raise OutputError(f"{path} is a folder; give {_option(name)} the name of a file in it.")
    places = [path.resolve() for path in wanted.values()]
    if len(set(places)) < len(places):
        raise OptionError(f"Two results have the same name: {', '.join(map(str, wanted.values()))}.")
    interrupted = (partial_folder(targets.output) / PUBLISHING).exists()
    for path in wanted.values():
        check_new(path, overwrite or interrupted)


def check_folders(targets: Targets) -> None:
    """Refuses names of files where folders are meant, and pages that nobody asked for. Raises OptionError."""
    if targets.pages and targets.report is None:
        raise OptionError("--report-pages: say with --report DIR which folder the pages go to.")
    for name, path in targets.wanted().items():
        if path.suffix.lower() in (*RASTERS, *REPORTS) and not path.is_dir():
            pages = ", and add --report-pages for pages" if name == "report" and path.suffix.lower() == ".html" else ""
            raise OptionError(
                f"{_option(name)} {path}: that is the name of a file; there may be many pictures. Name a folder{pages}."
            )


def check_kind(scene: Scene, output: Path) -> None:
    """Refuses an output format that cannot hold what the scene holds."""
    if output.suffix.lower() == ".png" and (lost := beyond_png(scene)):
        raise OutputError(f"{output}: PNG cannot hold {' and '.join(lost)} of {scene.path}. Name the output .tif.")


def beyond_png(scene: Scene) -> list[str]:
    """What of a scene a PNG cannot hold, in words."""
    source = scene.source
    beside = f" ({', '.join(scene.beside)})" if scene.beside and source.driver in ("PNG", "JPEG") else ""
    transparent = ColorInterp.alpha in source.colorinterp
    own_nodata = source.driver == "PNG" and "NODATA_VALUES" in source.tags()  # A colour of the PNG's own.
    losses = {
        f"{scene.dtype} values": scene.dtype not in PNG_TYPES,
        f"{len(scene.written)} bands": len(scene.written) > 4,
        "a fourth band that is no transparency": len(scene.written) == 4 and not transparent,
        f"the georeference{beside}": scene.georeferenced,
        "a nodata value": scene.nodata is not None and not own_nodata,
        "a mask": scene.masked and source.driver != "PNG" and not transparent,
        "scale and offset": any(s != 1 for s in source.scales) or any(o != 0 for o in source.offsets),
    }
    return [what for what, is_lost in losses.items() if is_lost]


def hidden_files(targets: Targets) -> dict[str, Path]:
    """Where each result is assembled: in a hidden folder beside its place, so that it can be renamed."""
    return {name: partial_folder(path) / path.name for name, path in targets.wanted().items()}


def publish(targets: Targets) -> None:
    """Renames the finished files into their places, the scene itself last."""
    (partial_folder(targets.output) / PUBLISHING).touch()
    hidden = hidden_files(targets)
    for name, path in reversed(list(targets.wanted().items())):
        if hidden[name].exists():
            hidden[name].replace(path)


@contextlib.contextmanager
def hidden(targets: Targets) -> Iterator[None]:
    """Makes the hidden folders of the files beside the scene and removes them in the end."""
    folders = [partial_folder(path) for name, path in targets.wanted().items() if name != "output"]
    try:
        for folder in folders:
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise OutputError(f"Nothing can be written into {folder.parent}: {error.strerror}.") from error
        yield
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def suffix_for(source: Path, cog: bool = False) -> str:
    """The suffix of the result of `source` in a folder of results.

    A JPEG becomes a PNG; JPEG 2000, and a PNG or JPEG that has more than a PNG can hold (a world file), a GeoTIFF, as
    does everything where the results are to be cloud-optimised (`cog`).
    """
    own = source.suffix.lower()
    if own == ".jp2" or (cog and own in (".png", ".jpg", ".jpeg")) or lost_as_png(source):
        return ".tif"
    return ".png" if own in (".jpg", ".jpeg") else source.suffix


def lost_as_png(source: Path) -> list[str]:
    """What of a PNG or JPEG a PNG would lose, in words; of other files nothing, for none becomes a PNG unasked."""
    if source.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        return []
    try:
        with quiet_gdal(), open_scene(source, most=math.inf) as scene:
            return beyond_png(scene)
    except CloudRemovalError:  # What is wrong with it is said when its turn comes.
        return []


def _check_suffix(name: str, path: Path) -> None:
    suffix = path.suffix.lower()
    if name == "report":
        if suffix not in REPORTS:
            raise OptionError(f"--report {path}: expected a name that ends in .html or .png.")
        return
    if name == "provenance" and suffix == ".png":
        raise OptionError(f"--provenance {path}: a PNG cannot say which value is nodata; name it .tif.")
    if name == "residual" and suffix == ".png":
        raise OptionError(f"--residual {path}: a PNG holds no numbers below 0; name it .tif.")
    if name == "uncertainty" and suffix == ".png":
        raise OptionError(f"--uncertainty {path}: a PNG cannot say where it is not known; name it .tif.")
    if suffix in (".jpg", ".jpeg", ".jp2"):
        raise OutputError(f"{path}: {suffix[1:].upper()} cannot hold identical pixels. Name the output .png or .tif.")
    if suffix not in RASTERS:
        told = f"not in {suffix}" if suffix else "and it has no ending; only where INPUT is a folder is OUTPUT one"
        raise OutputError(f"{path}: expected a name that ends in .tif or .png, {told}.")


def _check_folder(path: Path) -> None:
    parent = path.parent
    if not parent.exists():
        raise OutputError(f"There is no folder {parent} to write {path.name} into. Make it first, or correct the name.")
    if not parent.is_dir():
        raise OutputError(f"{parent} is a file, not a folder; {path.name} cannot be written into it.")


def _option(name: str) -> str:
    return "OUTPUT" if name == "output" else f"--{name}"


def listed(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The files of `folder` (not of folders in it) with one of `suffixes`, by name; hidden ones are left out."""
    files = (p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    return sorted(p for p in files if p.suffix.lower() in suffixes)
