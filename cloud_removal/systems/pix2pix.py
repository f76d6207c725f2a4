"""pix2pix: one kind of picture into another, learned from pairs, judged patch by patch beside what it was made from."""

from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from cloud_removal import losses
from cloud_removal.adversarial import OBJECTIVES
from cloud_removal.config import Run, SystemOptions
from cloud_removal.data.jitter import jittered
from cloud_removal.errors import OptionError, expect
from cloud_removal.models import implied, pix2pix
from cloud_removal.models.blocks import signed, unsigned
from cloud_removal.models.discriminators import Field, patch, smallest_patched
from cloud_removal.systems.base import Batch, CloudRestorer, Scalars, lit_ground
from cloud_removal.systems.optimization import optimizer

OBJECTIVE = OBJECTIVES["dcgan"]
"""Cross-entropy of logits; the generator minimises -log D, as the source does (section 3.3)."""
HALF = 0.5
"""Of the discriminator's loss, which slows it down beside the generator (section 3.3)."""


@dataclass(frozen=True)
class Options(SystemOptions):
    """Networks and objective of pix2pix."""

    width: int = 64
    """Base width d of the generator."""
    levels: int = pix2pix.LEVELS
    """Halvings of the resolution in the generator: sides are multiples of 2^levels (8: 256 px)."""
    norm: Literal["batch", "instance"] = "instance"
    """In both networks. The source's batch norm, with one picture a batch and its statistics at inference too, is
    instance norm, which looks at each window of a scene as a whole; batch has moving statistics, which do not."""
    dropout: float = 0.5
    """Share of the features dropped in the first three layers of the decoder, in training."""
    field: Field = 70
    """Side of the patches in pixels that the discriminator judges (1: each pixel by itself)."""
    discriminator_width: int = 64
    """Base width of the discriminator."""
    l1_weight: float = 100.0
    """Weight of the difference from the true picture, in values from -1 to 1."""
    adversarial_weight: float = 1.0
    """Weight of the discriminator's opinion in the generator's loss; 0: there is no discriminator at all."""
    jitter: bool = True
    """Enlarge training pictures from 256 to 286 px, cut 256 out of them, mirror half of them (other sizes likewise)."""
    beta_1: float = 0.5
    beta_2: float = 0.999


class Pix2PixSystem(CloudRestorer):
    """Cloudy picture -> clear one, trained on simulated clouds and, where given, real pairs."""

    Options = Options
    title = "pix2pix: a conditional GAN on pairs, U-Net against PatchGAN"
    source = "Isola et al. 2017 (arXiv:1611.07004)"
    seed_document = "Image-to-image translation with a conditional GAN (004)"
    script = "train_translate.py"
    default_preset = "pix2pix"
    other_presets = ("pix2pix-narrow",)
    training_only = ("discriminator",)
    opacity = "implied"

    def __init__(self, run: Run):
        super().__init__(run)
        self.options: Options = run.options  # type: ignore[assignment]  # The loader made it of this class.
        own = self.options
        check(own, run.size)
        self.stride = self.smallest = 2**own.levels
        exact = own.norm == "batch"
        self.receptive_radius = pix2pix.receptive_radius(own.levels) + implied.REACH if exact else None
        self.networks = {"generator": pix2pix.generator(own.width, own.levels, own.norm, own.dropout)}
        if own.adversarial_weight:
            self.networks["discriminator"] = patch(own.discriminator_width, own.field, own.norm, channels=6)
        self.optimizers = {
            name: optimizer("adam", run, network.trainable_variables, own.beta_1, own.beta_2, name == "generator")
            for name, network in self.networks.items()
        }

    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        batches = super().batches(split, first_batch)
        jitter = self.options.jitter and split == "training"
        return jittered(batches, self.run.seed, first_batch, self.share(split)) if jitter else batches

    def train_step(self, batch: Batch) -> Scalars:
        given, true = signed(batch["aerial"]), signed(lit_ground(batch))
        return self._train_both(given, true) if "discriminator" in self.networks else self._train_alone(given, true)

    def _train_both(self, given: tf.Tensor, true: tf.Tensor) -> Scalars:
        """One answer of the discriminator to the generator's picture serves both."""
        own = self.options
        with tf.GradientTape() as outer:
            fake = self.networks["generator"](given, training=True)
            with tf.GradientTape() as inner:  # Sees nothing of the generator.
                answer = self._judged(given, fake)
                discriminator = HALF * OBJECTIVE.discriminator_loss(self._judged(given, true), answer)
                scaled_discriminator = self.optimizers["discriminator"].scale_loss(discriminator)
            l1, adversarial = losses.l1(true, fake), OBJECTIVE.generator_loss(answer)
            loss = own.adversarial_weight * adversarial + own.l1_weight * l1
            scaled_generator = self.optimizers["generator"].scale_loss(loss)
        scalars = {"loss": loss, "l1": l1, "adversarial": adversarial, "discriminator": discriminator}
        norms = {
            "gradient_norm_discriminator": self.update("discriminator", inner, scaled_discriminator),
            "gradient_norm_generator": self.update("generator", outer, scaled_generator),
        }
        return scalars | norms

    def _train_alone(self, given: tf.Tensor, true: tf.Tensor) -> Scalars:
        """The generator by its difference from the true picture only."""
        with tf.GradientTape() as tape:
            l1 = losses.l1(true, self.networks["generator"](given, training=True))
            loss = self.options.l1_weight * l1
            scaled = self.optimizers["generator"].scale_loss(loss)
        return {"loss": loss, "l1": l1, "gradient_norm_generator": self.update("generator", tape, scaled)}

    def _judged(self, given: tf.Tensor, picture: tf.Tensor) -> tf.Tensor:
        """Logits (B, h, w, 1), float32: is `picture` a true one of what `given` shows, patch by patch?"""
        return self.networks["discriminator"]([tf.concat([given, picture], axis=-1)], training=True)

    def restore(self, image: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        ground = unsigned(self.networks["generator"](signed(image), training=False))
        return {"ground": ground, "opacity": implied.implied_opacity(image, ground)}


def check(own: Options, size: int) -> None:
    """OptionError for options that no run can have."""
    expect(2 <= own.levels <= 10, "levels", own.levels, "2 to 10 halvings of the resolution, such as 8 for 256 px")
    expect(0 <= own.dropout < 1, "dropout", own.dropout, "a share from 0 (none) to under 1, such as 0.5")
    for name in ("width", "discriminator_width"):
        expect(getattr(own, name) >= 1, name, getattr(own, name), "1 or more")
    for name in ("adversarial_weight", "l1_weight"):
        expect(getattr(own, name) >= 0, name, getattr(own, name), "0 or more")
    least = smallest_patched(own.field)
    if own.adversarial_weight and size < least:
        raise OptionError(
            f"--size {size}: the discriminator of {own.field} px gives no answer under {least} px. "
            "Give larger pictures, or a smaller --field."
        )


SYSTEM = Pix2PixSystem
