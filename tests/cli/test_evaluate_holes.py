"""`evaluate --task inpaint` as a user calls it, with a small model over small pictures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_removal.cli import holes as command
from cloud_removal.cli import main

NAMES = ["a.png", "b.png", "c.png"]


@pytest.fixture(scope="module")
def model(completer_folder: Path) -> Path:
    return completer_folder


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ground")
    for seed, name in enumerate(NAMES):
        cv2.imwrite(str(folder / name), np.random.default_rng(seed).integers(60, 160, (48, 64, 3), dtype=np.uint8))
    return folder


@pytest.fixture(scope="module")
def report(model: Path, ground: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What --json and --panel write."""
    folder = tmp_path_factory.mktemp("reports")
    files = ["--json", str(folder / "scores.json"), "--panel", str(folder / "panel.png")]
    words = ["--task", "inpaint", "--ground", str(ground), "--model", str(model), "--peers", "--raw"]
    assert main(["evaluate", *words, *files]) == 0
    return json.loads((folder / "scores.json").read_text()) | {"panel": cv2.imread(str(folder / "panel.png"))}


def test_the_methods_stand_beside_one_another(report):
    wanted = ["truth", "mean colour", "Telea", "Navier-Stokes", "biharmonic", "network alone", "remove"]
    assert list(report["means"]) == wanted and report["model"] == "small/1"


def test_the_json_has_the_scores_of_each_picture(report):
    assert list(report["pictures"]["remove"]) == NAMES and report["means"]["truth"]["mae"] == 0.0


def test_files_that_exist_are_replaced_when_that_is_wanted(model, ground, tmp_path):
    scores = tmp_path / "scores.json"
    scores.write_bytes(b"mine")
    words = ["--ground", str(ground), "--model", str(model), "--only", "a", "--json", str(scores), "--overwrite"]
    assert main(["evaluate", "--task", "inpaint", *words]) == 0
    assert json.loads(scores.read_text())["only"] == ["a"]


def test_blending_brings_an_answer_that_is_too_bright_nearer_to_the_truth(report):
    assert report["means"]["remove"]["mae"] < report["means"]["network alone"]["mae"]


def test_the_panel_has_a_row_for_each_picture_and_a_column_for_each_method(report):
    height, width = report["panel"].shape[:2]
    assert (height // 256, width // 256) == (3, 8)


def test_the_clear_pictures_of_pairs_will_do(model, ground, tmp_path, capsys):
    (tmp_path / "clear").symlink_to(ground)
    assert main(["evaluate", "--task", "inpaint", "--pairs", str(tmp_path), "--model", str(model), "--only", "b"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "1 pictures" in out[0] and out[-1].startswith("remove")


def test_without_a_model_that_fills_holes_that_is_said(ground, monkeypatch, capsys):
    monkeypatch.setattr(command, "INPAINT", Path("there-is-none"))
    assert main(["evaluate", "--task", "inpaint", "--ground", str(ground)]) == 1
    assert "no bundled model that fills holes" in capsys.readouterr().err


def test_a_model_of_another_kind_is_refused_in_one_line(ground, model_folder, capsys):
    assert main(["evaluate", "--task", "inpaint", "--ground", str(ground), "--model", str(model_folder)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "--model" in error and "takes clouds off" in error


@pytest.mark.parametrize("words", [["--ground", "x"], ["--task", "inpaint", "--simulated", "x"], ["--task", "inpaint"]])
def test_a_folder_that_does_not_go_with_the_task_is_refused(words, capsys):
    assert main(["evaluate", *words]) == 1
    assert "--task inpaint --ground DIR" in capsys.readouterr().err


def test_a_folder_without_pictures_is_refused(tmp_path, model, capsys):
    assert main(["evaluate", "--task", "inpaint", "--ground", str(tmp_path), "--model", str(model)]) == 1
    assert "--ground expects" in capsys.readouterr().err
