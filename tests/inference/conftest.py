"""The small model, loaded once, and a scene of two dates."""

from pathlib import Path

import pytest

from cloud_removal.inference.model import Model
from tests.dated_scenes import LEFT, RIGHT, cloud, dated, seen


@pytest.fixture(scope="session")
def model(model_folder: Path) -> Model:
    """The small model, loaded."""
    return Model.load(model_folder)


@pytest.fixture
def reference(tmp_path):
    """A scene with a cloud on its left."""
    return dated(tmp_path / "reference.tif", seen(cloud(LEFT)))


@pytest.fixture
def other(tmp_path):
    """Another date: cloud on its right, brighter."""
    return dated(tmp_path / "other.tif", seen(cloud(RIGHT), 1.2, 0.03))
