"""The folder `.OUTPUT.partial/`: finished windows as raw blocks, so that a killed run goes on where it stopped."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import OutputError
from cloud_removal.inference.compose import Piece
from cloud_removal.inference.windows import Window

SETTINGS = "settings.json"


def partial_folder(output: Path) -> Path:
    """Where the unfinished work for `output` waits."""
    return output.with_name(f".{output.name}.partial")


class Partial:
    """Raw blocks of one result: per window the three bands, the provenance and (where wanted) the opacity."""

    def __init__(self, folder: Path, dtype: str, with_opacity: bool):
        self.folder, self.dtype, self.with_opacity = folder, np.dtype(dtype), with_opacity

    def has(self, window: Window) -> bool:
        """Whether the window's block is there, whole."""
        try:
            return self._file(window).stat().st_size == self._size(window)
        except FileNotFoundError:
            return False

    def save(self, window: Window, piece: Piece) -> None:
        """Writes a window's block; it appears complete or not at all."""
        parts = [piece.values, piece.provenance] + ([piece.opacity] if self.with_opacity else [])
        self._write(self._file(window), [np.ascontiguousarray(part) for part in parts])

    def load(self, window: Window) -> Piece:
        """A window's block, mapped from the disk (an empty opacity where none is kept)."""
        shape = (window.core.height, window.core.width)
        raw = np.memmap(self._file(window), np.uint8, mode="r")
        values_end = 3 * shape[0] * shape[1] * self.dtype.itemsize
        provenance_end = values_end + shape[0] * shape[1]
        return Piece(
            raw[:values_end].view(self.dtype).reshape(3, *shape),
            raw[values_end:provenance_end].reshape(shape),
            raw[provenance_end:].view(np.float32).reshape(shape if self.with_opacity else (0, 0)),
        )

    def save_array(self, name: str, array: NDArray) -> None:
        """Keeps an array that the whole run shares."""
        self._write(self.folder / f"{name}.{'x'.join(map(str, array.shape))}.raw", [array])

    def load_array(self, name: str) -> NDArray[np.float32] | None:
        """The float32 array kept under `name`, None where there is none."""
        for file in self.folder.glob(f"{name}.*.raw"):
            shape = [int(side) for side in file.name.split(".")[1].split("x")]
            return np.fromfile(file, np.float32).reshape(shape)
        return None

    def _file(self, window: Window) -> Path:
        return self.folder / f"{window.index:07d}.block"

    def _size(self, window: Window) -> int:
        each = 3 * self.dtype.itemsize + 1 + (4 if self.with_opacity else 0)
        return window.core.height * window.core.width * each

    def _write(self, file: Path, arrays: list[NDArray]) -> None:
        beginning = file.with_suffix(".writing")
        with beginning.open("wb") as stream:
            for array in arrays:
                stream.write(array.data)
            stream.flush()
            os.fsync(stream.fileno())
        beginning.replace(file)


class Layer(Partial):
    """Finished windows that were written anew under a `name` of their own; those that were not are read from `base`."""

    def __init__(self, base: Partial, name: str):
        super().__init__(base.folder, base.dtype.name, base.with_opacity)
        self._base, self._name = base, name

    def load(self, window: Window) -> Piece:
        return super().load(window) if self.has(window) else self._base.load(window)

    def _file(self, window: Window) -> Path:
        return super()._file(window).with_suffix(f".{self._name}")


@contextlib.contextmanager
def opened(output: Path, settings: dict[str, Any], dtype: str, with_opacity: bool, afresh: bool) -> Iterator[Partial]:
    """The partial folder of `output`, new or left by a killed run with the same `settings`.

    With other settings OutputError is raised, or with `afresh` the folder is emptied. An error inside the context
    removes the folder; being interrupted leaves it.
    """
    folder = partial_folder(output)
    with _locked(folder, output):
        _check_settings(folder, output, settings, afresh)
        try:
            yield Partial(folder, dtype, with_opacity)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise OutputError(f"{output} cannot be written: {error.strerror or error}; nothing is left.") from error
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path, output: Path) -> Iterator[None]:
    """Makes the folder and keeps other processes out of it."""
    try:
        folder.mkdir(exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise OutputError(
            f"{output.name} cannot be written into {output.parent}: {error.strerror}. Choose another folder."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(f"Another process is working on {output} ({folder}); wait for it or stop it.") from error
        yield


def _check_settings(folder: Path, output: Path, settings: dict[str, Any], afresh: bool) -> None:
    file = folder / SETTINGS
    before = _settings_of(file)
    if before == settings:
        return
    others = [entry for entry in folder.iterdir() if entry.name != "lock"]
    if others and not afresh and before is not None:
        different = [
            f"{name} {before.get(name)!r} there, {settings.get(name)!r} now"
            for name in sorted(before.keys() | settings.keys())
            if before.get(name) != settings.get(name)
        ]
        raise OutputError(
            f"{folder} holds an unfinished run with other settings ({'; '.join(different)}). Repeat that command to go "
            "on with it, or add --overwrite to start afresh."
        )
    for entry in others:
        entry.unlink()
    try:
        beginning = file.with_suffix(".writing")
        beginning.write_text(json.dumps(settings, indent=1), encoding="utf-8")
        beginning.replace(file)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise OutputError(f"{output} cannot be written: {error.strerror}. Nothing is left behind.") from error


def _settings_of(file: Path) -> dict[str, Any] | None:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
