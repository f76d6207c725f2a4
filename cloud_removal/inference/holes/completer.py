"""A model folder that fills holes, as `remove` uses it. TensorFlow is imported when it is loaded, not before."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import ModelError
from cloud_removal.inference.model import answered, check_grid, content_hash, load_graphs, read_values, refused_as_card
from cloud_removal.inference.windows import Grid

KIND, OPTION = "inpaint", "--inpaint-model"
BEYOND = 32
"""Pixels by which a picture is continued, at least, before a network is shown it: what convolutions that pad with zeros
answer near a border bears its lines."""


@dataclass(frozen=True)
class CompleterCard:
    """What of model.json filling holes needs; `values` is all of it."""

    folder: Path
    values: dict[str, Any]
    grid: Grid
    exact: bool
    """Whether a hole is filled alike in every window: False for networks whose norm looks at the whole picture."""
    deepest: float
    """Pixels from the farthest place of a hole to the ground around it, up to which the model learned to fill."""

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.values.get('name', self.folder.parent.name)}/{self.values.get('version', self.folder.name)}"

    @property
    def fingerprint(self) -> str:
        """A hash of everything the model computes with."""
        return content_hash(self.folder, [self.grid.stride, self.grid.halo, self.grid.smallest])


def read_completer_card(model: Path, option: str = OPTION) -> CompleterCard:
    """Finds `model`, given by `option`, and reads its card.

    Raises ModelError where something of it is missing or of another kind.
    """
    folder, values = read_values(model, KIND, option)
    with refused_as_card(folder):
        stride = int(values["stride"])
        grid = Grid(stride, int(values["halo"]), int(values.get("smallest", stride)))
        check_grid(grid)
        deepest = float(values["deepest"])
        if not 0.0 < deepest < np.inf:
            raise ValueError(f"deepest {deepest} is no depth")
        return CompleterCard(folder, values, grid, values["receptive_radius"] is not None, deepest)


class CompleterModel:
    """A loaded SavedModel that fills holes."""

    def __init__(self, card: CompleterCard, loaded: Any):
        self.card = card
        self._loaded = loaded  # The variables live as long as this.

    @classmethod
    def load(cls, model: Path, option: str = OPTION) -> "CompleterModel":
        """Loads `model` (see `model_folder.find`). Raises ModelError where it is missing, incomplete or corrupt."""
        return cls.from_card(read_completer_card(Path(model), option))

    @classmethod
    def from_card(cls, card: CompleterCard) -> "CompleterModel":
        """Loads the SavedModel beside `card`."""
        loaded = load_graphs(card.folder)
        graph = loaded.signatures.get("complete") if hasattr(loaded.signatures, "get") else None
        if graph is None or set(graph.structured_input_signature[1]) != {"image", "hole"}:
            raise ModelError(f"{card.folder} has no signature complete(image, hole); export it again.")
        return cls(card, loaded)

    def complete(self, image: NDArray[np.float32], hole: NDArray[np.float32]) -> NDArray[np.float32]:
        """Picture (H, W, 3) in [0, 1] with `hole` (H, W), 1 where it is unknown, filled; sides as the card says.

        To the network its borders are none: what lies beyond them is a hole like others, and is cut off again.
        """
        import tensorflow as tf

        stride, (height, width) = self.card.grid.stride, hole.shape
        margin = -(-BEYOND // stride) * stride
        around = [(margin, margin), (margin, margin)]
        image, hole = np.pad(image, [*around, (0, 0)]), np.pad(hole, around, constant_values=1.0)
        inputs = {"image": tf.constant(image[None]), "hole": tf.constant(hole[None, :, :, None])}
        answer = answered(self.card.folder, self._loaded.signatures["complete"], inputs)["completed"].numpy()[0]
        completed = np.ascontiguousarray(answer[margin : margin + height, margin : margin + width])
        if not np.isfinite(completed.sum()):
            raise ModelError(f"{self.card.folder} answers with values that are not numbers; it is damaged or diverged.")
        return completed
