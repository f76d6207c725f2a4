"""Objectives of adversarial training, each as its paper has it. Float32, on any Keras backend.

`D` is what the discriminator answers, as logits (for `wgan` and `wgan-gp`: the critic's scores), of any shape: means
are taken over all of it. σ is the logistic function; -log σ(x) = softplus(-x) and -log(1 - σ(x)) = softplus(x).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from keras import ops

Adversarial = Literal["gan", "dcgan", "lsgan", "wgan", "wgan-gp"]
CRITICS = ("wgan", "wgan-gp")
"""Objectives that no gate can weigh: a constant added to a critic's scores changes nothing but loss_G, by any amount,
and the critic should be trained as far as it goes (arXiv:1701.07875, section 3)."""
CRITIC_STEPS = 5
CLIP = 0.01
PENALTY = 10.0


@dataclass(frozen=True)
class Objective:
    """What discriminator and generator minimise, and what the paper asks for besides."""

    of_real: Callable[[Any], Any]
    """The discriminator's loss on its answers to real pictures."""
    of_fake: Callable[[Any], Any]
    """The discriminator's loss on its answers to made pictures."""
    generator_loss: Callable[[Any], Any]
    """The generator's loss on the same answers."""
    critic_steps: int = 1
    """Updates of the discriminator for each one of the generator."""
    clip: float | None = None
    """The discriminator's weights are kept in [-clip, clip]."""
    penalty: float = 0.0
    """Weight of the gradient penalty; a discriminator with one must have no batch norm."""

    def discriminator_loss(self, real: Any, *fakes: Any) -> Any:
        """L_real + mean of L_fake over `fakes`: with stored past fakes, real + ½(fake + stored). Source: seed."""
        return self.of_real(real) + sum(self.of_fake(fake) for fake in fakes) / len(fakes)


def softplus_mean(x: Any) -> Any:
    """Mean of -log(1 - σ(x)): cross-entropy of logits `x` that should say 0."""
    return ops.mean(ops.softplus(x))


def squared_to(target: float) -> Callable[[Any], Any]:
    """½·mean((x - target)²)."""
    return lambda x: 0.5 * ops.mean(ops.square(x - target))


def _says_one(x: Any) -> Any:
    return softplus_mean(-x)


def _minus_mean(x: Any) -> Any:
    return -ops.mean(x)


OBJECTIVES: dict[str, Objective] = {
    # -log D(x) - log(1 - D(G)) against log(1 - D(G)): the minimax game. arXiv:1406.2661, eq. 1.
    "gan": Objective(_says_one, softplus_mean, lambda fake: -softplus_mean(fake)),
    # The same discriminator against -log D(G), whose gradient does not vanish. arXiv:1511.06434; 1406.2661, section 3.
    "dcgan": Objective(_says_one, softplus_mean, _says_one),
    # ½(D(x) - 1)² + ½D(G)² against ½(D(G) - 1)². arXiv:1611.04076, eq. 9.
    "lsgan": Objective(squared_to(1.0), squared_to(0.0), squared_to(1.0)),
    # D(G) - D(x) against -D(G), weights clipped, five critic steps. arXiv:1701.07875, algorithm 1.
    "wgan": Objective(_minus_mean, ops.mean, _minus_mean, CRITIC_STEPS, clip=CLIP),
    # The same with 10·(‖∇D‖ - 1)² in place of clipping. arXiv:1704.00028, eq. 3 and algorithm 1.
    "wgan-gp": Objective(_minus_mean, ops.mean, _minus_mean, CRITIC_STEPS, penalty=PENALTY),
}


def measured_by(objective: Adversarial) -> Adversarial:
    """The objective whose generator's loss says how far a generator under `objective` is, to be weighed against loss_D.

    The loss of the minimax game is negative and no such measure; -log D is.
    """
    return "dcgan" if objective == "gan" else objective


def relativistic_discriminator_loss(real: Any, fake: Any, mean: Callable[[Any], Any] = ops.mean) -> Any:
    """½·mean (C(x) - E C(G) - 1)² + ½·mean (C(G) - E C(x))²: the real is to look more real than the fake on average.

    `real`, `fake`: scores C of the two, of any shape; means E, taken by `mean`, are over all of it. Source:
    relativistic average LSGAN, arXiv:1807.00734, section 4; EnlightenGAN, arXiv:1906.06972, eq. 3, whose authors' code
    halves it.
    """
    return squared_to(1.0)(real - mean(fake)) + squared_to(0.0)(fake - mean(real))


