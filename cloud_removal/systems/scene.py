"""Scenes from noise: a generator makes pictures of land that never was, a discriminator tells them from real ones."""

from dataclasses import dataclass

import tensorflow as tf

from cloud_removal.adversarial import CRITICS, OBJECTIVES, Adversarial, measured_by
from cloud_removal.config import Run, SystemOptions
from cloud_removal.data.clear import clear_batches
from cloud_removal.data.latent import Noise, draw_noise
from cloud_removal.data.stateless import step_seed
from cloud_removal.errors import OptionError, expect
from cloud_removal.models import dcgan
from cloud_removal.models.blocks import signed, unsigned
from cloud_removal.systems.balance import Balance
from cloud_removal.systems.base import Batch, Scalars, Synthesizer
from cloud_removal.systems.monitor import Diversity
from cloud_removal.systems.optimization import Kind, clip_weights, paper_optimizer
from cloud_removal.systems.penalty import slope_penalty

OF_DISCRIMINATOR, OF_GENERATOR, EPSILON = range(3)
"""Purposes of random numbers, each of its own stream."""
SHOWN = 6
"""Rows and columns of pictures in a sample grid, beside a column of real ones."""
MISSING = float("nan")


@dataclass(frozen=True)
class Options(SystemOptions):
    """Networks, noise and objective of scenes from noise."""

    width: int = 128
    """Base width n of the generator: it begins with 8n channels (DCGAN: 128)."""
    discriminator_width: int | None = None
    """Base width of the discriminator; None: the generator's."""
    latent: int = 100
    """Numbers of noise that a picture is made out of."""
    noise: Noise = "uniform"
    """How these are distributed: uniform in [-1, 1], as in DCGAN, or normal."""
    adversarial: Adversarial = "dcgan"
    """Objective of the two against each other. With wgan-gp the discriminator has layer norm instead of batch norm.
    Only the presets bring the learning rates of the papers with them (dcgan: 2e-4, wgan: 5e-5, wgan-gp: 1e-4)."""
    balance: float = 0.0
    """The network whose loss, times this, is under the other's is not updated; 0: both always are. Without effect in
    wgan and wgan-gp, whose losses have no scale, and whose critic cannot be ahead too far."""
    balance_window: int = 10
    """Steps over which those losses are averaged; 1: each step decides for itself."""
    critic_steps: int = 0
    """The generator is updated in every so many-th step only; 0: what the objective's paper says (wgan, wgan-gp: 5)."""
    optimizer: Kind | None = None
    """None: what the objective's paper takes, rmsprop for wgan and adam for the others."""
    beta_1: float | None = None
    """Of adam; None: 0 for wgan-gp, 0.5 for the others."""
    beta_2: float | None = None
    """Of adam; None: 0.9 for wgan-gp, 0.999 for the others."""


