"""Inpainting: a generator fills holes, a discriminator judges the whole, and three cures keep the two in balance."""

from dataclasses import dataclass
from typing import Literal

import keras
import tensorflow as tf

from cloud_removal.adversarial import CRITICS, PIXEL_OBJECTIVES, Adversarial
from cloud_removal.config import Range, Run, SystemOptions
from cloud_removal.data.holes import completion_batches
from cloud_removal.data.masks import BOX_SIDES, Mask
from cloud_removal.errors import OptionError, expect
from cloud_removal.models import completion, discriminators
from cloud_removal.models.blocks import Upsample
from cloud_removal.models.fill import MeanColour
from cloud_removal.systems.balance import Balance
from cloud_removal.systems.base import Batch, Completer, Scalars
from cloud_removal.systems.history import History, View
from cloud_removal.systems.judge import Judge
from cloud_removal.systems.likeness import Likeness, Reconstruction
from cloud_removal.systems.monitor import Diversity
from cloud_removal.systems.optimization import Kind, paper_optimizer

COMPLETION, DISCRIMINATOR, JOINT = range(3)
"""The phases, as the log numbers them."""
MISSING = float("nan")
MOMENTUM = 0.95
"""Of the running mean of the reconstruction loss."""


@dataclass(frozen=True)
class Options(SystemOptions):
    """Networks, objective, phases and cures of the inpainting system."""

    generator: completion.Name = "autoencoder"
    """Network that fills the hole; glcic-correction corrects a smooth fill of it, without batch norm, and glcic-texture
    adds detail that it finds in the ground around."""
    width: int | None = None
    """Base width of the generator; None: its source's."""
    upsample: Upsample = "transposed"
    """How the generator doubles its resolution."""
    discriminator: Literal["glcic", "masked", "global", "map", "patch"] = "masked"
    """What is judged. glcic: the whole and a window. masked: the whole and the hole. global: the whole. map: each
    pixel. patch: each 70 px."""
    discriminator_width: int | None = None
    """Base width of the discriminator; None: its source's."""
    adversarial: Adversarial = "dcgan"
    """Objective of the two against each other. The discriminator map, which says of each pixel whether it is made up,
    takes gan, dcgan or lsgan (its source's): a critic's score is no such answer."""
    mask: Mask = "poly"
    """Shape of the holes."""
    box_sides: Range = BOX_SIDES
    """Sides of a box as a share of the picture's."""
    soft_edge: bool = False
    """Blur the edge of the holes over 8 px."""
    completion_steps: int = 0
    """Steps that train the generator alone, first."""
    discriminator_steps: int = 0
    """Steps that then train the discriminator alone; after them both are trained."""
    stop_loss: float = 0.0
    """End the training of both once the reconstruction loss (running mean) is under this; 0: never."""
    reconstruction: Reconstruction = "l1"
    """Difference between completed picture and ground."""
    reconstruction_weight: float = 1.0
    structure_weight: float = 0.0
    """Weight of 1 - SSIM between completed picture and ground in the generator's loss."""
    adversarial_weight: float = 0.01
    """Weight of the discriminator's opinion in the generator's loss (GLCIC: 0.0004 beside l2)."""
    balance: float = 8.0
    """The network whose loss, times this, is under the other's is not updated; 0: both always are. Without effect in
    wgan and wgan-gp, whose losses have no scale, and whose critic cannot be ahead too far."""
    balance_window: int = 10
    """Steps over which those losses are averaged; 1: each step decides for itself."""
    history: float = 0.25
    """Share of each batch of completions that goes into a pool, to be shown to the discriminator again; 0: no pool."""
    history_size: int = 64
    """Completions in the pool."""
    critic_steps: int = 0
    """The generator is updated in every so many-th step only; 0: what the objective's paper says (wgan, wgan-gp: 5)."""
    optimizer: Kind | None = None
    """None: what the objective's paper takes, rmsprop for wgan and adam for the others."""
    beta_1: float | None = None
    """Of adam; None: 0 for wgan-gp, the seed's 0.5 for the others."""
    beta_2: float | None = None
    """Of adam; None: 0.9."""


