"""A model folder as `remove` uses it: found by name, checked, run on numpy arrays.

TensorFlow is imported when a model is loaded, not before: finding and checking one needs the card alone.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import ModelError, OptionError
from cloud_removal.inference import tensors
from cloud_removal.inference.windows import Grid
from cloud_removal.model_folder import CARD, GRAPH, find

FORMAT = 1
KIND = "defog"
KINDS = {
    "defog": "takes clouds off pictures",
    "inpaint": "fills holes in pictures",
    "scene": "makes pictures out of noise",
}
"""What a model does, by its kind."""


@dataclass(frozen=True)
class Context:
    """How picture-wide statistics are taken over a scene: `size` numbers from squares of `window` px, one every
    `spacing` px."""

    size: int
    window: int
    spacing: int


@dataclass(frozen=True)
class Card:
    """What of model.json the windows and the compositing need; `values` is all of it."""

    folder: Path
    values: dict[str, Any]
    grid: Grid
    """It is not exact for networks whose norm looks at the whole picture."""
    context: Context | None
    keep_below: float
    opaque_above: float
    content: str | None = None
    """Of a model on a server: a hash of everything it computes with. The files of others are hashed when it is needed.
    """

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.values.get('name', self.folder.parent.name)}/{self.values.get('version', self.folder.name)}"

    @property
    def implied(self) -> bool:
        """Whether the network answers the ground alone, and opacity is concluded from what it changed."""
        return self.values.get("opacity") == "implied"


def read_card(model: Path) -> Card:
    """Finds `model` and reads its card. Raises ModelError where something of it is missing or of another kind."""
    folder, values = read_values(model, KIND, "--model")
    with refused_as_card(folder):
        return card_of(folder, values)


def card_of(folder: Path, values: dict[str, Any], content: str | None = None) -> Card:
    """The card out of its `values`; KeyError, TypeError or ValueError where they are not those of one."""
    stride, exact = int(values["stride"]), values["receptive_radius"] is not None
    context = values["context"]
    card = Card(
        folder=folder,
        values=values,
        grid=Grid(stride, int(values["halo"]), int(values.get("smallest", stride)), exact),
        context=Context(**{k: int(context[k]) for k in ("size", "window", "spacing")}) if context else None,
        keep_below=float(values["thresholds"]["keep_below"]),
        opaque_above=float(values["thresholds"]["opaque_above"]),
        content=content,
    )
    _check_numbers(card)
    return card


def read_values(model: Path, kind: str, option: str) -> tuple[Path, dict[str, Any]]:
    """The folder that `model`, given by `option`, means, and its card; ModelError unless it is whole and of `kind`."""
    folder = find(model, option)
    for part in (CARD, GRAPH, "variables/variables.index"):
        if not (folder / part).is_file():
            raise ModelError(f"{folder} is no whole model folder: {part} is missing. Export or copy it again.")
    with refused_as_card(folder):
        values = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise ModelError(f"{folder / CARD} is of format {values['format']}; this program reads format {FORMAT}.")
        found = values.get("kind", KIND)  # The first models said nothing: there was one kind.
    if found != kind:
        does = KINDS.get(found, f"is of kind {found!r}, which is not known here")
        raise ModelError(f"{option} {model}: expected a model that {KINDS[kind]}; this one {does}.")
    return folder, values


@contextlib.contextmanager
def refused_as_card(folder: Path) -> Iterator[None]:
    """What is wrong with the numbers of a card becomes a ModelError."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder / CARD} is no model's card ({error!r}). Export or copy the model again.") from error


def check_grid(grid: Grid) -> None:
    """Raises ValueError where windows could not be planned on `grid`."""
    if grid.stride < 1 or grid.smallest < 1 or grid.halo < 0 or grid.halo % grid.stride:
        raise ValueError(f"stride {grid.stride}, halo {grid.halo}, smallest {grid.smallest} do not go together")


def _check_numbers(card: Card) -> None:
    """Raises ValueError where windows could not be planned with the numbers of a card."""
    grid, context = card.grid, card.context
    check_grid(grid)
    if context is not None and min(context.size, context.window, context.spacing) < 1:
        raise ValueError(f"context {context} is not of positive numbers")
    if not (0.0 <= card.keep_below <= 1.0 and 0.0 <= card.opaque_above <= 1.0):
        raise ValueError(f"thresholds {card.keep_below} and {card.opaque_above} are no opacities")