def relativistic_generator_loss(real: Any, fake: Any, mean: Callable[[Any], Any] = ops.mean) -> Any:
    """½·mean (C(G) - E C(x) - 1)² + ½·mean (C(x) - E C(G))²: the mirror of `relativistic_discriminator_loss`.

    The gradient reaches the generator by both terms. Source: arXiv:1906.06972, eq. 4.
    """
    return relativistic_discriminator_loss(real=fake, fake=real, mean=mean)


@dataclass(frozen=True)
class PixelObjective:
    """What a map of fakeness and the generator minimise. The map's answers, and the holes, are (B, H, W, 1).

    A real picture is fake nowhere, a completed one in its hole m: so the map is told what to say pixel by pixel, and
    not only whether there is anything fake. A critic has no such form: its scores mean something by their difference
    between two distributions alone, and known and generated pixels of one completion are no two distributions.
    """

    wrong: Callable[[Any, Any], Any]
    """Of an answer, beside what it should be: m, or 0."""
    generator_loss: Callable[[Any, Any], Any]
    """The generator's loss on the answer to a completion and the hole in it."""

    def discriminator_loss(self, real: Any, fakes: Sequence[tuple[Any, Any]]) -> Any:
        """L_real + mean of L_fake over the pairs of answer and hole in `fakes`. Source: seed, `mod_mend_*`."""
        return self.wrong(real, 0.0) + sum(self.wrong(answer, hole) for answer, hole in fakes) / len(fakes)


def _cross_entropy(answer: Any, hole: Any) -> Any:
    """Mean of -m·log σ(x) - (1 - m)·log(1 - σ(x))."""
    return ops.mean(ops.softplus(answer) - hole * answer)


def _squared_difference(answer: Any, wanted: Any) -> Any:
    return ops.mean(ops.square(answer - wanted))


PIXEL_OBJECTIVES: dict[str, PixelObjective] = {
    # Cross-entropy with m against log σ(D(G)), the log-likelihood of being found out, in the hole: the minimax game.
    "gan": PixelObjective(_cross_entropy, lambda answer, hole: -ops.mean(hole * ops.softplus(-answer))),
    # The same map against -log(1 - σ(D(G))) at every pixel. arXiv:2002.12655, section 3, has both by pixel.
    "dcgan": PixelObjective(_cross_entropy, lambda answer, hole: softplus_mean(answer)),
    # (D - m)² against D(G)², the latter to be weighted by k = 2 … 4. Seed, `mod_mend_*`.
    "lsgan": PixelObjective(_squared_difference, lambda answer, hole: _squared_difference(answer, 0.0)),
}
"""Those of OBJECTIVES that a map of fakeness can be trained by."""


def interpolated(real: Sequence[Any], fake: Sequence[Any], epsilon: Any) -> list[Any]:
    """Points between the discriminator's inputs, ε·real + (1 - ε)·fake, one ε a picture, the same for all its inputs.

    `epsilon` (B,) uniform in [0, 1]; `real`, `fake`: lists of (B, ...). Source: arXiv:1704.00028, algorithm 1.
    """
    return [_each(epsilon, r) * r + (1.0 - _each(epsilon, r)) * f for r, f in zip(real, fake, strict=True)]


def gradient_penalty(gradients: Sequence[Any]) -> Any:
    """Mean over pictures of (‖g‖₂ - 1)², g all that is in `gradients` (lists of (B, ...)) for one picture.

    `gradients` are those of the sum of the critic's answers at `interpolated` points with respect to these points. The
    weight (`Objective.penalty`) is not in it. Source: arXiv:1704.00028, eq. 3.
    """
    squared = sum(ops.sum(ops.square(g), axis=tuple(range(1, len(g.shape)))) for g in gradients)
    return ops.mean(ops.square(ops.sqrt(squared + 1e-12) - 1.0))


def _each(epsilon: Any, like: Any) -> Any:
    """`epsilon` (B,) as (B, 1, ...) of as many axes as `like`."""
    return ops.reshape(epsilon, (-1,) + (1,) * (len(like.shape) - 1))
