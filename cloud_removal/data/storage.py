"""Folders to read from: on this machine, or elsewhere by their address (fsspec), with retries and a bounded cache."""

import re
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TypeVar

import numpy as np

from cloud_removal.config import Location, Url
from cloud_removal.data.decode import read_rgb
from cloud_removal.errors import InputError, OptionError

READERS = 8
"""Batches made side by side where their pictures come from elsewhere: most of the time each waits for an answer."""
CACHE = 2**26
"""Bytes kept of what was last read from an address."""
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between attempts where a server does not answer as it should."""
FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError, TypeError)
"""Errors that another attempt does not mend."""
PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs",
    "http": "aiohttp", "https": "aiohttp",
}  # fmt: skip
Answer = TypeVar("Answer")


class Storage(Protocol):
    """A folder."""

    def files(self) -> list[str]:
        """Names of all files in it and its sub-folders, relative, with `/`; sorted folder by folder."""
        ...

    def read(self, name: str, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes of a file from `start` up to `stop` or its end; fewer where it ends before. InputError otherwise."""
        ...

    def size(self, name: str) -> int:
        """Bytes of a file; InputError where it is not there."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        ...

    def below(self, name: str) -> "Storage":
        """A sub-folder; itself for no name."""
        ...

    def picture(self, name: str) -> np.ndarray:
        """A picture as `decode.read_rgb` reads it: uint8 (H, W, 3)."""
        ...

    def at(self, name: str) -> str:
        """The file's path or address, for messages."""
        ...


def open_storage(folder: Location) -> Storage:
    """The folder `folder`, nothing of which is read yet; OptionError where its protocol needs what is not installed."""
    return Remote(folder) if isinstance(folder, Url) else Local(folder)


def by_folder(names: Iterable[str]) -> list[str]:
    """Sorted as paths are: by the name of the first folder, then of the next."""
    return sorted(names, key=lambda name: PurePosixPath(name).parts)


class Local:
    """A folder of this machine."""

    def __init__(self, folder: Path):
        self.folder = folder

    def files(self) -> list[str]:
        """See Storage."""
        return by_folder(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())

    def read(self, name: str, start: int = 0, stop: int | None = None) -> bytes:
        """See Storage."""
        try:
            with open(self.folder / name, "rb") as file:
                file.seek(start)
                return file.read(-1 if stop is None else stop - start)
        except OSError as error:
            raise InputError(f"{self.at(name)}: {error.strerror or error}. Expected a readable file.") from error

    def size(self, name: str) -> int:
        """See Storage."""
        try:
            return (self.folder / name).stat().st_size
        except OSError as error:
            raise InputError(f"{self.at(name)}: {error.strerror or error}. Expected a readable file.") from error

    def has(self, name: str) -> bool:
        """See Storage."""
        return (self.folder / name).is_file()

    def below(self, name: str) -> "Local":
        """See Storage."""
        return Local(self.folder / name)

    def picture(self, name: str) -> np.ndarray:
        """See Storage."""
        return read_rgb(self.folder / name)

    def at(self, name: str) -> str:
        """See Storage."""
        return str(self.folder / name)