class Model:
    """A loaded SavedModel. Pictures (B, H, W, 3) float32 in [0, 1], sides multiples of the card's stride."""

    def __init__(self, card: Card, loaded: Any):
        self.card = card
        self._loaded = loaded  # The variables live as long as this.

    @classmethod
    def load(cls, model: Path) -> "Model":
        """Loads `model` (see `model_folder.find`). Raises ModelError where it is missing, incomplete or corrupt."""
        return cls.from_card(read_card(Path(model)))

    @classmethod
    def from_card(cls, card: Card) -> "Model":
        """Loads the SavedModel beside `card`."""
        loaded = load_graphs(card.folder)
        needed = {"restore", "context"} if card.context else {"restore"}
        missing = needed - set(loaded.signatures)
        if missing:
            raise ModelError(f"{card.folder} has no signature {', '.join(sorted(missing))}; export it again.")
        wanted = {"image", "context"} if card.context else {"image"}
        inputs = set(loaded.signatures["restore"].structured_input_signature[1])
        if inputs != wanted:
            raise ModelError(
                f"{card.folder / CARD} and saved_model.pb do not belong together: the card promises inputs "
                f"{', '.join(sorted(wanted))}, the network takes {', '.join(sorted(inputs))}. Export it again."
            )
        return cls(card, loaded)

    def restore(
        self, images: NDArray[np.float32], context: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Ground (B, H, W, 3) and opacity (B, H, W), float32 in [0, 1]. `context` (B, H/stride, W/stride, size)."""
        inputs = {"image": tensors.tensor(images)}
        if self.card.context is not None:
            inputs["context"] = tensors.tensor(np.asarray(context))
        answer = self._answer("restore", inputs)
        ground, opacity = tensors.values(answer["ground"], images), tensors.values(answer["opacity"], images)[..., 0]
        check_answer(ground, opacity, str(self.card.folder))
        return ground, opacity

    def context(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Picture-wide statistics (B, size) of pictures (B, H, W, 3)."""
        return self._answer("context", {"image": tensors.tensor(images)})["context"].numpy()

    def _answer(self, signature: str, inputs: dict[str, Any]) -> Any:
        return answered(self.card.folder, self._loaded.signatures[signature], inputs)


def check_answer(ground: NDArray[np.float32], opacity: NDArray[np.float32], where: str) -> None:
    """ModelError where the answer of the model at `where` holds what is no number."""
    if not np.isfinite(opacity.sum() + ground.sum()):  # One number that is none shows in the sum.
        raise ModelError(f"{where} answers with values that are not numbers; it is damaged or diverged.")


def load_graphs(folder: Path) -> Any:
    """The SavedModel in `folder`; ModelError where it is damaged."""
    import tensorflow as tf

    tensors.take_one_region()
    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:  # Damage shows as almost any kind, depending on where in the files it is.
        raise ModelError(f"{folder} is corrupt ({_short(error)}). Export or copy the model again.") from error


def answered(folder: Path, graph: Any, inputs: dict[str, Any]) -> Any:
    """What `graph` of the model in `folder` gives for `inputs`; OptionError where the memory is not enough."""
    import tensorflow as tf

    try:
        return graph(**inputs)
    except tf.errors.ResourceExhaustedError as error:
        raise OptionError(
            f"Not enough memory for windows of {'x'.join(map(str, inputs['image'].shape[1:3]))} px. "
            "Choose a smaller --window."
        ) from error
    except tf.errors.InvalidArgumentError as error:
        raise ModelError(
            f"{folder} does not take what its card promises ({_short(error)}). Export it again."
        ) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def fingerprint(card: Card) -> str:
    """A hash of everything the model computes with."""
    if card.content is not None:
        return card.content
    return content_hash(card.folder, [card.grid.stride, card.grid.halo, card.grid.smallest, str(card.context)])


def content_hash(folder: Path, numbers: Sequence[Any]) -> str:
    """A hash of the graph and weights in `folder` and of those `numbers` of its card that matter."""
    digest = hashlib.blake2b(digest_size=16)
    for file in [folder / GRAPH, *sorted((folder / "variables").iterdir())]:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    digest.update(json.dumps(numbers).encode())
    return digest.hexdigest()
