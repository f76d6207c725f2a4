"""EnlightenGAN: brightens what is under-exposed or in shadow, or takes haze away, learned without pairs."""

import dataclasses
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from cloud_removal import losses
from cloud_removal.adversarial import OBJECTIVES, relativistic_discriminator_loss, relativistic_generator_loss
from cloud_removal.config import Run, Simulation, SystemOptions
from cloud_removal.data.batches import refuse_layers
from cloud_removal.data.clouds import ONLY, simulate
from cloud_removal.data.darken import darkened
from cloud_removal.data.stateless import step_seed
from cloud_removal.data.unpaired import Worsen, unpaired_batches
from cloud_removal.errors import expect
from cloud_removal.models import enlighten, features, implied
from cloud_removal.systems.base import Batch, Restorer, Scalars
from cloud_removal.systems.monitor import colours
from cloud_removal.systems.optimization import adam

LSGAN = OBJECTIVES["lsgan"]
NETWORKS = ("generator", "global_discriminator", "local_discriminator")
GENERATOR, GLOBAL, LOCAL = NETWORKS
PARTS = ("global", "local", "features", "local_features")
"""Of the generator's loss."""
WORSENED = {"darkness": "darkness: simulated", "luminance": "veils: simulated"}
"""What `worsening` does for each kind of attention, in words."""
LEAST_PATCH = 2 * features.SCALE
"""Features of less than 2 × 2 places are all 0 when they are normalised."""


@dataclass(frozen=True)
class Options(SystemOptions):
    """Networks and objective of EnlightenGAN."""

    width: int = 32
    """Base width d of the generator."""
    attention: enlighten.Attention = "darkness"
    """Where most is to be done: darkness, 1 - luminance, for pictures too dark; luminance, for haze, which is bright.
    Without folders, pictures are made darker or hazy accordingly."""
    normalise: enlighten.Normalise = "range"
    """What attention is relative to: the range of values (the authors' code), or the picture's own darkest and
    brightest pixel; then a scene's windows depend on the whole picture, and are blended."""
    times_attention: bool = True
    """Multiply what is added to the picture by attention, too (the authors' code)."""
    discriminator_width: int = 64
    """Base width of both discriminators."""
    global_layers: int = 5
    """Halvings in the discriminator of whole pictures (the write-up: 4); the one of patches has 4."""
    patches: int = 6
    """Random patches of each picture that the local discriminator judges."""
    patch_size: int = 32
    """Side of the patches in pixels."""
    global_weight: float = 1.0
    """Of the opinion on whole pictures."""
    local_weight: float = 1.0
    """Of the opinion on patches."""
    features_weight: float = 1.0
    """Of the difference in VGG16's features from the picture as it was; 0: not computed."""
    local_features_weight: float = 1.0
    """Of the same on patches; with both 0 VGG16 is not needed."""
    vgg: str = "imagenet"
    """Weights of VGG16, whose features are to be kept: imagenet (Keras downloads them once), a file of them, or random
    (recognise nothing: to try out)."""
    beta_1: float = 0.5
    beta_2: float = 0.999