class Remote:
    """A folder elsewhere. What was last read of its files is kept, CACHE bytes in all; threads may share it."""

    def __init__(self, folder: Url):
        self.folder = folder
        self.server, self.root = _opened(folder)
        self.kept = Kept(CACHE)

    def files(self) -> list[str]:
        """See Storage. InputError where there is none at all, as an address has no empty folders."""
        found = self._asked(self.folder, lambda: self.server.find(self.root))
        names = [path[len(self.root) :].strip("/") for path in found]
        if not any(names):
            raise InputError(f"{self.folder}: no such folder, or nothing in it. Check the address.")
        return by_folder(names)

    def read(self, name: str, start: int = 0, stop: int | None = None) -> bytes:
        """See Storage."""
        key = (name, start, stop)
        content = self.kept.get(key)
        if content is None:
            path, limits = self._path(name), {} if stop is None else {"start": start, "end": stop}
            content = bytes(self._asked(self.at(name), lambda: self.server.cat_file(path, **limits)))
            if stop is not None and len(content) > stop - start:
                raise InputError(
                    f"{self.at(name)}: the server sends whole files only, not parts of them. Copy the folder here."
                )
            self.kept.put(key, content)
        return content

    def size(self, name: str) -> int:
        """See Storage."""
        return int(self._asked(self.at(name), lambda: self.server.info(self._path(name)))["size"])

    def has(self, name: str) -> bool:
        """See Storage."""
        return bool(self._asked(self.at(name), lambda: self.server.isfile(self._path(name))))

    def below(self, name: str) -> "Remote":
        """See Storage."""
        return Remote(self.folder / name) if name else self

    def picture(self, name: str) -> np.ndarray:
        """See Storage."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / PurePosixPath(name).name
            copy.write_bytes(self.read(name))
            try:
                return read_rgb(copy)
            except InputError as error:
                raise InputError(str(error).replace(str(copy), self.at(name))) from error

    def at(self, name: str) -> str:
        """See Storage."""
        return self.folder / name

    def _path(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"

    def _asked(self, address: str, ask: Callable[[], Answer]) -> Answer:
        """What `ask` answers, after further attempts where need be; InputError in one line where none succeeds."""
        waits = iter(WAITS)
        while True:
            try:
                return ask()
            except Exception as error:  # The library of each protocol has kinds of its own.
                wait = next(waits, None)
                if wait is None or not _may_pass(error):
                    raise InputError(_told(address, error)) from error
            time.sleep(wait)


class Kept:
    """The contents last asked for, up to so many bytes in all."""

    def __init__(self, most: int):
        self.most, self.held = most, 0
        self.contents: OrderedDict[Any, bytes] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: Any) -> bytes | None:
        """What was put under `key`, if it is still there."""
        with self.lock:
            if key in self.contents:
                self.contents.move_to_end(key)
            return self.contents.get(key)

    def put(self, key: Any, content: bytes) -> None:
        """Keeps `content`, and drops what was not asked for longest."""
        with self.lock:
            self.held += len(content) - len(self.contents.pop(key, b""))
            self.contents[key] = content
            while self.held > self.most:
                _, dropped = self.contents.popitem(last=False)
                self.held -= len(dropped)


def _opened(url: Url) -> tuple[Any, str]:
    """The file system of an address, and what the folder is called in it."""
    protocol = url.split("://")[0].split("::")[-1]
    try:
        import fsspec
    except ImportError as error:
        raise OptionError(f"{url}: addresses need the extra `remote`: pip install -e '.[remote]'.") from error
    try:
        return fsspec.core.url_to_fs(url)
    except ImportError as error:
        package = PACKAGES.get(protocol)
        what = f"pip install {package}" if package else str(error)
        raise OptionError(f"{url}: {protocol}:// needs a package that is not installed: {what}.") from error
    except ValueError as error:
        raise OptionError(f"{url}: {error}. Expected s3://, gs://, https:// or another protocol of fsspec.") from error
    except Exception as error:  # Some libraries look for credentials here, each with errors of its own.
        raise InputError(_told(url, error)) from error


def _may_pass(error: Exception) -> bool:
    """Whether another attempt may succeed."""
    status = _status(error)
    return not (isinstance(error, FINAL) or _is_refusal(error) or (400 <= status < 500 and status not in (408, 429)))


def _status(error: Exception) -> int:
    """The HTTP status that an error tells of; 0 where it tells none."""
    told = str(getattr(error, "status", None) or getattr(error, "code", None))
    return int(told) if re.fullmatch(r"\d{3}", told) else 0


def _is_refusal(error: Exception) -> bool:
    unknown = "credential" in f"{type(error).__name__} {error}".lower()
    return isinstance(error, PermissionError) or unknown or _status(error) in (401, 403)


def _told(address: str, error: Exception) -> str:
    """What a user reads of `error`."""
    if isinstance(error, FileNotFoundError) or _status(error) == 404:
        return f"{address}: no such file or folder there. Check the address."
    reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
    if _is_refusal(error):
        return f"{address}: access refused ({reason}). Sign in as its library expects; see docs/training.md."
    return f"{address}: cannot be read ({reason}). Is the network there? The same command goes on."
