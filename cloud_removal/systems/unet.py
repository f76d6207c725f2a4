"""One stage: cloud opacity and clear ground at once, by the seed's U-Net or by a network that solves for the veil."""

from dataclasses import dataclass
from typing import Literal

import keras
import tensorflow as tf

from cloud_removal import losses
from cloud_removal.config import Run, SystemOptions
from cloud_removal.errors import expect
from cloud_removal.models import unet, veil
from cloud_removal.systems.base import Batch, CloudRestorer, Scalars, lit_ground
from cloud_removal.systems.optimization import adam

HIDDEN_COUNTS = 0.4
"""Weight of ground that is hidden altogether, where ground in plain sight has 1."""
FLOOR = 0.015
"""Error in [0, 1] under which a picture is as good as perfect: 36.5 dB."""


@dataclass(frozen=True)
class Options(SystemOptions):
    """Network and objective of the one-stage system."""

    network: Literal["unet", "veil"] = "unet"
    """unet: the seed's, ground decoded directly. veil: opacity per pixel and veil colour, solved for the ground."""
    width: int = 16
    """Base width d of the unet."""
    widths: tuple[int, ...] = (24, 48, 96, 128, 160)
    """Widths of the veil network at 1/2, 1/4, 1/8, 1/16, 1/32."""
    head: veil.Head = "physical"
    """Of the veil network. physical: solves for the ground. direct: decodes it, as the unet does."""
    norm: Literal["batch"] | None = None
    """batch: batch norm in the decoder of the veil network; needs --ema None. Without it none."""
    squash: unet.Squash = "sigmoid"
    """How the unet's answer is brought to [0, 1]."""
    objective: Literal["l1", "l2", "haze", "visible"] = "l1"
    """l1, l2: difference of composites. haze: squared, weight 0 from opacity 0.75 up. visible: PSNR, gradients and
    contrast, hidden ground counting for a little, and cross-entropy for the cloud, which is l1 in the others. All
    ground of real pairs counts alike, but with a predicted composite_cloud."""
    composite_cloud: Literal["true", "predicted"] = "true"
    """Cloud over the predicted ground in l1 and l2 (the seed's text: the true one; its old code: the predicted one)."""
    contrast_weight: float = 0.3
    """Of the contrast in objective visible; 0 or more. Nothing for the highest PSNR, which fades what is in doubt."""
    structure_weight: float = 0.0
    """Of 1 - SSIM of the ground, hidden or not, beside any objective; 0 or more."""
    cloud_weight: float = 3.0
    beta_1: float = 0.5
    beta_2: float = 0.9


class UNetSystem(CloudRestorer):
    """Aerial picture -> opacity and ground, trained on simulated clouds and, where given, real pairs."""

    Options = Options
    title = "U-Net: cloud and ground in one stage"
    source = "Ronneberger et al. 2015 (arXiv:1505.04597), with the seed's four output channels and loss"
    seed_document = "Cloud Removal (mod_defog.py, mod_haze_unet.py)"
    script = "train_defog.py"
    default_preset = "veil"
    other_presets = ("adapt", "pairs", "unet", "unet8", "unet24")
    stride = unet.STRIDE

    def __init__(self, run: Run):
        super().__init__(run)
        self.options: Options = run.options  # type: ignore[assignment]  # The loader made it of this class.
        for name, least in (("width", 1), ("contrast_weight", 0), ("structure_weight", 0)):
            value = getattr(self.options, name)
            expect(value >= least, name, value, f"{least} or more")
        if self.options.network == "veil":
            self.context_size = veil.CONTEXT_SIZE
            self.smallest, self.receptive_radius = veil.SMALLEST, veil.RECEPTIVE_RADIUS
            network = veil.veil_network(self.options.widths, self.options.head, self.options.norm)
            self.networks = {"context": veil.context_network(), "unet": network}
        else:
            self.smallest, self.receptive_radius = unet.SMALLEST, unet.RECEPTIVE_RADIUS
            self.networks = {"unet": unet.unet(self.options.width, self.options.squash)}
        self.optimizers = {"unet": adam(run, self.trained("unet"), self.options.beta_1, self.options.beta_2)}

    def train_step(self, batch: Batch) -> Scalars:
        optimizer = self.optimizers["unet"]
        with tf.GradientTape() as tape:
            answer = self._answer(batch["aerial"], training=True)
            opacity, ground = tf.split(answer, (1, 3), axis=-1)
            cloud = self._cloud_loss(batch["opacity"], opacity, batch["known"])
            visible = self._ground_loss(lit_ground(batch), ground, self._hidden(batch), opacity)
            loss = self.options.cloud_weight * cloud + visible
            scaled = optimizer.scale_loss(loss)
        norm = self.update("unet", tape, scaled)
        return {"loss": loss, "cloud": cloud, "ground": visible, "gradient_norm": norm}

    def trained(self, name: str) -> list[keras.Variable]:
        return [v for network in self.networks.values() for v in network.trainable_variables]

    def restore(self, image: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        answer = tf.clip_by_value(self._answer(image, training=False, context=context), 0.0, 1.0)
        return {"ground": answer[..., 1:], "opacity": answer[..., :1]}

    def context(self, image: tf.Tensor) -> tf.Tensor:
        if not self.context_size:
            return super().context(image)
        return self.networks["context"](image, training=False)

    def _answer(self, image: tf.Tensor, training: bool, context: tf.Tensor | None = None) -> tf.Tensor:
        if not self.context_size:
            return self.networks["unet"](image, training=training)
        if context is None:
            vector = self.networks["context"](image, training=training)
            rows, columns = tf.shape(image)[1] // self.stride, tf.shape(image)[2] // self.stride
            context = tf.tile(vector[:, tf.newaxis, tf.newaxis], [1, rows, columns, 1])
        return self.networks["unet"]([image, context], training=training)

    def _hidden(self, batch: Batch) -> tf.Tensor:
        """How much of the ground is hidden, for the objective; nothing in real pairs, whose ground was seen once."""
        return batch["opacity"] * (batch["known"] if self.options.composite_cloud == "true" else 1.0)

    def _cloud_loss(self, true: tf.Tensor, predicted: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        """Loss on the opacity where it is known (not so of real pairs); float32 scalar."""
        kind = losses.cross_entropy if self.options.objective == "visible" else losses.l1
        return kind(true * known, predicted * known)

    def _ground_loss(self, true: tf.Tensor, predicted: tf.Tensor, opacity: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        """The objective on the ground, and its structure where that has a weight; float32 scalar."""
        loss, weight = self._objective(true, predicted, opacity, own), self.options.structure_weight
        return loss + weight * losses.dissimilarity(true, predicted) if weight else loss

    def _objective(self, true: tf.Tensor, predicted: tf.Tensor, opacity: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        """The seed's loss on the ground, or one of its variants; float32 scalar."""
        kind = self.options.objective
        if kind == "haze":
            return losses.haze_weighted_l2(true, predicted, opacity)
        if kind == "visible":
            seen = keras.ops.maximum(1.0 - opacity, HIDDEN_COUNTS)
            exact = losses.log_mse(true, predicted, seen, FLOOR)
            edges = losses.gradient_l1(true, predicted, opacity)
            contrast = losses.contrast_l1(true, predicted, opacity)
            return 0.15 * exact + 0.5 * edges + self.options.contrast_weight * contrast
        own_cloud = own if self.options.composite_cloud == "predicted" else None
        difference = losses.composite_difference(true, predicted, opacity, own_cloud)
        return keras.ops.mean(keras.ops.abs(difference) if kind == "l1" else keras.ops.square(difference))


SYSTEM = UNetSystem