class InpaintSystem(Completer):
    """Ground with a hole -> the whole ground. Three phases: the generator alone, the discriminator alone, both."""

    Options = Options
    title = "Inpainting: completion network and discriminator"
    source = "GLCIC: Iizuka et al. 2017 (doi:10.1145/3072959.3073659), and the seed's three cures"
    seed_document = "Cloud Removal (mod_GAN_spot.py, mod_GAN_poly.py, mod_mend_*.py), GLCIC (002)"
    script = "train_inpaint.py"
    default_preset = "plain"
    other_presets = ("detail", "seed", "map", "glcic", "glcic-walkthrough")
    sometimes = ("adversarial", "discriminator", "penalty")
    training_only = ("discriminator",)

    def __init__(self, run: Run):
        super().__init__(run)
        self.options: Options = run.options  # type: ignore[assignment]  # The loader made it of this class.
        own = self.options
        check(own, run.size)
        self._build_networks()
        self.judge = Judge(self.networks["discriminator"], own.discriminator, own.adversarial, run.seed)
        self.likeness = Likeness(own.reconstruction, own.reconstruction_weight, own.structure_weight)
        self.critic_steps = own.critic_steps or self.judge.objective.critic_steps
        self.balance = Balance(0.0 if own.adversarial in CRITICS else own.balance, own.balance_window)
        self.history = History(own.history_size, own.history, run.size, run.seed) if own.history else None
        self.diversity = Diversity()
        self.optimizers = {name: self._optimizer(name) for name in ("generator", "discriminator")}
        self.steps = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.reconstruction = tf.Variable(1.0, trainable=False)
        self.state = {"steps": self.steps, "reconstruction": self.reconstruction}
        self.state |= self.balance.state() | self.diversity.state() | (self.history.state() if self.history else {})

    def _optimizer(self, name: str) -> keras.optimizers.Optimizer:
        """As the objective's paper has it, unless the options say otherwise. Of the generator an average is kept."""
        own, variables = self.options, self.networks[name].trainable_variables
        betas = (own.beta_1, own.beta_2)
        averaged = name == "generator"
        return paper_optimizer(self.judge.objective, self.run, variables, own.optimizer, betas, (0.5, 0.9), averaged)

    def _build_networks(self) -> None:
        own = self.options
        generator = completion.GENERATORS[own.generator]
        self.stride, self.smallest = generator.stride, generator.smallest
        self.receptive_radius = generator.receptive_radius
        discriminator = discriminators.DISCRIMINATORS[own.discriminator]
        # Clipped weights without a norm let no gradient through; a penalty asks for that of each picture alone.
        norm = {"wgan": True, "wgan-gp": False}.get(own.adversarial)
        self.networks = {
            "generator": generator(own.width, own.upsample),
            "discriminator": discriminator(self.run.size, own.discriminator_width, norm),
        }
        if generator.filling == "mean":
            self.networks["fill"] = MeanColour()

    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        own = self.options
        share = self.share(split)
        return completion_batches(self.run, split, first_batch, own.mask, own.soft_edge, own.box_sides, share)

    def train_step(self, batch: Batch) -> Scalars:
        own = self.options
        first, second = own.completion_steps, own.completion_steps + own.discriminator_steps
        if second == 0:
            scalars = self._train_both(batch)
        elif first >= self.run.steps:  # No other phase is reached, so that none has to be compiled.
            scalars = self._train_generator(batch)
        else:
            phase = tf.cast(self.steps >= first, tf.int32) + tf.cast(self.steps >= second, tf.int32)
            phases = (self._train_generator, self._train_discriminator, self._train_both)
            scalars = tf.switch_case(phase, [lambda train=train: train(batch) for train in phases])
        self.steps.assign_add(1)
        return scalars

    def _train_generator(self, batch: Batch) -> Scalars:
        """The first phase."""
        with tf.GradientTape() as tape:
            fake = self._completion(batch, training=True)
            found = self._compared(batch, fake)
            scaled = self.optimizers["generator"].scale_loss(self.likeness.loss(found))
        found["gradient_norm_generator"] = self.update("generator", tape, scaled)
        return self._scalars(COMPLETION, batch, fake, found)

    def _train_discriminator(self, batch: Batch) -> Scalars:
        """The second phase: the generator and its moving statistics stay as they are."""
        fake = self._completion(batch, training=False)
        with tf.GradientTape() as tape:
            found = self._judged(batch, fake, self.judge(fake))
            scaled = self._scaled_discriminator_loss(found)
        found["gradient_norm_discriminator"] = self.update("discriminator", tape, scaled)
        self.judge.clip()
        self._remember(fake)
        found |= self._compared(batch, fake)
        return self._scalars(DISCRIMINATOR, batch, fake, found)

    def _train_both(self, batch: Batch) -> Scalars:
        """The last phase: one answer to the completions serves both; whichever is far ahead waits."""
        with tf.GradientTape() as outer:
            fake = self._completion(batch, training=True)
            with tf.GradientTape() as inner:  # Sees nothing of the generator.
                answer = self.judge(fake)
                found = self._judged(batch, fake, answer)
                scaled_discriminator = self._scaled_discriminator_loss(found)
            found["adversarial"] = self.judge.opinion(answer, fake)
            found |= self._compared(batch, fake)
            loss = self.likeness.loss(found) + self.options.adversarial_weight * found["adversarial"]
            scaled_generator = self.optimizers["generator"].scale_loss(loss)
        own = [self.judge.gauge(answer, fake), found["discriminator"], found["reconstruction"]]
        gauge, discriminator, reconstruction = self.workers.mean(own)
        generator_may, discriminator_may = self.balance.decide(gauge, discriminator)
        turn = (self.steps + 1) % self.critic_steps == 0
        found["gradient_norm_discriminator"] = self.update(
            "discriminator", inner, scaled_discriminator, discriminator_may
        )
        self.judge.clip()
        found["gradient_norm_generator"] = self.update("generator", outer, scaled_generator, generator_may & turn)
        self._remember(fake)
        self.reconstruction.assign(MOMENTUM * self.reconstruction + (1.0 - MOMENTUM) * reconstruction)
        return self._scalars(JOINT, batch, fake, found)

    def _completion(self, batch: Batch, training: bool) -> View:
        """The composite of ground and what the generator puts into the hole, as a discriminator looks at it."""
        patch = self._patch(batch["ground"], batch["hole"], training)
        return View(completion.composite(batch["ground"], patch, batch["hole"]), batch["hole"], batch["window"])

    def _patch(self, image: tf.Tensor, hole: tf.Tensor, training: bool) -> tf.Tensor:
        """The generator's raw answer (B, H, W, 3)."""
        colour = self._fill_colour(image, training) if "fill" in self.networks else 0.5
        given = completion.generator_input(self.options.generator, image, hole, colour)
        return tf.cast(self.networks["generator"](given, training=training), tf.float32)

    def _fill_colour(self, image: tf.Tensor, training: bool) -> tf.Tensor:
        """The mean colour of the ground (3,); in training that of this batch, of all workers, is taken in first."""
        if training:
            (image,) = self.workers.mean([tf.reduce_mean(image, axis=(0, 1, 2), keepdims=True)])
        return self.networks["fill"](image, training=training)

    def _compared(self, batch: Batch, fake: View) -> Scalars:
        return self.likeness.differences(batch["ground"], fake.picture)

    def _judged(self, batch: Batch, fake: View, answer: tf.Tensor) -> Scalars:
        """loss_D, and the gradient penalty where the objective has one; nothing of them reaches the generator."""
        fake = View(*map(tf.stop_gradient, fake))
        real = View(batch["ground"], batch["hole"], batch["other"])
        fakes = [(answer, fake)]
        if self.history:
            past = self.history.draw(fake, self.steps, self.workers)
            fakes.append((self.judge(past), past))
        found = {"discriminator": self.judge.loss(self.judge(real), *fakes)}
        if self.judge.objective.penalty:
            found["penalty"] = self.judge.penalty(real, fake, self.steps, self.workers)
        return found

    def _scaled_discriminator_loss(self, found: Scalars) -> tf.Tensor:
        return self.optimizers["discriminator"].scale_loss(found["discriminator"] + found.get("penalty", 0.0))

    def _remember(self, fake: View) -> None:
        if self.history:
            self.history.keep(View(*map(self.workers.gather, fake)), self.steps)

    def _scalars(self, phase: int, batch: Batch, fake: View, found: Scalars) -> Scalars:
        """The line of the log: the same names in each phase, NaN for what it has not."""
        names = [*self.likeness.names(), "adversarial", "discriminator"]
        names += ["penalty"] if self.judge.objective.penalty else []
        names += ["gradient_norm_generator", "gradient_norm_discriminator"]
        scalars = {name: found.get(name, tf.constant(MISSING)) for name in names}
        watched = self.diversity.watch(fake.picture, batch["ground"], batch["hole"], self.workers)
        return scalars | self.balance.scalars() | watched | {"phase": tf.constant(phase, tf.float32)}

    def complete(self, image: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
        return completion.composite(image, tf.clip_by_value(self._patch(image, hole, False), 0.0, 1.0), hole)

    def samples(self, batch: Batch) -> dict[str, tf.Tensor]:
        ground, hole = batch["ground"], batch["hole"]
        return {
            "ragged": ground * (1.0 - hole),
            "hole": hole,
            "completed": self.complete(ground, hole),
            "ground": ground,
        }

    def finished(self) -> str | None:
        own = self.options
        joint = int(self.steps) > own.completion_steps + own.discriminator_steps
        if joint and float(self.reconstruction) < own.stop_loss:
            return f"The reconstruction loss is under --stop-loss {own.stop_loss:g}"
        return None


def check(own: Options, size: int) -> None:
    """OptionError for options that no run can have."""
    for name in ("completion_steps", "discriminator_steps", "balance", "critic_steps", "stop_loss"):
        expect(getattr(own, name) >= 0, name, getattr(own, name), "0 or more")
    for name in ("width", "discriminator_width", "balance_window", "history_size"):
        value = getattr(own, name)
        expect(value is None or value >= 1, name, value, "1 or more")
    weighs = own.balance == 0 or own.balance > 1
    expect(weighs, "balance", own.balance, "more than 1, such as 8, or 0 to switch it off")
    expect(0 <= own.history <= 1, "history", own.history, "a share from 0 (off) to 1, such as 0.25")
    if own.discriminator == "map" and own.adversarial not in PIXEL_OBJECTIVES:
        raise OptionError(
            f"--adversarial {own.adversarial}: the discriminator map says of each pixel whether it is made up, and a "
            f"critic's score is no such answer. Give one of {', '.join(PIXEL_OBJECTIVES)} with it, or another "
            "--discriminator."
        )
    if own.discriminator == "map" and size % 32:
        raise OptionError(f"--size {size}: the discriminator map takes multiples of 32 px.")


SYSTEM = InpaintSystem
