"""`make figures`: the pictures of what was trained, by the commands that a user would type."""

import json
import shutil

import cv2
import numpy as np
import pytest
import tyro

from cloud_removal.cli import scenes
from docs import figures


def written(folder, names, seed):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for name in names:
        cv2.imwrite(str(folder / name), rng.integers(60, 160, (48, 64, 3), dtype=np.uint8))
    return str(folder)


@pytest.fixture(scope="module")
def model(model_folder, tmp_path_factory):
    return str(shutil.copytree(model_folder, tmp_path_factory.mktemp("models") / "restyled" / "1"))


@pytest.fixture
def nothing(tmp_path, monkeypatch):
    """Options that name no data and no runs."""
    monkeypatch.chdir(tmp_path)
    return [word for name in ("data", "cures", "systems", "scene") for word in (f"--{name}", f"no-{name}")]


def test_the_panel_of_a_style_is_drawn_from_the_model_and_pictures_that_are_named(nothing, model, tmp_path):
    kinds = [
        word
        for seed, kind in enumerate(("before", "after"))
        for word in (f"--{kind}", written(tmp_path / kind, ["x.png"], seed))
    ]
    assert figures.main([*nothing, "--style", model, *kinds]) == 0
    assert cv2.imread("figures/restyled_style.png").shape[1] // 256 == 4
    assert "straight lines" in json.loads((tmp_path / "figures" / "restyled_style.json").read_text())["means"]


def test_a_style_without_its_pictures_is_refused_in_one_line(nothing, model, tmp_path, capsys):
    assert figures.main([*nothing, "--style", model, "--before", "x"]) == 1
    assert "--after DIR" in capsys.readouterr().err and not (tmp_path / "figures").exists()


def test_pairs_are_drawn_with_each_further_model(nothing, model, tmp_path):
    for kind in ("cloud", "clear"):
        written(tmp_path / "real" / "pairs_rice1" / kind, ["x.png"], 0)
    # The bundled model is drawn too: a model of one's own stands in for it.
    assert figures.main([*nothing, "--data", "real", "--model", model, "--restorers", model]) == 0
    assert sorted(path.name for path in (tmp_path / "figures").glob("*.png")) == [
        "pairs_rice1.png",
        "restyled_pairs_rice1.png",
    ]


def test_the_pictures_of_the_table_of_systems_are_taken_over(nothing, tmp_path):
    written(tmp_path / "table", ["simulated.png"], 0)
    (tmp_path / "table" / "numbers.json").write_text("{}")
    assert figures.main([*nothing, "--systems", "table"]) == 0
    assert (tmp_path / "figures/systems/simulated.png").read_bytes() == (tmp_path / "table/simulated.png").read_bytes()


def test_the_command_of_the_sheets_of_scenes_can_be_typed(tmp_path):
    command = tyro.cli(scenes.Command, args=figures.scenes(tmp_path)[1:])
    assert command.check and command.run_dir == tmp_path
    drawn = {command.sheet, command.interpolation, command.neighbours}
    assert len(drawn) == 3 and {path.parent for path in drawn} == {figures.FIGURES}


def test_where_nothing_is_there_that_is_said(nothing, capsys):
    assert figures.main(nothing) == 1
    error = capsys.readouterr().err
    assert "left out: there is no no-scene" in error and "make figures DATA=DIR" in error
