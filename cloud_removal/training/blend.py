"""One network out of several that were trained in a row: the mean of their weights.

Networks that began from the same one and went different ways lie in one valley, and their mean is often better than any
of them. Source: Wortsman et al. 2022, "Model soups", arXiv:2203.05482.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cloud_removal.errors import OptionError
from cloud_removal.systems import System
from cloud_removal.training.checkpoint import network_weights
from cloud_removal.training.initialize import initialize


def blend(system: System, others: Sequence[Path], shares: Sequence[float]) -> None:
    """Puts the weighted mean of the weights of `system` and of the model folders `others` into `system`.

    `shares` are those of `system` first, then of the others, and sum to 1; none are given: all alike. Integers stay
    those of `system`. ModelError where the weights of one do not fit.
    """
    shares = list(shares) or [1.0 / (1 + len(others))] * (1 + len(others))
    if len(shares) != 1 + len(others) or min(shares) < 0.0 or abs(sum(shares) - 1.0) > 1e-6:
        numbers = " ".join(f"{share:g}" for share in shares)
        raise OptionError(
            f"--shares {numbers}: expected {1 + len(others)} numbers of 0 or more that sum to 1, the first that of the "
            "model itself, then those of --average."
        )
    weights = {path: v for path, v in network_weights(system).items() if np.issubdtype(v.numpy().dtype, np.floating)}
    total = {path: shares[0] * v.numpy().astype(np.float64) for path, v in weights.items()}
    kept = {path: v.numpy() for path, v in network_weights(system).items() if path not in weights}
    for other, share in zip(others, shares[1:], strict=True):
        initialize(system, other, lambda line: None)
        for path, variable in weights.items():
            total[path] += share * variable.numpy()
    for path, variable in network_weights(system).items():
        variable.assign(total[path] if path in total else kept[path])
