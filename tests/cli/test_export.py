"""`export` as a user calls it, on a run folder with a checkpoint of a tiny U-Net."""

import contextlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.cli import main
from cloud_removal.cli.export import Command, continued, data_in_words, recorded_commands
from cloud_removal.config import Data, Run
from cloud_removal.errors import InputError, ModelError
from cloud_removal.systems import enlightengan
from cloud_removal.systems.unet import Options
from cloud_removal.training.checkpoint import save, variables
from cloud_removal.training.environment import build
from cloud_removal.training.run_folder import CHECKPOINTS, begin


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As training leaves it after 20 steps in 7.4 seconds."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    run = Run("unet", Options(width=2), run_dir=folder, batch_size=3, precision="float32")
    system = build(run)
    begin(run, 0, "python train_defog.py")
    begin(run, 10, "python train_defog.py --steps 20")
    save(folder / CHECKPOINTS, variables(system, tf.Variable(20, dtype=tf.int64)), 20, 7.4)
    (folder / "curves.png").write_bytes(b"curves")
    return folder


@pytest.fixture(scope="module")
def model(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "defog"
    scores = folder.with_name("rice.json")
    scores.write_text(json.dumps({"means": {"remove": 24.0}, "pictures": {"a": 1}}))
    words = ["--command", "make it", "--licence", "public domain", "--scores", str(scores)]
    assert main(["export", str(run_dir), str(folder), *words]) == 0
    return folder / "1"


@pytest.fixture(scope="module")
def printed(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `export` without options prints last: the folder."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main(["export", str(run_dir), str(tmp_path_factory.mktemp("models") / "plain")])
    return out.getvalue().splitlines()[-1]


def card(model: Path) -> dict:
    return json.loads((model / "model.json").read_text())


def test_export_prints_the_folder_it_wrote(printed):
    assert (Path(printed) / "saved_model.pb").exists() and printed.endswith("plain/1")


def test_the_card_sums_steps_time_and_images(model):
    training = card(model)["training"]
    assert (training["steps"], training["seconds"], training["images"]) == (20, 7, 60)


def test_the_card_has_the_command_and_the_licence_given(model):
    training = card(model)["training"]
    assert (training["command"], training["licence"]) == ("make it", "public domain")


def test_scores_go_into_the_card_without_those_of_single_pictures(model):
    assert card(model)["scores"] == {"rice": {"means": {"remove": 24.0}}}


def test_the_curves_of_the_run_lie_beside_the_card(model):
    assert (model / "curves.png").read_bytes() == b"curves"


@pytest.fixture(scope="module")
def again(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported model, exported once more under another name."""
    folder = tmp_path_factory.mktemp("models") / "again"
    assert main(["export", str(model.parent), str(folder), "--licence", "ours", "--keep-below", "0.2"]) == 0
    return folder / "1"


def test_a_model_folder_is_exported_with_its_own_weights(model, again):
    image = np.random.default_rng(0).random((1, 40, 50, 3), np.float32)
    one, two = (tf.saved_model.load(folder).signatures["serving_default"](image=image) for folder in (model, again))
    for name in ("ground", "opacity"):
        np.testing.assert_array_equal(one[name], two[name])


def test_a_model_folder_is_exported_with_its_own_card_but_for_what_is_given(model, again):
    old, new = card(model), card(again)
    assert {name for name in old if old[name] != new[name]} == {"name", "training", "thresholds"}
    assert new["training"] == {**old["training"], "licence": "ours"}
    assert new["thresholds"] == {"keep_below": 0.2, "opaque_above": 0.75}


def test_a_model_folder_with_other_weights_than_its_card_tells_of_is_refused(model, tmp_path, capsys):
    shutil.copytree(model, tmp_path / "odd" / "1")
    np.savez(tmp_path / "odd" / "1" / "weights.npz", kernel=np.zeros(3))
    assert main(["export", str(tmp_path / "odd"), str(tmp_path / "new")]) == 1
    assert "do not fit system unet" in capsys.readouterr().err


def test_error_bars_of_a_model_folder_are_taken_along_unless_its_thresholds_change(capsys):
    measured = {"thresholds": {"keep_below": 0.05, "opaque_above": 0.75}, "uncertainty": {"coverage": 0.9}}
    command = Command(Path("defog"), Path("mine"))
    assert command._uncertainty(measured, 0.05, 0.75) == {"coverage": 0.9} and capsys.readouterr().err == ""
    assert command._uncertainty(measured, 0.2, 0.75) is None and "calibrate" in capsys.readouterr().err
    assert command._uncertainty({}, 0.05, 0.75) is None and capsys.readouterr().err == ""


def test_commands_that_the_run_folder_names_go_into_the_card(printed):
    command = card(Path(printed))["training"]["command"]
    assert command == "python train_defog.py; then python train_defog.py --steps 20"


def test_a_folder_without_checkpoints_is_refused_in_one_line(tmp_path, capsys):
    assert main(["export", str(tmp_path), str(tmp_path / "defog")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_thresholds_the_wrong_way_round_are_refused(run_dir, tmp_path, capsys):
    assert main(["export", str(run_dir), str(tmp_path / "defog"), "--keep-below", "0.9"]) == 1
    assert "keep-below < opaque-above" in capsys.readouterr().err


def test_scores_that_are_no_json_are_refused(run_dir, tmp_path, capsys):
    (tmp_path / "scores.json").write_text("psnr 24")
    assert main(["export", str(run_dir), str(tmp_path / "defog"), "--scores", str(tmp_path / "scores.json")]) == 1
    assert "evaluate --json" in capsys.readouterr().err


def test_training_that_went_on_from_a_model_counts_that_ones_too(tmp_path):
    (tmp_path / "defog" / "2").mkdir(parents=True)
    before = {"steps": 5, "seconds": 10, "images": 40}
    (tmp_path / "defog" / "2" / "model.json").write_text(json.dumps({"training": before}))
    facts = continued({"steps": 1, "seconds": 2, "images": 8}, tmp_path / "defog")
    assert (facts["steps"], facts["seconds"], facts["began_from"]["training"]) == (6, 12, before)


def test_training_that_went_on_from_a_bundled_model_names_it_without_its_place_on_this_machine():
    facts = continued({"steps": 1, "seconds": 2, "images": 8}, Path("defog"))
    assert facts["began_from"]["folder"].startswith("defog/") and facts["steps"] > 1


def test_data_is_named_in_words_by_default():
    words = data_in_words(Data(ground=(Path("fields"),), hold_out=("golf",)), "clouds: simulated")
    assert words == ["ground: fields", "clouds: simulated", "not trained on: golf"]


def test_a_run_without_data_was_trained_on_procedural_ground():
    assert data_in_words(Data(), "darkness: simulated") == ["ground: procedural", "darkness: simulated"]


def test_the_card_says_that_clouds_were_simulated(printed):
    assert card(Path(printed))["training"]["data"] == ["ground: procedural", "clouds: simulated"]


@pytest.mark.parametrize(("attention", "made"), [("darkness", "darkness"), ("luminance", "veils")])
def test_the_card_of_what_was_trained_on_no_clouds_says_what_else_was_simulated(attention, made):
    own = enlightengan.Options(width=1, discriminator_width=1, attention=attention)
    system = build(Run("enlightengan", own, size=32, precision="float32"))
    assert data_in_words(Data(), system.worsened) == ["ground: procedural", f"{made}: simulated"]


def test_commands_that_a_power_cut_damaged_are_said(tmp_path):
    (tmp_path / "commands.jsonl").write_text('{"command": "a"}\n{"comm')
    with pytest.raises(InputError, match="--command"):
        recorded_commands(tmp_path)


@pytest.mark.parametrize("card", ["", "{}", '{"training": null}'])
def test_a_damaged_card_of_what_a_run_began_from_is_said(tmp_path, card):
    (tmp_path / "model.json").write_text(card)
    with pytest.raises(ModelError, match="is no model's card"):
        continued({"steps": 1, "seconds": 1, "images": 1}, tmp_path)


def test_what_fills_holes_was_trained_on_no_clouds():
    words = data_in_words(Data(ground=(Path("fields"),), clouds=(Path("layers"),)), worsened="")
    assert words == ["ground: fields"]


def test_what_was_trained_on_two_kinds_of_pictures_names_the_folders_of_both():
    data = Data(a=(Path("before"),), b=(Path("after"),))
    assert data_in_words(data, "clouds: simulated") == ["a: before", "b: after"]
