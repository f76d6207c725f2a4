"""`plot`: the curves of a training run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cloud_removal.errors import OptionError
from cloud_removal.files import check_new, write_result


@dataclass(frozen=True)
class Command:
    """Draws losses, speed and learning rate over the steps of a training run. Prints the picture's path."""

    run_dir: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN_DIR")]
    """Folder of a training run (its --run-dir), also while it trains."""
    output: Path | None = None
    """PNG to write; without it, curves.png in RUN_DIR, which training itself draws anew now and then."""
    overwrite: bool = False
    """Replace an --output that exists."""

    def run(self) -> None:
        """Reads the log and writes the picture."""
        self._check()
        from cloud_removal.plots import curves

        picture = curves(self.run_dir)
        target = self.output or self.run_dir / "curves.png"
        write_result(target, picture, "Name a file in a folder that can, with --output.")
        print(target)

    def _check(self) -> None:
        if self.output is None:
            return
        if self.output.suffix.lower() != ".png":
            raise OptionError(f"--output {self.output}: expected a name that ends in .png.")
        check_new(self.output, self.overwrite)
