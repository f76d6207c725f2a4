"""`export` of a model folder: its weights and its card, as this version of the program writes models."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud_removal.errors import ModelError
from cloud_removal.model_folder import CARD

if TYPE_CHECKING:
    from cloud_removal.config import Run
    from cloud_removal.systems import System


def read_card(folder: Path) -> dict[str, Any]:
    """The card in the version `folder`; ModelError where it is none."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if missing := {"system", "config", "training", "scores"} - set(card):
            raise KeyError(*sorted(missing))
        return card
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / CARD} is no model's card ({error!r}). Copy the model again.") from error


def rebuilt(folder: Path, card: dict[str, Any]) -> "tuple[Run, System]":
    """The run and the system that `card` tells of, with the weights that lie beside it.

    ModelError where these do not fit, or the system is not one of this version.
    """
    from cloud_removal.config import run_from_text
    from cloud_removal.systems import find
    from cloud_removal.training.environment import build
    from cloud_removal.training.initialize import initialize

    try:
        run = run_from_text(json.dumps(card["config"]), find(card["system"]).Options, str(folder / CARD))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder / CARD} does not say how it was trained ({error!r}). Copy it again.") from error
    system = build(dataclasses.replace(run, precision="float32", init_partly=False))
    initialize(system, folder, lambda line: None)
    return run, system
