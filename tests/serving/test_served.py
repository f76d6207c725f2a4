"""`remove --server` writes what `remove` writes: by REST and by gRPC, of a server that speaks as documented."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.cli import main
from cloud_removal.errors import ModelError, OptionError
from cloud_removal.inference.model import fingerprint
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.servers.served import ServedModel
from cloud_removal.inference.settings import Settings
from tests.serving import double
from tests.small_model import as_type, cloudy, read, write_raster

SETTINGS = Settings(window=32)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raster(tmp_path_factory.mktemp("scenes") / "in.tif", as_type(cloudy(50, 70), "uint16"), nodata=0)


@pytest.fixture(scope="module")
def wanted(scene: Path, model) -> dict[str, np.ndarray]:
    return removed(scene, model, scene.parent / "local")


def removed(scene: Path, model, folder: Path) -> dict[str, np.ndarray]:
    """The three rasters that `remove` writes into `folder`."""
    folder.mkdir()
    files = {name: folder / f"{name}.tif" for name in ("output", "cloud", "provenance")}
    remove(scene, files["output"], model, SETTINGS, cloud=files["cloud"], provenance=files["provenance"])
    return {name: read(file) for name, file in files.items()}


def test_a_scene_restored_by_a_server_is_the_one_restored_here(url, scene, wanted, tmp_path):
    got = removed(scene, ServedModel.connect(url), tmp_path / "served")
    for name, values in wanted.items():
        np.testing.assert_array_equal(got[name], values)
    assert np.count_nonzero(wanted["output"] != read(scene)) > 1000


def test_statistics_are_asked_once_for_a_scene_and_then_window_by_window(url, served, scene, tmp_path):
    served.asked.clear()
    removed(scene, ServedModel.connect(url), tmp_path / "served")
    assert served.asked[:2] == ["card", "context"] and set(served.asked[2:]) == {"restore"}


def test_the_card_comes_from_the_server(url, model):
    card = ServedModel.connect(url).card
    assert (card.grid, card.context, card.title) == (model.card.grid, model.card.context, "bright/1")
    assert (card.keep_below, card.opaque_above) == (0.1, 0.6)


def test_a_server_that_is_away_for_a_moment_is_asked_again(url, served, model):
    asking = ServedModel.connect(url, waits=(0.0, 0.0))
    images = cloudy(16, 16).transpose(1, 2, 0)[None]
    served.away = 2
    np.testing.assert_array_equal(asking.context(images), model.context(images))


def test_a_server_that_stays_away_is_said(url, served):
    asking = ServedModel.connect(url, waits=(0.0,))
    served.away = 2
    with pytest.raises(ModelError, match=r"no answer \(.*(503|UNAVAILABLE)"):
        asking.context(np.zeros((1, 16, 16, 3), np.float32))


def test_a_model_that_is_not_there_is_said(url):
    with pytest.raises(ModelError, match="NOT_FOUND|Could not find"):
        ServedModel.connect(url + "er")


def test_a_version_that_is_not_there_is_said(url):
    there = "/versions/7" if url.startswith("http") else "/7"
    with pytest.raises(ModelError, match="NOT_FOUND|Could not find"):
        ServedModel.connect(url + there)


def test_a_model_of_before_there_were_these_signatures_is_said(url, served, monkeypatch):
    monkeypatch.setattr(served, "specs", {}.__getitem__)
    with pytest.raises(ModelError, match="(400|INVALID_ARGUMENT).*`export` of this version"):
        ServedModel.connect(url)


def test_a_picture_of_no_use_to_the_network_is_refused_by_its_server(url):
    with pytest.raises(ModelError, match="400|INVALID_ARGUMENT"):
        ServedModel.connect(url).restore(np.zeros((1, 16, 16, 3), np.float32), np.zeros((1, 3, 3, 1), np.float32))


@pytest.mark.parametrize(
    "address", ["localhost:8501", "http://localhost:8501", "grpc://localhost:8500", "grpc://localhost:8500/defog/x"]
)
def test_an_address_of_neither_kind_is_refused(address):
    with pytest.raises(OptionError, match=r"expected http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME"):
        ServedModel.connect(address)


def test_no_server_at_all_is_said_in_one_line(scene, tmp_path, capsys):
    words = ["remove", str(scene), str(tmp_path / "out.tif"), "--server", "http://127.0.0.1:9/v1/models/defog"]
    assert main(words) == 1
    assert "no answer" in capsys.readouterr().err and not (tmp_path / "out.tif").exists()


def test_model_and_server_together_are_refused(scene, tmp_path, capsys):
    words = ["remove", str(scene), str(tmp_path / "out.tif"), "--server", "grpc://h:8500/defog", "--model", "defog"]
    assert main(words) == 1
    assert "give one of them" in capsys.readouterr().err


def test_the_command_remove_asks_a_server(served, scene, wanted, tmp_path):
    with double.rest(served) as address:
        words = [str(scene), str(tmp_path / "out.tif"), "--server", address, "--no-inpaint", "--window", "32"]
        assert main(["remove", *words, "--quiet"]) == 0
    np.testing.assert_array_equal(read(tmp_path / "out.tif"), wanted["output"])


def test_what_a_run_must_have_in_common_with_one_that_goes_on_from_it_is_what_the_server_says(url, exported):
    assert fingerprint(ServedModel.connect(url).card) == served_content(exported)


def served_content(folder: Path) -> str:
    """The hash of the model in `folder` that its signature `card` answers."""
    (text,) = tf.saved_model.load(folder).signatures["card"](asked=tf.constant([""]))["card_bytes"].numpy()
    return json.loads(text)["content"]
