"""The small model, loaded once."""

from pathlib import Path

import pytest

from cloud_removal.inference.model import Model


@pytest.fixture(scope="session")
def model(model_folder: Path) -> Model:
    """The small model, loaded."""
    return Model.load(model_folder)
