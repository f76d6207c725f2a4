"""What every system is: networks, an objective, and a step that trains them.

A system is one module of this package. It defines `SYSTEM`, a class derived from `System` (or `Restorer`,
`Completer`, `Synthesizer`), and is found by its module name: nothing is registered anywhere.
"""

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import keras
import tensorflow as tf

from cloud_removal.config import Run, SystemOptions
from cloud_removal.data.batches import restoration_batches
from cloud_removal.data.latent import Noise
from cloud_removal.data.share import WHOLE, Share
from cloud_removal.systems.optimization import apply_gradients
from cloud_removal.systems.workers import ALONE, Workers

Batch = Mapping[str, tf.Tensor]
Scalars = dict[str, tf.Tensor]
Further = dict[str, Callable[[tf.Tensor], dict[str, tf.Tensor]]]
"""Functions of a picture by name; each answers with pictures by name."""


class System(abc.ABC):
    """Networks, their optimizers and further state, and one training step over them.

    Every variable of a run is reachable from `networks`, `optimizers` and `state`; they are complete (built) when
    the constructor returns, so that a checkpoint can be written and restored at once.
    """

    Options: ClassVar[type[SystemOptions]]
    title: ClassVar[str]
    source: ClassVar[str]
    seed_document: ClassVar[str]
    script: ClassVar[str]
    default_preset: ClassVar[str]
    other_presets: ClassVar[tuple[str, ...]] = ()
    """The package does not know the presets: what is named here is for people, and a test compares it."""
    sometimes: tuple[str, ...] = ()
    """Scalars that some steps are without, such as those of a later phase: they are NaN there, and no divergence."""
    training_only: ClassVar[tuple[str, ...]] = ()
    """Networks that nothing but training needs, such as a discriminator: no model folder holds them, and `--init`
    starts them anew where its source has none."""

    pools_maxima: ClassVar[bool] = False
    """Whether gradients pass through a max pooling in its step: XLA has none that are deterministic."""
    worsened: str = ""
    """How clear ground became what the networks learn to restore, as a model's card says it; empty: it stayed clear."""

    workers: Workers = ALONE
    """Who trains together, of whom this system is one: set before the first batch is made and the first step traced."""

    networks: dict[str, keras.Model]
    optimizers: dict[str, keras.optimizers.Optimizer]
    state: dict[str, tf.Variable]

    def __init__(self, run: Run):
        self.run = run
        self.networks, self.optimizers, self.state = {}, {}, {}

    @abc.abstractmethod
    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        """Endless batches of `split` ("training" or "validation"); batch i depends on (seed, i) only.

        What is made of each is `share(split)`.
        """

    @abc.abstractmethod
    def train_step(self, batch: Batch) -> Scalars:
        """One update of the networks (graph code, not yet a tf.function). Returns scalar losses by name."""

    @abc.abstractmethod
    def samples(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Columns of the sample grid: images (B, H, W, 1 or 3) in [0, 1] by title, in order."""

    def share(self, split: str) -> Share:
        """Training batches are shared among the workers; at others each looks that looks at any, and sees all."""
        return self.workers.share if split == "training" else WHOLE

    def trained(self, name: str) -> list[keras.Variable]:
        """What optimizer `name` trains: all of the network of its name, unless a system says otherwise."""
        return list(self.networks[name].trainable_variables)

    def update(
        self, name: str, tape: tf.GradientTape, scaled_loss: tf.Tensor, may: tf.Tensor | None = None
    ) -> tf.Tensor:
        """One update by optimizer `name` of what it trains; returns the gradients' global norm before any clipping.

        Where it not `may` (bool scalar), weights and the optimizer's moments stand still, and the norm is NaN.
        """

        def updated() -> tf.Tensor:
            optimizer, mean = self.optimizers[name], self.workers.mean
            return apply_gradients(optimizer, tape, scaled_loss, self.trained(name), self.run.clip_norm, mean)

        return updated() if may is None else tf.cond(may, updated, lambda: tf.constant(float("nan")))

    def prepare(self) -> None:  # noqa: B027  # Most systems need nothing.
        """Gets what nothing but training needs and no checkpoint holds, such as a frozen network from elsewhere.

        Called before a run writes anything; CloudRemovalError where it cannot be had.
        """

    def finished(self) -> str | None:
        """Why training has reached an aim of the system's own before the last step, None while it has not.

        Asked at each logged step and before a run goes on.
        """
        return None

    def averaged(self, network: keras.Model) -> list[tuple[keras.Variable, Any]]:
        """(variable, averaged value) of `network` where its optimizer keeps a moving average, else nothing.

        Nothing before the first update either: what the network starts with is its average then.
        """
        mine, found = {id(v) for v in network.trainable_variables}, []
        for optimizer in self.optimizers.values():
            inner = getattr(optimizer, "inner_optimizer", optimizer)
            if inner.use_ema and int(inner.iterations):  # Before the first update the averages are zero.
                pairs = zip(inner._trainable_variables, inner._model_variables_moving_average, strict=True)
                found += [(v, mean) for v, mean in pairs if id(v) in mine]
        return found


class Restorer(System):
    """A system that takes a picture and gives the ground back: what `export` writes and `remove` runs."""

    stride: int
    """Height and width that the networks take are multiples of this; windows of a scene lie on its grid."""
    receptive_radius: int | None
    """Pixels around a pixel that its result depends on; None where a norm makes it the whole picture."""
    smallest: int = 1
    """Least height and width that the networks take."""
    context_size: int = 0
    """Channels of the picture-wide statistics; 0 where the network has none."""
    opacity: ClassVar[Literal["predicted", "implied"]] = "predicted"
    """Whether a network answers the opacity, or `models.implied` concludes it from what was changed. The card says."""
    worsened = "clouds: simulated"

    @abc.abstractmethod
    def restore(self, image: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Ground (B, H, W, 3) and opacity (B, H, W, 1), float32 in [0, 1], inference mode.

        `image` (B, H, W, 3) float32 in [0, 1], sides multiples of `stride`. `context` (B, H/stride, W/stride,
        context_size): the picture-wide statistics at each place; computed from `image` where it is None.
        """

    def context(self, image: tf.Tensor) -> tf.Tensor:
        """Picture-wide statistics (B, context_size) of `image` (B, H, W, 3), any size of at least 64."""
        raise TypeError(f"{type(self).__name__} has no picture-wide statistics")

    def further(self) -> Further:
        """What a model folder serves beside `restore`, such as the way back, under signatures of these names.

        Each takes an image as `restore` does, and its answers (B, H, W, C) are of the image's size.
        """
        return {}


class Completer(System):
    """A system that fills holes in clear ground: what `export` writes and `remove` puts under opaque cloud."""

    stride: int
    """Height and width that the network takes are multiples of this."""
    receptive_radius: int | None
    """Pixels around a pixel that its result depends on; None where that is the whole picture."""
    smallest: int = 1
    """Least height and width that the network takes."""

    @abc.abstractmethod
    def complete(self, image: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
        """The picture (B, H, W, 3) with its holes filled, float32 in [0, 1], inference mode.

        `image` (B, H, W, 3) float32 in [0, 1] and `hole` (B, H, W, 1) float32, 1 where the ground is unknown, 0 where
        it is not, between them a soft edge; sides multiples of `stride`, at least `smallest`. Where `hole` is 0 the
        result is `image`, bit by bit; where it is 1 nothing depends on `image`.
        """


class Synthesizer(System):
    """A system that makes pictures out of noise: what `export` writes and `scenes` looks at."""

    latent: int
    """Numbers of noise that a picture is made out of."""
    noise: Noise
    """How these are distributed."""

    @abc.abstractmethod
    def generate(self, noise: tf.Tensor) -> tf.Tensor:
        """Pictures (B, S, S, 3), float32 in [0, 1], out of `noise` (B, latent) float32, inference mode.

        S is the run's size. A picture depends on its own noise alone.
        """


class CloudRestorer(Restorer):
    """A restorer trained on clear ground under simulated clouds and, where given, on real pairs."""

    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        return restoration_batches(self.run, split, first_batch, self.share(split))

    def samples(self, batch: Batch) -> dict[str, tf.Tensor]:
        restored = self.restore(batch["aerial"])
        return {
            "picture": batch["aerial"],
            "cloud": batch["opacity"],
            "predicted cloud": restored["opacity"],
            "ground": batch["ground"],
            "predicted ground": restored["ground"],
        }


def lit_ground(batch: Batch) -> tf.Tensor:
    """The ground as the light falls on it: a cloud's shadow belongs to the ground, not to the veil before it."""
    return batch["ground"] * (1.0 - batch["shadow"])
