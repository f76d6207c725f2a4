"""What all tests share: models that are saved once, and files that are not waited for."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import pytest

from tests.normed_model import save_normed_model
from tests.small_completer import save_small_completer
from tests.small_model import save_small_model


@pytest.fixture(scope="session", autouse=True)
def _nothing_has_to_outlive_a_power_cut() -> Iterator[None]:
    """Waiting until each file is on the disk takes longer than to write it; only after a power cut it would be missed.

    Processes that tests start, and kill, wait as those of a user do.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True, scope="module")
def _precision_comes_back_after_a_file() -> Iterator[None]:
    """Whatever is trained for all tests of a file, perhaps in mixed precision, those of the next compute in float32."""
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True)
def _precision_comes_back_after_a_test() -> Iterator[None]:
    """Whatever a test trains, the next one of the same process computes as this one found it."""
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NAME/VERSION of the small model. Tests that change one change a copy."""
    return saved_once(tmp_path_factory, "small", save_small_model)


@pytest.fixture(scope="session")
def completer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the small model that fills holes."""
    return saved_once(tmp_path_factory, "filler", save_small_completer)


@pytest.fixture(scope="session")
def normed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the small model that looks at each window as a whole."""
    return saved_once(tmp_path_factory, "normed", save_normed_model)


def saved_once(factory: pytest.TempPathFactory, name: str, save: Callable[[Path], None]) -> Path:
    """NAME/1, saved by the first process of the session that asks for it."""
    own = factory.getbasetemp()
    models = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "saved"
    models.mkdir(exist_ok=True)
    with open(models / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = models / name / "1"
        if not folder.exists():
            save(folder)
    return folder
