"""The import of TensorFlow without the lines it logs before any log level counts."""

import os
import sys

INTERRUPTED = 130


def import_tensorflow() -> None:
    """Imports TensorFlow with stderr closed to its start-up notes; an import that fails still says why.

    Ctrl+C meanwhile ends the process with 130.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow  # noqa: F401
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
