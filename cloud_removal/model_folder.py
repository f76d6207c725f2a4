"""Which folder the name of a model means: NAME/VERSION, the highest version of NAME, or a bundled model."""

from pathlib import Path

from cloud_removal.errors import ModelError

BUNDLED = Path(__file__).resolve().parents[1] / "assets" / "models"
DEFAULT = BUNDLED / "defog"
INPAINT = BUNDLED / "inpaint"
CARD, GRAPH, WEIGHTS = "model.json", "saved_model.pb", "weights.npz"


def find(model: Path, option: str = "--model") -> Path:
    """The version folder that `model`, given by `option`, means. ModelError, which lists the bundled models, for none.

    A folder of that name goes before a bundled model of that name.
    """
    found = version_of(model)
    if found is not None:
        return found
    if model.exists():
        raise ModelError(
            f"{option} {model}: this is no model folder. Expected NAME, or NAME/VERSION with {GRAPH} and {CARD} in it. "
            f"{bundled()}"
        )
    if BUNDLED in model.parents:
        raise ModelError(f"There is no bundled model {model.name}. {bundled()}")
    raise ModelError(
        f"{option} {model}: there is no model folder of that name; the command export writes one. {bundled()}"
    )


def version_of(model: Path) -> Path | None:
    """NAME/VERSION as it is, the highest version of NAME, the same of a bundled name; None where there is no model."""
    for place in (model, BUNDLED / model):
        if any((place / part).is_file() for part in (CARD, GRAPH, WEIGHTS)):
            return place
        if place.is_dir():
            versions = [path for path in place.iterdir() if path.is_dir() and path.name.isdecimal()]
            if versions:
                return max(versions, key=lambda path: int(path.name))
    return None


def bundled() -> str:
    """Which models are bundled, in a sentence."""
    if not BUNDLED.is_dir():
        return (
            "Bundled models come with the repository, not with what pip installs: work in a checkout of it, or name a "
            "model folder."
        )
    return f"Bundled: {', '.join(sorted(path.name for path in BUNDLED.iterdir() if path.is_dir()))}."
