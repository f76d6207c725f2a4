"""Which pictures of every batch are one worker's, where several train one run together."""

from dataclasses import dataclass
from typing import TypeVar

Rows = TypeVar("Rows")


@dataclass(frozen=True)
class Share:
    """Part `index` of `count` equal parts of a batch, in its order; what is drawn for a picture depends on its place in
    the whole batch, so that the batch is the same however many share it."""

    index: int = 0
    count: int = 1

    def positions(self, batch_size: int) -> range:
        """The places of its pictures in a whole batch of `batch_size`, a multiple of `count`."""
        size = batch_size // self.count
        return range(self.index * size, (self.index + 1) * size)

    def size(self, batch_size: int) -> int:
        """How many pictures of a whole batch of `batch_size` are its own."""
        return batch_size // self.count

    def rows(self, whole: Rows) -> Rows:
        """Its rows of `whole` (B, ...), an array or a tensor of something for each picture of a whole batch."""
        if self.count == 1:
            return whole
        own = self.positions(whole.shape[0])  # type: ignore[attr-defined]  # Arrays and tensors alike have one.
        return whole[own.start : own.stop]  # type: ignore[index]


WHOLE = Share()
