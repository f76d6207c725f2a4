"""What the name of a model means, wherever one is named."""

from pathlib import Path

import pytest

from cloud_removal import model_folder
from cloud_removal.errors import ModelError
from cloud_removal.model_folder import CARD, find


def models(folder: Path, *versions: str) -> Path:
    for version in versions:
        (folder / version).mkdir(parents=True)
        (folder / version / CARD).write_text("{}")
    return folder


@pytest.fixture(autouse=True)
def bundled(tmp_path, monkeypatch):
    """A bundled model of the name foggy, in two versions."""
    monkeypatch.setattr(model_folder, "BUNDLED", tmp_path / "bundled")
    return models(tmp_path / "bundled" / "foggy", "1", "2")


def test_a_name_means_its_highest_version(tmp_path):
    assert find(models(tmp_path / "mine", "2", "9", "10")) == tmp_path / "mine" / "10"


def test_a_version_means_itself(tmp_path):
    assert find(models(tmp_path / "mine", "2", "9", "10") / "9") == tmp_path / "mine" / "9"


def test_the_name_of_a_bundled_model_means_its_highest_version(bundled):
    assert find(Path("foggy")) == bundled / "2"


def test_a_version_of_a_bundled_model_means_itself(bundled):
    assert find(Path("foggy/1")) == bundled / "1"


def test_a_folder_goes_before_a_bundled_model_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find(models(Path("foggy"), "7")) == Path("foggy/7")


def test_a_wrong_name_is_said_with_its_option_and_the_bundled_names():
    with pytest.raises(ModelError, match=r"--init fogy: there is no model folder .* Bundled: foggy\."):
        find(Path("fogy"), "--init")


def test_a_folder_that_holds_no_model_is_said_to_hold_none(tmp_path):
    with pytest.raises(ModelError, match=f"--model {tmp_path}: this is no model folder"):
        find(tmp_path)


def test_where_the_program_was_installed_without_models_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(model_folder, "BUNDLED", tmp_path / "site-packages" / "assets" / "models")
    with pytest.raises(
        ModelError, match="no bundled model defog.* come with the repository, not with what pip installs"
    ):
        find(model_folder.BUNDLED / "defog")
