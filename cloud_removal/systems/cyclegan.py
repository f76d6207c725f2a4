"""CycleGAN: two kinds of pictures into each other, learned without pairs: there and back again must be the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from cloud_removal import losses
from cloud_removal.adversarial import OBJECTIVES
from cloud_removal.config import Run, SystemOptions
from cloud_removal.data.batches import read_layers
from cloud_removal.data.clouds import simulate
from cloud_removal.data.unpaired import unpaired_batches
from cloud_removal.errors import OptionError, expect
from cloud_removal.models import resnet
from cloud_removal.models.blocks import Upsample, signed, unsigned
from cloud_removal.models.discriminators import Field, patch, smallest_patched
from cloud_removal.models.implied import implied_opacity
from cloud_removal.systems.base import Batch, Further, Restorer, Scalars
from cloud_removal.systems.history import Pool
from cloud_removal.systems.optimization import optimizer

OBJECTIVE = OBJECTIVES["lsgan"]
"""It has a ½ before both losses. CycleGAN (section 7.1) halves the discriminator's alone, so that the generator's is
taken twice."""
TWICE = 2.0
FIELD: Field = 70
"""Side of the patches in pixels that the discriminators judge."""
GENERATORS, DISCRIMINATORS = ("a_to_b", "b_to_a"), ("discriminator_a", "discriminator_b")
TRAINED = {"generators": GENERATORS, "discriminators": DISCRIMINATORS}
"""Networks that each optimizer trains."""


@dataclass(frozen=True)
class Options(SystemOptions):
    """Networks and objective of CycleGAN."""

    width: int = 64
    """Base width d of both generators."""
    blocks: int | None = None
    """Residual blocks of a generator; None: 6, and for training pictures from 256 px on 9."""
    upsample: Upsample = "transposed"
    """How the generators double their resolution."""
    discriminator_width: int = 64
    """Base width of both discriminators."""
    scores: Literal["patches", "mean"] = "patches"
    """patches: each patch of a picture should score 0 or 1. mean: their mean should (the seed's reference code)."""
    cycle_weight: float = 10.0
    """Weight λ of the difference between a picture and what comes back of it, in values from -1 to 1."""
    identity_weight: float = 0.5
    """Times λ: weight of what a generator changes in a picture that is of the wanted kind already; 0: not asked."""
    pool: int = 50
    """Past fakes of each kind that are kept, to be shown to its discriminator in place of every second new one; 0:
    none."""
    beta_1: float = 0.5
    beta_2: float = 0.999


class CycleGANSystem(Restorer):
    """Pictures of kind a (cloudy) <-> pictures of kind b (clear); what is exported restores a to b."""

    Options = Options
    title = "CycleGAN: two kinds of pictures into each other, without pairs"
    source = "Zhu et al. 2017 (arXiv:1703.10593)"
    seed_document = "Scenes with DCGAN, style transfer with CycleGAN (001)"
    script = "train_translate.py"
    default_preset = "cyclegan"
    other_presets = ("cyclegan-narrow",)
    training_only = DISCRIMINATORS
    opacity = "implied"
    stride, smallest = resnet.STRIDE, resnet.SMALLEST
    receptive_radius = None

    def __init__(self, run: Run):
        super().__init__(run)
        self.options: Options = run.options  # type: ignore[assignment]  # The loader made it of this class.
        own = self.options
        check(own, run.size)
        blocks = resnet.usual_blocks(run.size) if own.blocks is None else own.blocks
        for name in GENERATORS + DISCRIMINATORS:
            with keras.name_scope(name):  # Two networks alike under one optimizer: their variables need names apart.
                self.networks[name] = (
                    resnet.resnet(own.width, blocks, own.upsample, name)
                    if name in GENERATORS
                    else patch(own.discriminator_width, FIELD, "instance")
                )
        self.optimizers = {
            name: optimizer("adam", run, self.trained(name), own.beta_1, own.beta_2, name == "generators")
            for name in TRAINED
        }
        self.steps = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.state = {"steps": self.steps}
        self.pools = {}
        for stream, name in enumerate(DISCRIMINATORS if own.pool else ()):
            self.pools[name] = Pool(own.pool, run.size, run.seed, stream)
            self.state |= self.pools[name].state()

    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        return unpaired_batches(self.run, split, first_batch, self._clouded(), self.share(split))

    def _clouded(self) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
        """Makes clear ground cloudy, where no folders of both kinds are given."""
        layers = read_layers(self.run.data.clouds)
        return lambda ground, rng: simulate(ground, rng, self.run.simulation, layers).aerial

    def train_step(self, batch: Batch) -> Scalars:
        a, b = signed(batch["a"]), signed(batch["b"])
        with tf.GradientTape() as tape:
            as_b, as_a = self._translated("a_to_b", a), self._translated("b_to_a", b)
            scalars = {
                "adversarial_a_to_b": TWICE * OBJECTIVE.generator_loss(self._judged("discriminator_b", as_b)),
                "adversarial_b_to_a": TWICE * OBJECTIVE.generator_loss(self._judged("discriminator_a", as_a)),
                **self._unchanged(a, b, as_a, as_b),
            }
            loss = tf.add_n([self._weight(name) * value for name, value in scalars.items()])
            scaled = self.optimizers["generators"].scale_loss(loss)
        scalars |= {"loss": loss, "gradient_norm_generators": self.update("generators", tape, scaled)}
        scalars |= self._train_discriminators({"discriminator_a": (a, as_a), "discriminator_b": (b, as_b)})
        self.steps.assign_add(1)
        return scalars

    def _unchanged(self, a: tf.Tensor, b: tf.Tensor, as_a: tf.Tensor, as_b: tf.Tensor) -> Scalars:
        """What there and back again changes, and what a picture of the wanted kind is changed by: L1, both ways."""
        back_a, back_b = self._translated("b_to_a", as_b), self._translated("a_to_b", as_a)
        found = {"cycle": losses.l1(a, back_a) + losses.l1(b, back_b)}
        if self.options.identity_weight:
            same_a, same_b = self._translated("b_to_a", a), self._translated("a_to_b", b)
            found["identity"] = losses.l1(a, same_a) + losses.l1(b, same_b)
        return found

    def _weight(self, name: str) -> float:
        """Of a part of the generators' loss: equation 3, and the identity loss of section 5.2."""
        own = self.options
        weights = {"cycle": own.cycle_weight, "identity": own.cycle_weight * own.identity_weight}
        return weights.get(name, 1.0)

    def _train_discriminators(self, seen: dict[str, tuple[tf.Tensor, tf.Tensor]]) -> Scalars:
        """One update of both from real pictures and fakes in [-1, 1], by name, the fakes by way of the pools."""
        shown = {name: tf.stop_gradient(fake) for name, (_, fake) in seen.items()}
        for name, pool in self.pools.items():
            shown[name] = self.workers.own(pool.exchange(self.workers.gather(shown[name]), self.steps))
        with tf.GradientTape() as tape:
            scalars = {
                name: OBJECTIVE.discriminator_loss(self._judged(name, real), self._judged(name, shown[name]))
                for name, (real, _) in seen.items()
            }
            scaled = self.optimizers["discriminators"].scale_loss(tf.add_n(list(scalars.values())))
        return scalars | {"gradient_norm_discriminators": self.update("discriminators", tape, scaled)}

    def _translated(self, name: str, picture: tf.Tensor) -> tf.Tensor:
        return self.networks[name](picture, training=True)

    def _judged(self, name: str, picture: tf.Tensor) -> tf.Tensor:
        """A score for each patch (B, h, w, 1), or picture (B, 1), float32: 1 for real ones of its kind, 0 for fakes."""
        scores = self.networks[name]([picture], training=True)
        return tf.reduce_mean(scores, axis=(1, 2)) if self.options.scores == "mean" else scores

    def trained(self, name: str) -> list[keras.Variable]:
        return [variable for network in TRAINED[name] for variable in self.networks[network].trainable_variables]

    def restore(self, image: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        ground = self.translate("a_to_b", image)
        return {"ground": ground, "opacity": implied_opacity(image, ground)}

    def further(self) -> Further:
        return {"b_to_a": lambda image: {"translated": self.translate("b_to_a", image)}}

    def translate(self, direction: str, image: tf.Tensor) -> tf.Tensor:
        """`image` (B, H, W, 3) in [0, 1], sides multiples of 4, as one of the other kind: "a_to_b" or "b_to_a"."""
        return unsigned(self.networks[direction](signed(image), training=False))

    def samples(self, batch: Batch) -> dict[str, tf.Tensor]:
        as_b, as_a = self.translate("a_to_b", batch["a"]), self.translate("b_to_a", batch["b"])
        return {
            "a": batch["a"],
            "a as b": as_b,
            "and back": self.translate("b_to_a", as_b),
            "b": batch["b"],
            "b as a": as_a,
            "and back again": self.translate("a_to_b", as_a),
        }


def check(own: Options, size: int) -> None:
    """OptionError for options that no run can have."""
    for name in ("width", "discriminator_width"):
        expect(getattr(own, name) >= 1, name, getattr(own, name), "1 or more")
    expect(own.blocks is None or own.blocks >= 1, "blocks", own.blocks, "1 or more, such as 6 (9 from 256 px on)")
    for name in ("cycle_weight", "identity_weight", "pool"):
        expect(getattr(own, name) >= 0, name, getattr(own, name), "0 or more")
    least = smallest_patched(FIELD)
    if size < least:
        raise OptionError(f"--size {size}: the discriminators give no answer under {least} px. Give larger pictures.")


SYSTEM = CycleGANSystem
