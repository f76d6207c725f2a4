"""The moving averages of the weights, looked through for a moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from cloud_removal.systems import System


@contextmanager
def averaged_weights(system: System) -> Iterator[None]:
    """Inside, the networks hold their moving averages (where the run keeps any), afterwards their own weights again."""
    pairs = [pair for network in system.networks.values() for pair in system.averaged(network)]
    own = [variable.numpy() for variable, _ in pairs]
    for variable, mean in pairs:
        variable.assign(mean)
    try:
        yield
    finally:
        for (variable, _), value in zip(pairs, own, strict=True):
            variable.assign(value)
