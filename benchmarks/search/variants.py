"""The choices: head, normalisation, width, losses, weather and ground, each against the preset `veil` as it is."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from benchmarks.comparison.settings import Comparison, Variant
from cloud_removal.config import Augmentation, Run, Simulation

BASE = "veil"


def changed(title: str, settings: dict[str, Any] | None = None, **options: Any) -> Variant:
    """The preset with other `options` of its system and other `settings` of its run."""
    return Variant(title, "DEFOG", BASE, options, settings or {})


def with_ground(title: str, **augmentation: Any) -> Variant:
    """The preset with ground made to look another way."""
    own = changed(title).start().augmentation
    return changed(title, {"augmentation": dataclasses.replace(own, **augmentation)})


def with_weather(title: str, **simulation: Any) -> Variant:
    """The preset under other weather."""
    own = changed(title).start().simulation
    return changed(title, {"simulation": dataclasses.replace(own, **simulation)})


def variants() -> dict[str, Variant]:
    """All runs, in the order in which they are trained."""
    unaveraged = {"ema": None}
    return {
        BASE: changed("the preset `veil`"),
        "direct": changed("head: the ground decoded directly", head="direct"),
        "unet": changed("network: the seed's U-Net (batch norm)", unaveraged, network="unet"),
        "unaveraged": changed("weights not averaged", unaveraged),
        "batch-norm": changed("norm: batch norm in the decoder, weights not averaged", unaveraged, norm="batch"),
        "narrow": changed("width: two thirds", widths=(16, 32, 64, 86, 108)),
        "wide": changed("width: four thirds", widths=(32, 64, 128, 172, 216)),
        "l1": changed("loss: L1", objective="l1", cloud_weight=1.0),
        "l2": changed("loss: L2", objective="l2", cloud_weight=1.0),
        "ssim": changed("loss: with SSIM", structure_weight=0.3),
        "usual-weather": changed("weather: the simulator's own ranges", {"simulation": Simulation()}),
        "single-layer": with_weather("weather: no veil under clouds, none that depends on wavelength",
                                     mixed_share=0.0, haze_share=0.0, ice_share=0.0),
        "usual-ground": changed("ground: the augmentation's own ranges", {"augmentation": Augmentation()}),
        "no-open-country": with_ground("ground: no open country", open_country=0.0),
        "infrared": with_ground("ground: a third as near infrared shows it", infrared=0.33),
    }  # fmt: skip


@dataclass(frozen=True)
class Search(Comparison):
    """Trains the default network with one thing changed at a time, and puts what comes of it in one table.

    Each begins from nothing and trains for --minutes on the same ground; its learning rate comes to its end with them.
    Leave the machine alone meanwhile. The same command goes on where it was stopped.
    """

    variants: ClassVar = variants()
    usual_page: ClassVar = "docs/experiments.md"

    output: Path = Path("runs/search")
    """Folder of the runs, the exported models, and of what comes out: numbers.json, table.md, and pictures."""
    minutes: float = 10.0
    """Minutes of training for each."""
    size: int = 192
    """Side of the pictures in pixels, in training and of the held-out simulated ones."""

    def run_of(self, name: str, steps: int = 1) -> Run:
        """Those of the preset and what is changed."""
        variant = self.variants[name]
        preset, options = variant.start(), dict(variant.options)
        if self.width is not None:
            options |= {"width": self.width, "widths": (self.width,) * 5}
        return dataclasses.replace(
            preset,
            options=dataclasses.replace(cast(Any, preset.options), **options),
            data=self.data,
            run_dir=self.output / name,
            steps=steps,
            size=self.size,
            seed=self.seed,
            **variant.settings,
        )

    def held_out(self) -> Run:
        """Under the weather of the preset, over ground in its own colours but for what the preset changes."""
        return self.run_of(BASE)