class EnlightenGANSystem(Restorer):
    """Picture -> the same, enlightened; judged as a whole and by patches beside other, unpaired pictures."""

    Options = Options
    title = "EnlightenGAN: light for what is dark, without pairs"
    source = "Jiang et al. 2019 (arXiv:1906.06972)"
    seed_document = "Enlighten GAN (003)"
    script = "train_translate.py"
    pools_maxima = True
    default_preset = "enlightengan"
    other_presets = ("enlightengan-narrow",)
    training_only = (GLOBAL, LOCAL)
    opacity = "implied"
    stride, smallest = enlighten.STRIDE, enlighten.SMALLEST

    def __init__(self, run: Run):
        super().__init__(run)
        self.options: Options = run.options  # type: ignore[assignment]  # The loader made it of this class.
        own = self.options
        check(own, run.size)
        self.worsened = WORSENED[own.attention]
        radius = enlighten.receptive_radius(own.normalise)
        self.receptive_radius = None if radius is None else radius + implied.REACH
        self.networks = {
            GENERATOR: enlighten.attention_unet(own.width, own.attention, own.normalise, own.times_attention),
            GLOBAL: enlighten.discriminator(own.global_layers, own.discriminator_width, GLOBAL),
            LOCAL: enlighten.discriminator(enlighten.LEVELS, own.discriminator_width, LOCAL),
        }
        self.optimizers = {
            name: adam(run, network.trainable_variables, own.beta_1, own.beta_2)
            for name, network in self.networks.items()
        }
        self.steps = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.state = {"steps": self.steps}
        self._vgg: keras.Model | None = None

    def prepare(self) -> None:
        """Gets VGG16, which is never trained: in no checkpoint and no model, as it is the same whenever it is got."""
        own = self.options
        if self._vgg is None and (own.features_weight or own.local_features_weight):
            with tf.init_scope():  # The first step may be being compiled.
                self._vgg = features.vgg16(self.options.vgg, self.run.seed)

    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        refuse_layers(self.run)
        worsen = worsening(self.options.attention, self.run.simulation)
        return unpaired_batches(self.run, split, first_batch, worsen, self.share(split))

    def train_step(self, batch: Batch) -> Scalars:
        self.prepare()
        corners = self._corners(batch["a"].shape[0])
        scaled, tapes = {}, {name: tf.GradientTape() for name in NETWORKS}
        with tapes[GENERATOR]:
            enlightened = self.networks[GENERATOR](batch["a"], training=True)
            was, made, real = (self._patches(picture, corners) for picture in (batch["a"], enlightened, batch["b"]))
            with tapes[GLOBAL]:  # One answer serves both; this tape sees nothing of the generator.
                true, fake = (self.networks[GLOBAL](picture, training=True) for picture in (batch["b"], enlightened))
                found = {"discriminator_global": relativistic_discriminator_loss(true, fake, self._mean)}
                scaled[GLOBAL] = self.optimizers[GLOBAL].scale_loss(found["discriminator_global"])
            with tapes[LOCAL]:
                local_true, local_fake = (self.networks[LOCAL](patch, training=True) for patch in (real, made))
                found["discriminator_local"] = LSGAN.discriminator_loss(local_true, local_fake)
                scaled[LOCAL] = self.optimizers[LOCAL].scale_loss(found["discriminator_local"])
            found["global"] = relativistic_generator_loss(true, fake, self._mean)
            found["local"] = losses.l2(1.0, local_fake)  # Not halved, unlike the others, as in the authors' code.
            for part, pictures in (("features", (enlightened, batch["a"])), ("local_features", (made, was))):
                if getattr(self.options, f"{part}_weight"):
                    found[part] = features.feature_difference(self._vgg, *pictures)
            loss = self._weighted(found)
            scaled[GENERATOR] = self.optimizers[GENERATOR].scale_loss(loss)
        norms = {f"gradient_norm_{name}": self.update(name, tapes[name], scaled[name]) for name in NETWORKS}
        self.steps.assign_add(1)
        shown = tf.clip_by_value(enlightened, 0.0, 1.0)
        return {"loss": loss} | found | colours(batch["a"], shown, batch["b"], self.workers) | norms

    def _weighted(self, found: Scalars) -> tf.Tensor:
        """The generator's loss: each part by its weight, which are all 1 in the source."""
        return tf.add_n([getattr(self.options, f"{part}_weight") * found[part] for part in PARTS if part in found])

    def _mean(self, scores: tf.Tensor) -> tf.Tensor:
        """Of all scores that all workers' pictures have."""
        return self.workers.mean([keras.ops.mean(scores)])[0]

    def _corners(self, count: int) -> tf.Tensor:
        """Tops and lefts (B, patches, 2) of the patches of this step: a function of the seed and the step."""
        own = self.options
        shape, last = [self.workers.whole(count), own.patches, 2], self.run.size - own.patch_size
        drawn = tf.random.stateless_uniform(shape, step_seed(self.run.seed, self.steps), 0, last + 1, tf.int32)
        return self.workers.own(drawn)

    def _patches(self, picture: tf.Tensor, corners: tf.Tensor) -> tf.Tensor:
        return enlighten.patches(picture, corners, self.options.patch_size)

    def restore(self, image: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        ground = tf.clip_by_value(self.networks[GENERATOR](image, training=False), 0.0, 1.0)
        return {"ground": ground, "opacity": implied.implied_opacity(image, ground)}

    def samples(self, batch: Batch) -> dict[str, tf.Tensor]:
        own = self.options
        return {
            "picture": batch["a"],
            "attention": enlighten.attention_map(batch["a"], own.attention, own.normalise),
            "enlightened": self.restore(batch["a"])["ground"],
            "another, as it should look": batch["b"],
        }


def worsening(attention: enlighten.Attention, simulation: Simulation) -> Worsen:
    """What makes of clear ground a picture that this attention is for: too dark, or under a veil of `simulation`."""
    if attention == "darkness":
        return darkened
    veils = dataclasses.replace(simulation, kinds=ONLY["veil"])

    def hazed(ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return simulate(ground, rng, veils).aerial

    return hazed


def check(own: Options, size: int) -> None:
    """OptionError for options that no run can have."""
    for name in ("width", "discriminator_width", "global_layers", "patches"):
        expect(getattr(own, name) >= 1, name, getattr(own, name), "1 or more")
    for name in (f"{part}_weight" for part in PARTS):
        expect(getattr(own, name) >= 0, name, getattr(own, name), "0 or more")
    allowed = f"{LEAST_PATCH} or more, and no more than --size {size}"
    expect(LEAST_PATCH <= own.patch_size <= size, "patch_size", own.patch_size, allowed)


SYSTEM = EnlightenGANSystem
