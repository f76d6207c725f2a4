"""`evaluate --task style` as a user calls it, with a small model over small pictures."""

import json

import cv2
import numpy as np
import pytest

from cloud_removal.cli import main
from cloud_removal.data.decode import read_rgb
from cloud_removal.evaluation.edges import edge_correlation
from cloud_removal.inference.model import Model
from cloud_removal.inference.picture import restore_picture

NAMES = ["a.png", "b.png", "c.png"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """(pictures to be translated, others that are as they should look): other sizes, another number."""
    made = []
    for kind, names, side, low in (("before", NAMES, 64, 60), ("after", NAMES[:2], 48, 90)):
        folder = tmp_path_factory.mktemp(kind)
        for seed, name in enumerate(names):
            small = np.random.default_rng(seed).integers(low, low + 90, (side // 8, 8, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / name), cv2.resize(small, (64, side), interpolation=cv2.INTER_NEAREST))
        made.append(folder)
    return made


@pytest.fixture(scope="module")
def words(model_folder, folders):
    before, after = folders
    said = ["evaluate", "--task", "style", "--model", str(model_folder)]
    return [*said, "--pictures", str(before), "--reference", str(after)]


@pytest.fixture(scope="module")
def report(words, tmp_path_factory):
    """What --json and --panel write."""
    made = tmp_path_factory.mktemp("reports")
    assert main([*words, "--peers", "--json", str(made / "s.json"), "--panel", str(made / "p.png")]) == 0
    return json.loads((made / "s.json").read_text()) | {"panel": cv2.imread(str(made / "p.png"))}


def test_the_model_stands_beside_nothing_done_and_straight_lines(report):
    assert list(report["means"]) == ["as it was", "straight lines", "translated"]
    before = report["means"]["as it was"]
    assert before["edges"] == pytest.approx(1.0) and before["change"] == 0.0
    assert report["means"]["straight lines"]["colours"] < 0.5 * before["colours"]


def test_the_scores_are_those_of_the_network_everywhere_worked_out_by_hand(report, folders, model_folder):
    model, pictures = Model.load(model_folder), {name: read_rgb(folders[0] / name) for name in NAMES}
    made = {name: restore_picture(model, picture, raw=True)[0] for name, picture in pictures.items()}
    edges = [edge_correlation(pictures[name], made[name]) for name in NAMES]
    assert 0.1 < np.mean(edges) < 0.999
    found = report["means"]["translated"]
    assert found["edges"] == pytest.approx(np.mean(edges), abs=1e-4)
    assert found["least_edges"] == pytest.approx(min(edges), abs=1e-4)
    changes = [np.abs(made[name].astype(float) - pictures[name]).mean() for name in NAMES]
    assert found["change"] == pytest.approx(np.mean(changes), abs=0.01)
    assert list(report["pictures"]["translated"]) == NAMES


def test_the_panel_has_a_row_for_each_picture_and_the_reference_beside_the_methods(report):
    height, width = report["panel"].shape[:2]
    assert (height // 256, width // 256) == (3, 4)


def test_the_table_says_what_it_is_of(words, folders, capsys):
    assert main([*words, "--only", "b"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("small/1 on") and "1 pictures; colours beside" in lines[0] and "halves are" in lines[0]
    assert lines[-1].startswith("translated") and lines[-1].endswith(" 1")


def test_edges_are_compared_without_a_reference_too(words, tmp_path):
    file = tmp_path / "s.json"
    assert main([*words[:-2], "--only", "b", "--json", str(file)]) == 0
    report = json.loads(file.read_text())
    assert report["reference"] is None and "colours" not in report["means"]["translated"]


def test_flat_pictures_have_no_edges_and_their_json_no_nan(words, tmp_path):
    cv2.imwrite(str(tmp_path / "flat.png"), np.full((48, 48, 3), 80, np.uint8))
    words = [*words[:5], "--pictures", str(tmp_path), "--json", str(tmp_path / "s.json")]
    assert main(words) == 0
    assert json.loads((tmp_path / "s.json").read_text())["pictures"]["as it was"]["flat.png"]["edges"] is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--raw"], "--raw: with --task style the network is judged alone anyhow"),
        (["--task", "inpaint"], "with --task style --pictures DIR"),
        (["--ground", "x"], "with --task style --pictures DIR"),
        (["--reference", "nowhere"], "No pictures in nowhere. --reference expects"),
        (["--pictures", "nowhere"], "No pictures in nowhere. --pictures expects"),
        (["--panel", "p.jpg"], "--panel p.jpg: expected a name that ends in .png"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(words, change, reason, capsys):
    assert main([*words, *change]) == 1
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1


def test_straight_lines_need_to_know_where_to(words, capsys):
    assert main([*words[:-2], "--peers"]) == 1
    assert "--reference DIR" in capsys.readouterr().err


def test_a_reference_without_a_style_to_judge_is_refused(tmp_path, capsys):
    assert main(["evaluate", "--pairs", str(tmp_path), "--reference", str(tmp_path)]) == 1
    assert "that goes with --task style" in capsys.readouterr().err


def test_a_translation_has_to_be_named_as_none_is_bundled(words, capsys):
    assert main([*words[:3], *words[5:]]) == 1
    assert "--model" in capsys.readouterr().err


def test_a_model_of_another_kind_is_refused(words, completer_folder, capsys):
    assert main([*words, "--model", str(completer_folder)]) == 1
    assert "this one fills holes" in capsys.readouterr().err


def test_a_table_that_exists_is_kept(words, tmp_path, capsys):
    (tmp_path / "s.json").write_text("mine")
    assert main([*words, "--json", str(tmp_path / "s.json")]) == 1
    assert (tmp_path / "s.json").read_text() == "mine" and "--overwrite" in capsys.readouterr().err
