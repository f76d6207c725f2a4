"""Which scenes the INPUTs of `archive` mean: files, folders, patterns, lists of files."""

import glob
from collections.abc import Sequence
from pathlib import Path

from cloud_removal.cli.remove_folder import pictures
from cloud_removal.errors import InputError
from cloud_removal.inference.raster import SUFFIXES

LIST = ".txt"
COMMENT = "#"


def listed_scenes(inputs: Sequence[Path]) -> list[Path]:
    """All scenes of `inputs` as absolute paths, each once, in the order given.

    Raises InputError where one of `inputs` names nothing. A file in a list need not be there: that is its own failure.
    """
    found = [scene.absolute() for given in inputs for scene in _scenes(given)]
    return list(dict.fromkeys(found))


def _scenes(given: Path) -> list[Path]:
    if given.is_dir():
        return pictures(given)
    if given.suffix.lower() == LIST and given.is_file():
        return _read_list(given)
    if given.exists():
        return [given]
    if glob.has_magic(str(given)):
        return _matching(str(given))
    raise InputError(
        f"There is no {given}. Expected a scene, a folder of scenes, a pattern in quotes, or a list of files (.txt)."
    )


def _matching(pattern: str) -> list[Path]:
    files = sorted(Path(name) for name in glob.glob(pattern, recursive=True))
    scenes = [file for file in files if file.is_file() and file.suffix.lower() in SUFFIXES]
    if not scenes:
        raise InputError(f"No scene matches {pattern}. Expected files ending in {', '.join(SUFFIXES)}.")
    return scenes


def _read_list(file: Path) -> list[Path]:
    """The paths in a list, one a line, from where the command was called; empty lines and # comments do not count."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read as a list of files ({error}). Expected one path a line.") from error
    paths = [Path(line) for line in lines if line and not line.startswith(COMMENT)]
    if not paths:
        raise InputError(f"{file} lists no files. Expected one path a line.")
    return paths
