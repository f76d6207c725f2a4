"""What a comparison is asked for, and what one run of it is."""

import abc
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from cloud_removal.config import Data, Run


@dataclass(frozen=True)
class Variant:
    """One run of a comparison."""

    title: str
    presets: str
    """Which presets of configure.py `preset` is one of."""
    preset: str
    options: dict[str, Any] = field(default_factory=dict)
    """Options of its system that differ from the preset's."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of its run that do."""

    def start(self) -> Run:
        """The settings of its preset."""
        import configure

        return getattr(configure, self.presets)[self.preset]


@dataclass(frozen=True)
class Comparison(abc.ABC):
    """What all comparisons have in common; `variants` are their runs, in the order in which they are trained."""

    variants: ClassVar[Mapping[str, Variant]]
    usual_page: ClassVar[str]

    data: Data = Data()
    pairs: tuple[Path, ...] = ()
    """Folders of real pairs (cloud/NAME and clear/NAME) to judge on, none of which is trained on."""
    pairs_only: tuple[str, ...] = ()
    """Names of these to judge on, first:N or last:N, instead of all."""
    output: Path = Path("runs/comparison")
    """Folder of the runs, the exported models, and of what comes out: numbers.json, table.md, and pictures."""
    minutes: float = 60.0
    """Minutes of training for each."""
    steps: int | None = None
    """Train each for so many steps instead."""
    only: tuple[str, ...] = ()
    """Names of runs to train and judge, instead of all."""
    page: Path | None = None
    """Markdown page to write the table into, between its two comments "measured"."""
    size: int = 128
    """Side of the pictures in pixels, in training and of the held-out simulated ones."""
    width: int | None = None
    """Base width of all networks; None: those of the presets."""
    seed: int = 0
    judged: int = 96
    """Held-out simulated pictures on which each is judged."""

    def alike(self, name: str, steps: int, run: Run) -> Run:
        """`run` as run `name`, in all that is the same in every run, and with what its variant sets."""
        run = dataclasses.replace(
            run, data=self.data, run_dir=self.output / name, steps=steps, size=self.size, seed=self.seed
        )
        return dataclasses.replace(run, **self.variants[name].settings)

    @abc.abstractmethod
    def run_of(self, name: str, steps: int = 1) -> Run:
        """The settings of run `name`, for `steps` steps."""

    @abc.abstractmethod
    def held_out(self) -> Run:
        """The run whose held-out simulated pictures all are judged on."""
