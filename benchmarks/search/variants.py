"""The choices: head, normalisation, width, losses, weather and ground, each against the preset `veil` as it is."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

from benchmarks.comparison.settings import Comparison, Variant
from cloud_removal.config import Augmentation, Run, Simulation

BASE = "veil"


@dataclass(frozen=True)
class Choice(Variant):
    """The default preset with something else in it."""

    presets: str = "DEFOG"
    preset: str = BASE
    weather: dict[str, Any] = field(default_factory=dict)
    """Ranges of the simulation that differ from the preset's."""
    ground: dict[str, Any] = field(default_factory=dict)
    """Ranges of the augmentation that do."""


def choice(title: str, settings: Mapping[str, Any] | None = None, **options: Any) -> Choice:
    """One with other `options` of the system, and other `settings` of the run."""
    return Choice(title, options=options, settings=dict(settings or {}))


UNAVERAGED = {"ema": None}
"""Batch norm does not go together with averaged weights."""
CHOICES = {
    BASE: choice("the preset `veil`"),
    "again": choice("the same from another seed: what chance does", {"seed": 1}),
    "direct": choice("head: the ground decoded directly", head="direct"),
    "unet": choice("network: the seed's U-Net (batch norm, weights not averaged)", UNAVERAGED, network="unet"),
    "unaveraged": choice("weights not averaged", UNAVERAGED),
    "batch-norm": choice("norm: batch norm in the decoder, weights not averaged", UNAVERAGED, norm="batch"),
    "narrow": choice("width: two thirds", widths=(16, 32, 64, 86, 108)),
    "wide": choice("width: four thirds", widths=(32, 64, 128, 172, 216)),
    "l1": choice("loss: L1 of composites and of the cloud", objective="l1", cloud_weight=1.0),
    "l2": choice("loss: L2 of composites, L1 of the cloud", objective="l2", cloud_weight=1.0),
    "ssim": choice("loss: with SSIM", structure_weight=0.3),
    "usual-weather": choice("weather: the simulator's own ranges", {"simulation": Simulation()}),
    "single-layer": Choice(
        "weather: no veil under clouds, nothing that depends on wavelength",
        weather={"mixed_share": 0.0, "haze_share": 0.0, "ice_share": 0.0},
    ),
    "usual-ground": choice("ground: the augmentation's own ranges", {"augmentation": Augmentation()}),
    "no-open-country": Choice("ground: no open country", ground={"open_country": 0.0}),
    "infrared": Choice("ground: a third as near infrared shows it", ground={"infrared": 0.33}),
}
"""All runs, in the order in which they are trained."""


@dataclass(frozen=True)
class Search(Comparison):
    """Trains the default network with one thing changed at a time, and puts what comes of it in one table.

    Each begins from nothing and trains for --minutes on the same ground; its learning rate comes to its end with them.
    Leave the machine alone meanwhile. The same command goes on where it was stopped.
    """

    variants: ClassVar = CHOICES
    usual_page: ClassVar = "a page with the two comments"

    output: Path = Path("runs/search")
    """Folder of the runs, the exported models, and of what comes out: numbers.json, table.md, and pictures."""
    minutes: float = 10.0
    """Minutes of training for each."""
    size: int = 192
    """Side of the pictures in pixels, in training and of the held-out simulated ones."""
    width: int | None = None
    """Width of the preset's network at half resolution, instead of its 24; all other widths change in proportion."""

    def run_of(self, name: str, steps: int = 1) -> Run:
        """The settings of run `name`, for `steps` steps: those of the preset, and what is changed."""
        variant: Choice = self.variants[name]
        preset = variant.start()
        options = dataclasses.replace(cast(Any, preset.options), **variant.options)
        if self.width is not None:
            narrower = self.width / cast(Any, preset.options).widths[0]
            widths = tuple(max(1, round(narrower * width)) for width in options.widths)
            options = dataclasses.replace(options, widths=widths, width=max(1, round(narrower * options.width)))
        changed = dataclasses.replace(
            preset,
            options=options,
            simulation=dataclasses.replace(preset.simulation, **variant.weather),
            augmentation=dataclasses.replace(preset.augmentation, **variant.ground),
        )
        return self.alike(name, steps, changed)

    def held_out(self) -> Run:
        """The preset's: under its weather, over ground that looks as it has it."""
        return self.run_of(BASE)
