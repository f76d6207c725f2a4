"""`plot`: the curves of a training run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cloud_removal.errors import OutputError


@dataclass(frozen=True)
class Command:
    """Draws losses, speed and learning rate over the steps of a training run. Prints the picture's path."""

    run_dir: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN_DIR")]
    """Folder of a training run (its --run-dir), also while it trains."""
    output: Path | None = None
    """PNG to write; without it, curves.png in RUN_DIR."""

    def run(self) -> None:
        """Reads the log and writes the picture."""
        from cloud_removal.plots import curves

        picture = curves(self.run_dir)
        target = self.output or self.run_dir / "curves.png"
        try:
            target.write_bytes(picture)
        except OSError as error:
            raise OutputError(
                f"{target} cannot be written ({error.strerror}). Name a file in a folder that can, with --output."
            ) from error
        print(target)
