"""What is measured: which networks, in which precision, how many pictures a step. Values only, without TensorFlow.

A machine whose GPU only JAX knows cannot import the presets; a test compares what stands here with them.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

NETWORKS: dict[str, dict[str, Any]] = {
    "veil": {
        "network": "veil", "widths": [24, 48, 96, 128, 160], "objective": "visible", "cloud_weight": 0.5,
        "learning_rate": 5e-4, "beta_1": 0.9, "beta_2": 0.99, "clip_norm": 1.0, "ema": 0.995,
    },
    "unet": {
        "network": "unet", "width": 16, "objective": "l1", "cloud_weight": 3.0,
        "learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.9, "clip_norm": None, "ema": None,
    },
}  # fmt: skip
"""By preset of train_defog.py: the default one, and the plain U-Net."""
PRECISIONS = ("mixed_float16", "mixed_bfloat16", "float32")
SIZE, BATCHES, QUICK_SIZE = 256, (8, 64), 96
"""Pixels; pictures a step: as the presets train, and as many as keep a large card busy."""


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    preset: str
    precision: str
    batch_size: int = BATCHES[0]
    size: int = SIZE
    xla: str = "auto"
    deterministic: bool = True

    @property
    def usual(self) -> bool:
        """Whether it is how the scripts train on a GPU."""
        return self.xla == "auto" and self.deterministic

    @property
    def title(self) -> str:
        """The row's name."""
        plain = "" if self.xla == "auto" else ", without XLA"
        free = "" if self.deterministic else ", not deterministic"
        return (
            f"{self.preset}, {self.batch_size} × {self.size} px, {self.precision.removeprefix('mixed_')}{plain}{free}"
        )

    def spec(self) -> dict[str, Any]:
        """What the workers need to know, as JSON values."""
        return NETWORKS[self.preset] | dataclasses.asdict(self)


def every() -> list[Case]:
    """All rows, the ways not to train among them: without XLA, and free to add in any order."""
    usual = [Case(preset, precision, n) for preset in NETWORKS for n in BATCHES for precision in PRECISIONS]
    return [*usual, Case("veil", PRECISIONS[0], xla="off"), Case("veil", PRECISIONS[0], deterministic=False)]


def quick() -> list[Case]:
    """One row of each network, to try the benchmark on a processor: the numbers mean nothing.

    Of two pictures, for PyTorch's batch norm refuses a single value, which the U-Net's bottleneck has at this size.
    """
    return [Case(preset, "float32", 2, QUICK_SIZE) for preset in NETWORKS]
