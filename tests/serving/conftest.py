"""A small model as `export` writes it, once for all tests of serving, and where it is served."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_removal.config import Run
from cloud_removal.export import Thresholds, export
from cloud_removal.inference.model import Model
from tests.serving import double
from tests.serving.bright import Bright

TRAINING = {"data": ["none"], "licence": "ours", "command": "none", "steps": 2, "seconds": 1.5, "images": 8}


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NAME/VERSION of a model with picture-wide statistics and thresholds of its own."""
    run = Run("bright")
    folder = tmp_path_factory.mktemp("models") / "bright"
    return export(Bright(run), run, folder, training=TRAINING, scores={}, thresholds=Thresholds(0.1, 0.6))


@pytest.fixture(scope="session")
def model(exported: Path) -> Model:
    """It, as `remove` uses it."""
    return Model.load(exported)


@pytest.fixture(scope="module")
def served(exported: Path) -> double.Served:
    return double.Served(exported)


@pytest.fixture(scope="module", params=["rest", "grpc"])
def url(request: pytest.FixtureRequest, served: double.Served) -> Iterator[str]:
    """Where the model is served, by each of the two ways."""
    if request.param == "grpc":
        pytest.importorskip(
            "tensorflow_serving", reason="tensorflow-serving-api is not installed (requirements-dev.txt)"
        )
    with getattr(double, request.param)(served) as address:
        yield address
