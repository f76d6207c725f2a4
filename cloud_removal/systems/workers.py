"""What the workers that train one run together tell each other. Here there is one, which is the whole."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

import tensorflow as tf

from cloud_removal.data.share import WHOLE, Share


class Workers:
    """A single worker: its batch is the whole batch, and nobody else is to be asked.

    Whatever a step computes from more than one picture, but for plain means in its losses, goes through `mean`,
    `gather` and `own`; so a step is the same function of the whole batch however many share it (`training.crew` has
    several). Variables are each worker's own, and the same in all: they begin alike and are changed alike.
    """

    share: Share = WHOLE

    @property
    def chief(self) -> bool:
        """Whether it is this one that writes."""
        return self.share.index == 0

    def mean(self, values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The mean over the workers of each of `values`, float32 of any shape. Gradients go back to every worker."""
        return list(values)

    def gather(self, rows: tf.Tensor) -> tf.Tensor:
        """`rows` (b, ...) of all workers, float32, in the order of the whole batch (B, ...), for each worker."""
        return rows

    def own(self, whole: tf.Tensor) -> tf.Tensor:
        """This worker's rows of `whole` (B, ...)."""
        return self.share.rows(whole)

    def whole(self, count: int) -> int:
        """How many pictures the whole batch has where a worker has `count`."""
        return self.share.count * count

    def hand_out(self, variables: Iterable[tf.Variable]) -> None:
        """Gives `variables` the chief's values in all workers."""

    def same_text(self, text: str) -> str:
        """The chief's `text`, in all workers."""
        return text

    def agree(self, code: int | None, over: bool) -> tuple[int | None, bool]:
        """One answer for all workers, each of which has to ask: the exit code if any has one, and whether it is over.

        The larger one counts of two codes.
        """
        return code, over

    def talking(self) -> AbstractContextManager[None]:
        """Inside, workers talk to each other: WorkerError in one line where another has ended."""
        return nullcontext()


ALONE = Workers()
