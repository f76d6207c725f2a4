"""The small model, saved and loaded once."""

from pathlib import Path

import pytest

from cloud_removal.inference.model import Model
from tests.small_model import save_small_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NAME/VERSION of the small model."""
    folder = tmp_path_factory.mktemp("models") / "small" / "1"
    save_small_model(folder)
    return folder


@pytest.fixture(scope="session")
def model(model_folder: Path) -> Model:
    """The small model, loaded."""
    return Model.load(model_folder)
