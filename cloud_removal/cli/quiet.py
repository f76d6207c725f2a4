"""Keeps TensorFlow's own messages off the user's screen. To be called before TensorFlow is imported.

TF_CPP_MIN_LOG_LEVEL alone no longer does: since TensorFlow logs through absl, what it says while it is imported
("oneDNN custom operations are on", "Could not find cuda drivers") ignores that level. Later messages heed it, such
as those of the graph optimizer, which reports harmless failures as errors.
Whoever wants to see everything sets TF_CPP_MIN_LOG_LEVEL=0.
"""

import contextlib
import importlib.machinery
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ONLY_FATAL = "3"
INTERRUPTED = 130


def quiet_tensorflow() -> None:
    """Sets TensorFlow's log level, unless the user has, and silences its import."""
    if os.environ.setdefault(LEVEL, ONLY_FATAL) == ONLY_FATAL and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _SilentImport())


def import_tensorflow() -> None:
    """Imports TensorFlow now; Ctrl+C during these seconds ends the process with 130."""
    try:
        import tensorflow  # noqa: F401
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


class _SilentImport(MetaPathFinder):
    """Finds TensorFlow where it is, but has it executed without stderr."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def silently(module: ModuleType) -> None:
            with _no_stderr():
                execute(module)

        spec.loader.exec_module = silently  # type: ignore[method-assign]
        return spec


@contextlib.contextmanager
def _no_stderr() -> Iterator[None]:
    """Sends what C++ writes to stderr nowhere; Python's exceptions come through."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
