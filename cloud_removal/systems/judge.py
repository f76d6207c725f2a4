"""The discriminator and its objective: what it makes of real ground, of completions and of past ones."""

import keras
import tensorflow as tf

from cloud_removal import adversarial
from cloud_removal.data.stateless import step_seed
from cloud_removal.models.discriminators import discriminator_input
from cloud_removal.systems.history import View
from cloud_removal.systems.optimization import clip_weights
from cloud_removal.systems.penalty import slope_penalty
from cloud_removal.systems.workers import ALONE, Workers

EPSILON = 4
"""Purpose of random numbers: the history has those before."""


class Judge:
    """Discriminator `network` of kind `name` ("map", "masked", ...) under the objective `objective`.

    The map of fakeness is judged by pixel: of its objective there must be such a form (`adversarial.PIXEL_OBJECTIVES`).
    """

    def __init__(self, network: keras.Model, name: str, objective: adversarial.Adversarial, seed: int):
        self.network, self.name, self.seed = network, name, seed
        self.objective = adversarial.OBJECTIVES[objective]
        measure = adversarial.measured_by(objective)
        self.measure = adversarial.OBJECTIVES[measure]
        self.by_pixel, self.measure_by_pixel = (
            adversarial.PIXEL_OBJECTIVES[kind] if name == "map" else None for kind in (objective, measure)
        )

    def __call__(self, view: View) -> tf.Tensor:
        """Its answer to `view`, in training: logits (B, 1), or (B, h, w, 1)."""
        return self._answer(discriminator_input(self.name, *view))

    def loss(self, real: tf.Tensor, *fakes: tuple[tf.Tensor, View]) -> tf.Tensor:
        """loss_D = L_real + mean of L_fake, of answers to real ground and to completions; float32 scalar."""
        if self.by_pixel:
            return self.by_pixel.discriminator_loss(real, [(answer, view.hole) for answer, view in fakes])
        return self.objective.discriminator_loss(real, *(answer for answer, _ in fakes))

    def penalty(self, real: View, fake: View, step: tf.Tensor, workers: Workers = ALONE) -> tf.Tensor:
        """Weighted gradient penalty between `real` and `fake`, which are one of the `workers`'; float32 scalar."""
        count = workers.whole(real.picture.shape[0])
        epsilon = workers.own(tf.random.stateless_uniform([count], step_seed(self.seed, step, EPSILON)))
        true, made = (discriminator_input(self.name, *view) for view in (real, fake))
        return self.objective.penalty * slope_penalty(self._answer, true, made, epsilon)

    def opinion(self, answer: tf.Tensor, view: View) -> tf.Tensor:
        """The generator's loss on the answer to its completions `view`; float32 scalar."""
        if self.by_pixel:
            return self.by_pixel.generator_loss(answer, view.hole)
        return self.objective.generator_loss(answer)

    def gauge(self, answer: tf.Tensor, view: View) -> tf.Tensor:
        """loss_G as it is weighed against loss_D: positive, but for a critic."""
        if self.measure_by_pixel:
            return self.measure_by_pixel.generator_loss(answer, view.hole)
        return self.measure.generator_loss(answer)

    def clip(self) -> None:
        """Keeps the weights of a critic within its bounds, where the objective has any."""
        clip_weights(self.network, self.objective.clip)

    def _answer(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        return tf.cast(self.network(inputs, training=True), tf.float32)
