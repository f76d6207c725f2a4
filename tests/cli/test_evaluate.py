"""`evaluate` as a user calls it, with a tiny model over small pairs."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_removal.cli import main
from cloud_removal.config import Run
from cloud_removal.export import export
from cloud_removal.systems.unet import Options
from cloud_removal.training.environment import build

NAMES = ["a.png", "b.png", "c.png"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Run("unet", Options(width=2), precision="float32")
    return export(build(run), run, tmp_path_factory.mktemp("models") / "tiny", training={}, scores={})


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    for seed, name in enumerate(NAMES):
        clear = np.random.default_rng(seed).integers(0, 128, (40, 40, 3), dtype=np.uint8)
        for side, picture in {"clear": clear, "cloud": clear + np.uint8(100)}.items():
            (folder / side).mkdir(exist_ok=True)
            cv2.imwrite(str(folder / side / name), picture)
    return folder


@pytest.fixture(scope="module")
def report(model: Path, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What --json and --panel write."""
    folder = tmp_path_factory.mktemp("reports")
    files = ["--json", str(folder / "scores.json"), "--panel", str(folder / "panel.png")]
    assert main(["evaluate", "--pairs", str(pairs), "--model", str(model), "--peers", "--raw", *files]) == 0
    return json.loads((folder / "scores.json").read_text()) | {"panel": cv2.imread(str(folder / "panel.png"))}


def test_doing_nothing_stands_beside_the_model(model, pairs, capsys):
    main(["evaluate", "--pairs", str(pairs), "--model", str(model), "--only", "a"])
    rows = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == ["do nothing"] * 3 + ["remove"] * 3


def test_peers_and_the_network_alone_are_judged_when_asked_for(report):
    assert list(report["means"]) == ["do nothing", "dark channel", "un-veil", "mask + Telea", "network alone", "remove"]


def test_scores_of_doing_nothing_are_those_of_the_cloudy_pictures(report):
    assert report["means"]["do nothing"]["whole"]["mae"] == pytest.approx(100.0)


def test_the_json_has_the_scores_of_each_picture(report):
    assert list(report["pictures"]["remove"]) == NAMES


def test_a_place_that_a_picture_does_not_have_is_empty_in_the_json(report):
    assert report["pictures"]["remove"]["a.png"]["outside"] == {}


def test_the_panel_has_a_row_for_each_picture_and_a_column_for_each_method(report):
    height, width = report["panel"].shape[:2]
    assert (height // 256, width // 256) == (3, 8)


def test_simulated_haze_is_judged_like_pairs(model, pairs, tmp_path, capsys):
    main(["evaluate", "--simulated", str(pairs / "clear"), "--model", str(model), "--only", "last:1"])
    assert capsys.readouterr().out.splitlines()[-3].split()[-1] == "1"


@pytest.mark.parametrize("words", [[], ["--pairs", "x", "--simulated", "y"]])
def test_exactly_one_kind_of_data_is_asked_for(words, capsys):
    assert main(["evaluate", *words]) == 1
    assert capsys.readouterr().err.startswith("error: Give --pairs DIR")


def test_a_result_that_could_not_be_written_is_refused_before_the_work(pairs, tmp_path, capsys):
    assert main(["evaluate", "--pairs", str(pairs), "--json", str(tmp_path / "none" / "scores.json")]) == 1
    assert "there is no folder" in capsys.readouterr().err


def test_a_panel_of_another_kind_is_refused(pairs, capsys):
    assert main(["evaluate", "--pairs", str(pairs), "--panel", "panel.jpg"]) == 1
    assert ".png" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["evaluate", "--pairs", str(tmp_path / "none")]) == 1
    assert "none/cloud" in capsys.readouterr().err


def test_what_is_scored_is_what_remove_writes(model, pairs, tmp_path):
    from cloud_removal.inference.model import Model
    from cloud_removal.inference.picture import restore_picture

    cloudy = pairs / "cloud" / "a.png"
    assert main(["remove", str(cloudy), str(tmp_path / "clear.png"), "--model", str(model), "--quiet"]) == 0
    restored, _ = restore_picture(Model.load(model), cv2.imread(str(cloudy))[..., ::-1].copy())
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "clear.png"))[..., ::-1], restored)


@pytest.mark.parametrize(("option", "name"), [("--json", "scores.json"), ("--panel", "panel.png")])
@pytest.mark.parametrize("words", [["--pairs", "."], ["--task", "inpaint", "--ground", "."]])
def test_a_file_that_exists_is_refused_before_any_work(tmp_path, capsys, words, option, name):
    (tmp_path / name).write_bytes(b"mine")
    assert main(["evaluate", *words, "--model", str(tmp_path / "none"), option, str(tmp_path / name)]) == 1
    shown = capsys.readouterr()
    told = "exists already. Choose another name, or add --overwrite to replace it."
    assert (shown.out, shown.err) == ("", f"error: {tmp_path / name} {told}\n")
    assert (tmp_path / name).read_bytes() == b"mine"


def test_a_file_that_exists_is_replaced_when_that_is_wanted(model, pairs, tmp_path):
    scores, panel = tmp_path / "scores.json", tmp_path / "panel.png"
    scores.write_bytes(b"mine")
    panel.write_bytes(b"mine")
    words = ["--model", str(model), "--only", "a", "--json", str(scores), "--panel", str(panel), "--overwrite"]
    assert main(["evaluate", "--pairs", str(pairs), *words]) == 0
    assert json.loads(scores.read_text())["only"] == ["a"] and cv2.imread(str(panel)) is not None


def test_one_name_for_both_files_is_refused(pairs, tmp_path, capsys):
    both = str(tmp_path / "both.png")
    assert main(["evaluate", "--pairs", str(pairs), "--json", both, "--panel", both]) == 1
    assert "a name of its own" in capsys.readouterr().err


@pytest.mark.parametrize("rows", ["0", "-2"])
def test_a_panel_without_rows_is_refused_before_anything_is_judged(tmp_path, pairs, model, capsys, rows):
    words = ["--panel", str(tmp_path / "panel.png"), f"--panel-rows={rows}"]
    assert main(["evaluate", "--pairs", str(pairs), "--model", str(model), *words]) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1) and f"--panel-rows {rows}" in shown.err


def test_a_folder_as_json_file_is_refused_before_anything_is_judged(tmp_path, pairs, model, capsys):
    assert main(["evaluate", "--pairs", str(pairs), "--model", str(model), "--json", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and "is a folder" in shown.err
