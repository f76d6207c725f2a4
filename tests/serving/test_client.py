"""`deploy/client.py`: waits for the server, then writes the raster that `remove` writes."""

from pathlib import Path

import numpy as np
import pytest

from cloud_removal.cli import main as program
from deploy import client
from tests.small_model import as_type, cloudy, read, write_raster

OPTIONS = ["--no-inpaint", "--window", "32", "--quiet"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """To wait is to fail."""
    monkeypatch.setattr(client.time, "sleep", lambda _: pytest.fail("it waits"))


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "in.tif", as_type(cloudy(50, 70), "uint16"), nodata=0)


def test_a_scene_through_a_server_that_is_still_starting_is_the_one_restored_here(
    url, served, exported, scene, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(client, "AGAIN", 0.01)
    served.away, served.asked[:] = 3, []
    assert client.main([url, str(scene), str(tmp_path / "out.tif"), *OPTIONS, "--wait", "60"]) == 0
    assert capsys.readouterr().err.startswith(f"waiting up to 60 s for {url} (")
    assert served.away < 0 and served.asked.count("restore") > 1
    assert program(["remove", str(scene), str(tmp_path / "here.tif"), "--model", str(exported), *OPTIONS]) == 0
    np.testing.assert_array_equal(read(tmp_path / "out.tif"), read(tmp_path / "here.tif"))


def test_a_server_that_does_not_start_is_said_after_the_wait(scene, tmp_path, capsys):
    assert client.main(["--wait", "0", "http://127.0.0.1:9/v1/models/defog", str(scene), str(tmp_path / "o.tif")]) == 1
    assert "no answer" in capsys.readouterr().err and not (tmp_path / "o.tif").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["localhost:8501"], "expected http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME"),
        (["--wait", "-1", "http://127.0.0.1:9/v1/models/defog"], "--wait -1.0: expected seconds"),
    ],
)
def test_what_no_waiting_mends_is_said_at_once(words, said, capsys, impatient):
    assert client.main([*words, "in.tif", "out.tif"]) == 1
    assert said in capsys.readouterr().err


def test_without_a_picture_there_is_nothing_to_wait_for(impatient, capsys):
    with pytest.raises(SystemExit, match="2"):
        client.main(["http://127.0.0.1:9/v1/models/defog", "in.tif"])
    assert "required: INPUT OUTPUT" in capsys.readouterr().err


def test_a_model_without_the_signatures_is_not_waited_for(url, served, monkeypatch, capsys, impatient):
    monkeypatch.setattr(served, "specs", {}.__getitem__)
    assert client.main([url, "in.tif", "out.tif"]) == 1
    assert "`export` of this version" in capsys.readouterr().err
