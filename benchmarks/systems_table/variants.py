"""The systems that are compared: one run each, in all that can be equal alike."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from benchmarks.comparison.settings import Comparison, Variant
from cloud_removal.config import Run

UNET, PIX2PIX, L1, CYCLEGAN = "unet", "pix2pix", "pix2pix-l1", "cyclegan"
NARROW = "pix2pix-narrow"
VARIANTS = {
    # The U-Net's own preset has a rate that stays as it is, for weeks of training.
    UNET: Variant("U-Net", "DEFOG", "unet8", settings={"learning_rate": 2e-4, "schedule": "linear"}),
    L1: Variant("pix2pix, L1 alone", "TRANSLATE", NARROW, {"adversarial_weight": 0.0}),
    PIX2PIX: Variant("pix2pix", "TRANSLATE", NARROW),
    CYCLEGAN: Variant("CycleGAN, without pairs", "TRANSLATE", "cyclegan-narrow"),
}


@dataclass(frozen=True)
class Systems(Comparison):
    """Trains pix2pix, the same without its discriminator, CycleGAN and the U-Net alike, and puts them in one table.

    Each begins from nothing and trains for --minutes on the same ground under the same simulated clouds; its learning
    rate comes to its end with them. Leave the machine alone meanwhile. The same command goes on where it was stopped.
    """

    variants: ClassVar = VARIANTS
    usual_page: ClassVar = "docs/systems.md"

    output: Path = Path("runs/systems")
    """Folder of the runs, the exported models, and of what comes out: numbers.json, table.md, and pictures."""

    def run_of(self, name: str, steps: int = 1) -> Run:
        """The settings of run `name`, for `steps` steps: those of its preset, on the clouds and the ground of all."""
        variant, common = self.variants[name], self.variants[PIX2PIX].start()
        preset = variant.start()
        widths = {} if self.width is None else {"width": self.width}
        if self.width is not None and hasattr(preset.options, "discriminator_width"):
            widths["discriminator_width"] = self.width
        options = dataclasses.replace(cast(Any, preset.options), **widths | variant.options)
        data: dict[str, Any] = {"simulation": common.simulation, "augmentation": common.augmentation}
        return self.alike(name, steps, dataclasses.replace(preset, options=options, **data))

    def held_out(self) -> Run:
        """As all see the same clouds, that of any."""
        return self.run_of(UNET)
