"""`scenes` as a user calls it, on a run folder with a checkpoint of a tiny generator."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal import plots
from cloud_removal.cli import main
from cloud_removal.config import Data, Run
from cloud_removal.export import export
from cloud_removal.systems import scene, unet
from cloud_removal.training.checkpoint import restore_run, save, variables
from cloud_removal.training.environment import build
from cloud_removal.training.run_folder import CHECKPOINTS, begin

SIZE, SMALL = 16, ["--judged", "20", "--bank", "30"]


def run_folder(folder: Path, run: Run) -> Path:
    """As training leaves it."""
    system = build(run)
    begin(run, 0, "python train_scene.py")
    save(folder / CHECKPOINTS, variables(system, tf.Variable(2, dtype=tf.int64)), 2, 1.0)
    return folder


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "scene"
    options = scene.Options(width=1, latent=5)
    return run_folder(folder, Run("scene", options, run_dir=folder, size=SIZE, batch_size=8, precision="float32"))


def read(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def cell(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    step = SIZE + plots.GAP
    return sheet[row * step : row * step + SIZE, column * step : column * step + SIZE]


def scenes(run_dir: Path, *words: object) -> int:
    return main(["scenes", str(run_dir), *map(str, words)])


def refused(capsys, *expected: str) -> bool:
    error = capsys.readouterr().err
    return error.startswith("error: ") and error.count("\n") == 1 and all(word in error for word in expected)


def test_a_sheet_has_as_many_pictures_as_asked_for_and_they_differ(run_dir, tmp_path, capsys):
    assert scenes(run_dir, "--sheet", tmp_path / "a.png", "--count", 11) == 0
    sheet = read(tmp_path / "a.png")
    assert sheet.shape == (2 * (SIZE + plots.GAP), 8 * (SIZE + plots.GAP), 3)
    assert len({cell(sheet, n // 8, n % 8).tobytes() for n in range(11)}) == 11
    assert np.all(cell(sheet, 1, 3) == 32) and capsys.readouterr().out == f"{tmp_path / 'a.png'}\n"


def test_the_pictures_are_those_of_the_exported_model(run_dir, tmp_path):
    from cloud_removal.data.latent import draw_noise

    scenes(run_dir, "--sheet", tmp_path / "a.png", "--count", 2, "--seed", 7)
    run, system, _ = restore_run(run_dir, print)
    folder = export(system, run, tmp_path / "model", training={}, scores={})
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    picture = serve(noise=tf.constant(draw_noise("uniform", 7, 2, 5)))["picture"][1]
    np.testing.assert_allclose(cell(read(tmp_path / "a.png"), 0, 1), np.round(255 * picture), atol=1)


def test_each_row_of_an_interpolation_ends_where_the_next_begins_and_changes_little_by_little(run_dir, tmp_path):
    assert scenes(run_dir, "--interpolation", tmp_path / "way.png", "--count", 16) == 0
    way = read(tmp_path / "way.png").astype(int)
    np.testing.assert_array_equal(cell(way, 0, 7), cell(way, 1, 0))
    steps = [np.abs(cell(way, 0, n + 1) - cell(way, 0, n)).mean() for n in range(7)]
    assert 0 < max(steps) < np.abs(cell(way, 0, 7) - cell(way, 0, 0)).mean()


def test_the_check_prints_a_table_and_what_follows(run_dir, tmp_path, capsys):
    words = ["--check", "--neighbours", tmp_path / "near.png", "--json", tmp_path / "scores.json", *SMALL]
    assert scenes(run_dir, *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9].strip() for line in lines[:4]] == ["pictures", "generated", "held out", "of traini"]
    values = json.loads((tmp_path / "scores.json").read_text())
    assert values["verdict"] == lines[5] and len(values["pictures"]["held out"]["distance"]) == 20
    assert values["means"]["generated"]["spread"] < 0.1 * values["means"]["held out"]["spread"]  # Untrained: all grey.
    assert read(tmp_path / "near.png").shape[1] == 4 * (SIZE + plots.GAP)


def test_the_check_says_how_many_places_were_held_out_and_claims_nothing_from_a_few(tmp_path, capsys):
    ground = tmp_path / "ground"
    ground.mkdir()
    for number in range(15):
        picture = np.random.default_rng(number).integers(0, 255, (SIZE, SIZE, 3), np.uint8)
        cv2.imwrite(str(ground / f"{number:02}.png"), picture)
    run = Run("scene", scene.Options(width=1, latent=5), Data(ground=(ground,), validation_share=0.2),
              run_dir=tmp_path / "run", size=SIZE, batch_size=8, precision="float32")  # fmt: skip
    assert scenes(run_folder(run.run_dir, run), "--check", "--json", tmp_path / "scores.json", *SMALL) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == "Places that the held-out pictures show: 3" and lines[5].startswith("Cannot tell copies")
    assert json.loads((tmp_path / "scores.json").read_text())["held_out_places"] == 3


def test_real_pictures_of_the_check_are_those_of_the_runs_data():
    run = Run("scene", scene.Options(width=1, latent=5), size=SIZE, batch_size=8, precision="float32")
    from cloud_removal.cli.scenes import real

    system = build(run)
    shown = np.concatenate(list(real(system, "training", 1, 11)))
    expected = np.concatenate([b["ground"].numpy() for b in system.batches("training", 1).take(2)])
    np.testing.assert_array_equal(shown, expected[:11])


def test_nothing_asked_for_is_said(run_dir, capsys):
    assert scenes(run_dir) == 1 and refused(capsys, "--sheet", "--interpolation", "--check")


def test_a_file_is_replaced_only_if_told(run_dir, tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(b"mine")
    assert scenes(run_dir, "--sheet", tmp_path / "a.png") == 1 and refused(capsys, "--overwrite")
    assert (tmp_path / "a.png").read_bytes() == b"mine"
    assert scenes(run_dir, "--sheet", tmp_path / "a.png", "--overwrite") == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--sheet", "a.jpg"], "--sheet a.jpg: expected a name that ends in .png"),
        (["--sheet", "missing/a.png"], "there is no folder missing"),
        (["--sheet", "a.png", "--interpolation", "a.png"], "--sheet and --interpolation are both a.png"),
        (["--sheet", "a.png", "--json", "a.json"], "--json a.json: that comes of --check"),
        (["--sheet", "a.png", "--count", "1"], "--count 1: expected 2 or more"),
        (["--check", "--judged", "5"], "--judged 5: expected 20 or more"),
        (["--check", "--bank", "0"], "--bank 0: expected 1 or more"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_work(run_dir, words, expected, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert scenes(run_dir, *words) == 1 and refused(capsys, expected)
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_another_system_is_refused(tmp_path, capsys):
    options = unet.Options(width=1)
    folder = run_folder(tmp_path / "run", Run("unet", options, run_dir=tmp_path / "run", precision="float32"))
    assert scenes(folder, "--sheet", tmp_path / "a.png") == 1 and refused(capsys, "system unet", "train_scene.py")


def test_a_folder_without_a_checkpoint_is_refused(tmp_path, capsys):
    assert scenes(tmp_path, "--sheet", tmp_path / "a.png") == 1 and refused(capsys, "holds no checkpoint")
