"""The command calibrate: what it writes into a card, what remove makes of it, what it says of real pairs."""

import json
import shutil

import cv2
import numpy as np
import pytest

from cloud_removal.cli import main
from cloud_removal.cli.calibrate import table
from cloud_removal.cli.remove import Command
from cloud_removal.config import Augmentation, Simulation, to_json
from tests.small_model import as_type, cloudy, read, write_raster

RECIPE = {"simulation": to_json(Simulation(brightness=(0.9, 1.0))), "augmentation": to_json(Augmentation()), "size": 48}


@pytest.fixture(scope="module")
def model(model_folder, tmp_path_factory):
    """A copy of the small model whose card says how it was trained."""
    folder = shutil.copytree(model_folder, tmp_path_factory.mktemp("models") / "own" / "1")
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | {"config": RECIPE}))
    return folder


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "meadows"
    folder.mkdir()
    for number in range(4):
        picture = 255 * cloudy(64, 64, number).transpose(1, 2, 0)
        cv2.imwrite(str(folder / f"{number}.png"), np.clip(0.6 * picture, 0, 255).astype(np.uint8))
    return folder


def calibrate(*words) -> int:
    return main(["calibrate", *map(str, words)])


@pytest.fixture(scope="module")
def calibrated(model, ground):
    """The card of the model after the command."""
    assert calibrate(model, "--ground", ground, "--no-inpaint", "--pictures", 120) == 0
    return json.loads((model / "model.json").read_text())


def test_the_card_says_of_each_class_how_wide_and_how_often_that_holds(calibrated):
    section = calibrated["uncertainty"]
    names = [row["name"] for row in section["classes"]]
    assert names[0] == "opacity to 0.15" and names[-1] == "generated under opaque cloud" and len(names) == 7
    assert any(row["factor"] for row in section["classes"]) and section["classes"][-1]["factor"] is None
    assert 0.8 <= section["covered"] <= 0.98  # Sixty pictures to calibrate on, sixty to check.
    assert section["simulated"]["ground"] == ["meadows"] and section["simulated"]["pictures"] == [60, 60]


def test_all_else_of_the_card_stays(calibrated, model_folder):
    before = json.loads((model_folder / "model.json").read_text())
    assert {name: value for name, value in calibrated.items() if name in before} == before


def test_remove_then_has_error_bars(calibrated, model, tmp_path):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(60, 70), "uint8"))
    words = ["--model", model, "--quiet", "--no-inpaint", "--uncertainty", tmp_path / "u.tif"]
    assert main(["remove", *map(str, [source, tmp_path / "out.tif", *words])]) == 0
    assert 0 < np.nanmax(read(tmp_path / "u.tif")) <= 255


def test_a_folder_gets_a_folder_of_error_bars(calibrated, model, tmp_path):
    (tmp_path / "in").mkdir()
    write_raster(tmp_path / "in" / "a.tif", as_type(cloudy(40, 50), "uint8"))
    places = [tmp_path / name for name in ("in", "out")]
    words = [*places, "--model", model, "--quiet", "--no-inpaint", "--uncertainty", tmp_path / "bars"]
    assert main(["remove", *map(str, words)]) == 0 and (tmp_path / "bars" / "a.tif").exists()


def test_abstain_takes_a_number(calibrated, model, tmp_path, capsys):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(60, 70), "uint8"))
    words = [source, tmp_path / "out.tif", "--model", model, "--quiet", "--no-inpaint", "--abstain", "0.5"]
    assert main(["remove", *map(str, words)]) == 0
    assert "left without data for their uncertainty" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "spelled"),
    [
        (["--abstain", "30"], ["--abstain-above", "30"]),
        (["--abstain=0.5"], ["--abstain-above=0.5"]),
        (["--abstain", "in.tif"], ["--abstain", "in.tif"]),
        (["--abstain"], ["--abstain"]),
        (["--abstain", "--abstain", "3e2"], ["--abstain", "--abstain-above", "3e2"]),
    ],
)
def test_abstain_with_a_number_is_another_option_to_the_parser(words, spelled):
    assert Command.spelled_out(words) == spelled


def test_pairs_are_compared_and_nothing_is_written(calibrated, model, tmp_path, capsys):
    for number in range(2):
        clear = np.clip(150 * cloudy(48, 48, number).transpose(1, 2, 0), 0, 255).astype(np.uint8)
        for name, picture in {"clear": clear, "cloud": clear // 2 + 115}.items():
            (tmp_path / name).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), picture)
    before = (model / "model.json").read_bytes()
    assert calibrate(model, "--pairs", tmp_path, "--only", "first:1", "--no-inpaint") == 0
    out = capsys.readouterr().out
    assert "on 1 pairs" in out and "all of the result" in out and "kept as they were" in out
    assert (model / "model.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--ground DIR"),
        (["--ground", "a", "--pairs", "b"], "--pairs DIR"),
        (["--ground", "a", "--pictures", "10"], "--pictures 10"),
        (["--ground", "a", "--only", "first:3"], "--only"),
        (["--ground", "there-is-none", "--no-inpaint"], "check --ground"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(model, words, told, capsys):
    before = (model / "model.json").read_bytes()
    assert calibrate(model, *words) == 1
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and (model / "model.json").read_bytes() == before


def test_a_model_that_does_not_say_how_it_was_trained_is_refused(model_folder, ground, capsys):
    assert calibrate(model_folder, "--ground", ground, "--no-inpaint") == 1
    assert "how the model was trained" in capsys.readouterr().err


def test_a_class_without_pixels_has_no_figures_in_the_table():
    nothing = {"covered": None, "half_width": None, "error": None}
    row = {"name": "guessed", "factor": None, "pixels": 0, "pictures": 0}
    assert table({"classes": [row | nothing], "accepted": []} | nothing).splitlines()[1].split() == [
        "guessed", "-", "-", "-", "0", "0",
    ]  # fmt: skip
