"""Files and folders that appear complete or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from cloud_removal.errors import OptionError, OutputError


def check_new(path: Path, overwrite: bool) -> None:
    """OutputError where a file that a user asked for is there already and may not be replaced."""
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already. Choose another name, or add --overwrite to replace it.")


def check_targets(targets: Mapping[str, Path | None], overwrite: bool) -> None:
    """Refuses, before the work, files asked for by an option (`--json`) that could not be written at its end.

    OutputError for a folder, a folder that is not there, or a file that may not be replaced; OptionError where two
    options name one file.
    """
    given: dict[Path, str] = {}
    for option, file in targets.items():
        if file is None:
            continue
        if file.is_dir():
            raise OutputError(f"{file} is a folder. Give the name of a file in it.")
        if not file.parent.is_dir():
            raise OutputError(f"{file} cannot be written: there is no folder {file.parent}. Make it first.")
        check_new(file, overwrite)
        if other := given.get(file.resolve()):
            raise OptionError(f"{other} and {option} are both {file}: give each a name of its own.")
        given[file.resolve()] = option


def write_atomically(path: Path, content: bytes) -> None:
    """Writes `content` beside `path` and renames it over it; after a crash the old or the new file is there."""
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    flush(path.parent)


def write_result(path: Path, content: bytes, advice: str) -> None:
    """The same for a file that a user asked for. OutputError with `advice`, and no half of it, where it fails."""
    try:
        write_atomically(path, content)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.with_name(f".{path.name}.partial").unlink()
        raise OutputError(f"{path} cannot be written: {error.strerror or error}. {advice}") from error


def flush(path: Path) -> None:
    """Makes the file or folder `path` outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def new_folder(destination: Path) -> Iterator[Path]:
    """A hidden folder beside `destination` to write into; it becomes `destination` unless an error is raised.

    In that case nothing is left, the folders above it that were made for it included. OutputError where `destination`
    exists already, or where it or what is in it cannot be written.
    """
    if destination.exists():
        raise OutputError(f"{destination} exists already. Name a new folder, or remove it first.")
    above = [folder for folder in destination.parents if not folder.exists()]
    with _removed_if_empty(above):
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", suffix=".partial", dir=destination.parent))
        except OSError as error:
            raise OutputError(f"{destination}: cannot be made ({error.strerror}). Name a folder that can.") from error
        try:
            yield partial
            partial.chmod(0o755)
            partial.rename(destination)
        except OSError as error:
            raise OutputError(f"{destination}: cannot be written ({error.strerror}). Is the disk full?") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def _removed_if_empty(folders: list[Path]) -> Iterator[None]:
    """In the end removes those of `folders`, the innermost first, in which nothing is."""
    try:
        yield
    finally:
        for folder in folders:
            with contextlib.suppress(OSError):  # Not empty, or never made.
                folder.rmdir()
