"""Two stages, the seed's first plan: one U-Net finds the cloud, a second one the ground, given the cloud."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from cloud_removal import losses
from cloud_removal.config import Run, SystemOptions
from cloud_removal.errors import expect
from cloud_removal.models import unet
from cloud_removal.systems.base import Batch, CloudRestorer, Scalars, lit_ground
from cloud_removal.systems.optimization import adam


@dataclass(frozen=True)
class Options(SystemOptions):
    """Networks of the two-stage system."""

    width: int = 16
    """Base width d of both U-Nets."""
    squash: unet.Squash = "sigmoid"
    """How the answers are brought to [0, 1]."""
    beta_1: float = 0.5
    beta_2: float = 0.9


class MendSystem(CloudRestorer):
    """Aerial picture -> opacity -> ground. Each network learns its own task: none is trained through the other."""

    Options = Options
    title = "Two U-Nets: cloud first, then ground given the cloud"
    source = "the seed's first plan; U-Net: Ronneberger et al. 2015 (arXiv:1505.04597)"
    seed_document = "Cloud Removal (mod_mend.py)"
    script = "train_defog.py"
    default_preset = "mend"
    stride = unet.STRIDE
    smallest = unet.SMALLEST
    receptive_radius = 2 * unet.RECEPTIVE_RADIUS

    def __init__(self, run: Run):
        super().__init__(run)
        own: Options = run.options  # type: ignore[assignment]  # The loader made it of this class.
        expect(own.width >= 1, "width", own.width, "1 or more")
        self.networks = {
            "cloud": unet.unet(own.width, own.squash, outputs=1, name="cloud"),
            "ground": unet.unet(own.width, own.squash, outputs=3, mask=True, name="ground"),
        }
        self.optimizers = {
            name: adam(run, network.trainable_variables, own.beta_1, own.beta_2)
            for name, network in self.networks.items()
        }

    def train_step(self, batch: Batch) -> Scalars:
        with tf.GradientTape(persistent=True) as tape:
            opacity = self.networks["cloud"](batch["aerial"], training=True)
            cloud = losses.l1(batch["opacity"] * batch["known"], opacity * batch["known"])
            predicted = self.networks["ground"]([batch["aerial"], tf.stop_gradient(opacity)], training=True)
            difference = losses.composite_difference(lit_ground(batch), predicted, batch["opacity"])
            ground = keras.ops.mean(keras.ops.abs(difference))
            scaled = {
                "cloud": self.optimizers["cloud"].scale_loss(cloud),
                "ground": self.optimizers["ground"].scale_loss(ground),
            }
        norms = {f"gradient_norm_{name}": self.update(name, tape, loss) for name, loss in scaled.items()}
        return {"cloud": cloud, "ground": ground, **norms}

    def restore(self, image: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        opacity = tf.clip_by_value(self.networks["cloud"](image, training=False), 0.0, 1.0)
        ground = self.networks["ground"]([image, opacity], training=False)
        return {"ground": tf.clip_by_value(ground, 0.0, 1.0), "opacity": opacity}


SYSTEM = MendSystem