class SceneSystem(Synthesizer):
    """Noise -> a picture. Each step trains the discriminator, each or every fifth the generator too, on new noise."""

    Options = Options
    title = "DCGAN: scenes from noise"
    source = "Radford et al. 2015 (arXiv:1511.06434); WGAN (arXiv:1701.07875) and WGAN-GP (arXiv:1704.00028) by option"
    seed_document = "Scenes with DCGAN, style transfer with CycleGAN (001)"
    script = "train_scene.py"
    default_preset = "farmland"
    other_presets = ("farmland-wgan", "farmland-wgan-gp", "dcgan")
    training_only = ("discriminator",)

    def __init__(self, run: Run):
        super().__init__(run)
        self.options: Options = run.options  # type: ignore[assignment]  # The loader made it of this class.
        own = self.options
        check(own, run.size)
        self.latent, self.noise = own.latent, own.noise
        self.objective, self.measure = OBJECTIVES[own.adversarial], OBJECTIVES[measured_by(own.adversarial)]
        self.critic_steps = own.critic_steps or self.objective.critic_steps
        critic = own.adversarial in CRITICS
        self.balance = Balance(0.0 if critic else own.balance, own.balance_window)
        self.sometimes = ("adversarial",) if self.critic_steps > 1 or self.balance.ratio else ()
        judging = own.width if own.discriminator_width is None else own.discriminator_width
        self.networks = {
            "generator": dcgan.generator(run.size, own.width, own.latent),
            "discriminator": dcgan.discriminator(run.size, judging, "layer" if self.objective.penalty else "batch"),
        }
        betas = (own.beta_1, own.beta_2)
        self.optimizers = {
            name: paper_optimizer(self.objective, run, network.trainable_variables, own.optimizer, betas, (0.5, 0.999))
            for name, network in self.networks.items()
        }
        self.diversity = Diversity()
        self.steps = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.state = {"steps": self.steps} | self.diversity.state() | self.balance.state()

    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        return clear_batches(self.run, split, first_batch, self.share(split))

    def train_step(self, batch: Batch) -> Scalars:
        scalars, may = self._train_discriminator(batch["ground"])
        if self.sometimes:
            turn = (self.steps + 1) % self.critic_steps == 0
            scalars |= tf.cond(turn & may, self._train_generator, _waits)
        else:
            scalars |= self._train_generator()
        self.steps.assign_add(1)
        return scalars | self.balance.scalars()

    def _train_discriminator(self, ground: tf.Tensor) -> tuple[Scalars, tf.Tensor]:
        """An update on real pictures and as many made ones, unless it is far ahead; whether the generator may learn."""
        real, fake = signed(ground), self._made(OF_DISCRIMINATOR, self.workers.whole(ground.shape[0]))
        scalars = {}
        with tf.GradientTape() as tape:
            truth, opinion = self._answer([real]), self._answer([fake])
            loss = self.objective.discriminator_loss(truth, opinion)
            scalars["discriminator"] = loss
            if self.objective.penalty:
                count = self.workers.whole(ground.shape[0])
                drawn = tf.random.stateless_uniform([count], step_seed(self.run.seed, self.steps, EPSILON))
                epsilon = self.workers.own(drawn)
                scalars["penalty"] = self.objective.penalty * slope_penalty(self._answer, [real], [fake], epsilon)
            scaled = self.optimizers["discriminator"].scale_loss(loss + scalars.get("penalty", 0.0))
        generator_may, may = self.balance.decide(*self.workers.mean([self.measure.generator_loss(opinion), loss]))
        gate = may if self.balance.ratio else None
        scalars["gradient_norm_discriminator"] = self.update("discriminator", tape, scaled, gate)
        clip_weights(self.networks["discriminator"], self.objective.clip)
        everywhere = tf.ones_like(ground[..., :1])
        return scalars | self.diversity.watch(unsigned(fake), ground, everywhere, self.workers), generator_may

    def _train_generator(self) -> Scalars:
        """One update, against the discriminator as it is now. Source: arXiv:1406.2661, algorithm 1: noise is new."""
        with tf.GradientTape() as tape:
            loss = self.objective.generator_loss(self._answer([self._made(OF_GENERATOR, self.run.batch_size)]))
            scaled = self.optimizers["generator"].scale_loss(loss)
        return {"adversarial": loss, "gradient_norm_generator": self.update("generator", tape, scaled)}

    def _made(self, purpose: int, count: int) -> tf.Tensor:
        """This worker's of `count` pictures (B, S, S, 3) in [-1, 1], in training; noise is of seed and step."""
        shape, seed = [count, self.latent], step_seed(self.run.seed, self.steps, purpose)
        if self.noise == "normal":
            noise = tf.random.stateless_normal(shape, seed)
        else:
            noise = tf.random.stateless_uniform(shape, seed, -1.0, 1.0)
        return self.networks["generator"](self.workers.own(noise), training=True)

    def _answer(self, pictures: list[tf.Tensor]) -> tf.Tensor:
        """The discriminator's answers (B, 1), float32, to the one tensor in the list, in training."""
        return tf.cast(self.networks["discriminator"](pictures[0], training=True), tf.float32)

    def generate(self, noise: tf.Tensor) -> tf.Tensor:
        return unsigned(tf.cast(self.networks["generator"](noise, training=False), tf.float32))

    def samples(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Pictures out of the same noise each time, so that grids of different steps can be compared."""
        rows = min(SHOWN, self.run.batch_size)
        noise = draw_noise(self.noise, self.run.seed, SHOWN * rows, self.latent)
        made = tf.reshape(self.generate(tf.constant(noise)), [SHOWN, rows, *batch["ground"].shape[1:]])
        columns = {f"generated {number + 1}": made[number] for number in range(SHOWN)}
        return columns | {"real": batch["ground"][:rows]}


def _waits() -> Scalars:
    """What the log says of the generator in a step of the critic alone."""
    return {"adversarial": tf.constant(MISSING), "gradient_norm_generator": tf.constant(MISSING)}


def check(own: Options, size: int) -> None:
    """OptionError for options that no run can have."""
    if size < dcgan.SMALLEST or size % dcgan.stride(size):
        raise OptionError(
            f"--size {size}: pictures are doubled from 4 px (5, 6 or 7) again and again, to 64, 128, 256 or, say, 96; "
            f"the least is {dcgan.SMALLEST}."
        )
    for name in ("width", "latent"):
        expect(getattr(own, name) >= 1, name, getattr(own, name), "1 or more")
    judging = own.discriminator_width
    expect(judging is None or judging >= 1, "discriminator_width", judging, "1 or more, or none for the generator's")
    weighs = own.balance == 0 or own.balance > 1
    expect(weighs, "balance", own.balance, "more than 1, such as 8, or 0 to switch it off")
    expect(own.balance_window >= 1, "balance_window", own.balance_window, "1 or more")
    expect(own.critic_steps >= 0, "critic_steps", own.critic_steps, "1 or more, or 0 for the paper's")


SYSTEM = SceneSystem
