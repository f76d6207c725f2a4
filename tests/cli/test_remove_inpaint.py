"""`remove` with a model that fills holes, as a user calls it."""

from pathlib import Path

import pytest

from cloud_removal.cli import main
from cloud_removal.cli import remove as command
from tests.small_completer import opaque
from tests.small_model import as_type, read, write_raster


@pytest.fixture
def removed(tmp_path, model_folder, capsys):
    """Runs the command on a small scene; returns the exit code, what it printed, and the errors."""
    write_raster(tmp_path / "in.tif", as_type(opaque(96, 120), "uint8"))

    def run(*words: str, source: str = "in.tif", output: str = "out.tif"):
        places = [str(tmp_path / source), str(tmp_path / output), "--model", str(model_folder), "--quiet"]
        return main(["remove", *places, *words]), *capsys.readouterr()

    return run


def test_a_model_that_is_given_fills_what_opaque_cloud_hides(removed, completer_folder):
    code, out, _ = removed("--inpaint-model", str(completer_folder))
    assert code == 0 and "generated under opaque cloud" in out and "km²" in out


def test_a_bundled_model_fills_unless_it_is_told_not_to(removed, completer_folder, monkeypatch):
    monkeypatch.setattr(command, "INPAINT", completer_folder)
    assert "generated" in removed()[1] and "guessed" in removed("--no-inpaint", "--overwrite")[1]


def test_without_a_bundled_model_the_guess_stays(removed, monkeypatch):
    monkeypatch.setattr(command, "INPAINT", Path("there-is-none"))
    assert "guessed under opaque cloud" in removed()[1]


def test_a_folder_of_pictures_is_filled_too(removed, completer_folder, tmp_path):
    (tmp_path / "many").mkdir()
    (tmp_path / "in.tif").rename(tmp_path / "many" / "a.tif")
    _, out, _ = removed("--inpaint-model", str(completer_folder), source="many", output="done")
    assert "generated" in out and (tmp_path / "done" / "a.tif").exists()


def test_abstaining_leaves_holes_without_data(removed, tmp_path):
    code, out, _ = removed("--abstain", "--provenance", str(tmp_path / "p.tif"))
    assert code == 0 and "left without data" in out and set(read(tmp_path / "p.tif").ravel()) == {0, 1, 2}


@pytest.mark.parametrize("other", ["--abstain", "--no-inpaint"])
def test_a_model_that_is_not_to_fill_is_refused(removed, completer_folder, other):
    code, out, error = removed("--inpaint-model", str(completer_folder), other)
    assert (code, out) == (1, "") and error.count("\n") == 1 and other in error


def test_a_model_of_the_wrong_kind_is_refused_in_one_line(removed, completer_folder, model_folder, tmp_path):
    code, _, error = removed("--inpaint-model", str(model_folder))
    assert code == 1 and error.count("\n") == 1 and "--inpaint-model" in error
    code, _, error = removed("--model", str(completer_folder))
    assert code == 1 and error.count("\n") == 1 and "fills holes" in error


def test_a_negative_dilation_is_refused(removed):
    code, _, error = removed("--dilate=-1")
    assert code == 1 and "--dilate -1" in error
