"""What a run does, leaves behind and says."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from cloud_removal import model_folder, plots, systems
from cloud_removal.errors import CheckpointError, DivergedError, ModelError, OutputError
from cloud_removal.training import saves
from cloud_removal.training.averages import averaged_weights
from cloud_removal.training.checkpoint import MismatchError, network_weights, read_values, restore_run
from cloud_removal.training.environment import build


def lines(run):
    return [json.loads(line) for line in (run.run_dir / "log.jsonl").read_text().splitlines()]


def values(run, step):
    return read_values(run.run_dir / "checkpoints" / f"ckpt-{step}")


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[path], other[path]) for path in one)


def quiet(line):
    pass


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_run_in_two_stretches_ends_as_one_in_one(precision, tiny, train, tmp_path):
    whole = tiny(precision=precision, ema=0.9, schedule="cosine", warmup=2, checkpoint_every=2)
    halves = dataclasses.replace(whole, run_dir=tmp_path / "halves")
    train(whole)
    train(halves)
    saves.discard_after(halves.run_dir / "checkpoints", 2)
    train(halves)
    assert same(values(whole, 4), values(halves, 4))


def test_the_log_has_a_line_for_each_logged_step(tiny, train):
    train(tiny(steps=5, log_every=2))
    assert [line["step"] for line in lines(tiny())] == [2, 4, 5]


def test_a_run_that_ends_before_its_first_logged_step_has_a_line_too(tiny, train):
    train(tiny(minutes=1e-9, log_every=10))
    assert [line["step"] for line in lines(tiny())] == [1]


def test_a_line_of_the_log_names_losses_and_speed(tiny, train):
    train(tiny(steps=1))
    expected = {"step", "time", "ground", "gradient_norm", "images_per_second", "data_wait", "learning_rate", "seconds"}
    assert set(lines(tiny())[0]) == expected


def test_lines_after_the_restored_step_are_cut(tiny, train):
    train(tiny(checkpoint_every=2))
    saves.discard_after(tiny().run_dir / "checkpoints", 2)
    train(tiny(checkpoint_every=2))
    assert [line["step"] for line in lines(tiny())] == [1, 2, 3, 4]


def test_a_torn_line_of_the_log_is_cut(tiny, train):
    train(tiny(steps=2))
    with open(tiny().run_dir / "log.jsonl", "a") as file:
        file.write('{"step": 3, "ti')
    train(tiny(steps=3))
    assert [line["step"] for line in lines(tiny())] == [1, 2, 3]


def test_tensorboard_shows_each_step_once_after_a_resume(tiny, train):
    train(tiny(checkpoint_every=2))
    saves.discard_after(tiny().run_dir / "checkpoints", 2)
    train(tiny(checkpoint_every=2))
    board = EventAccumulator(str(tiny().run_dir / "tensorboard")).Reload()
    assert [event.step for event in board.Tensors("ground")] == [1, 2, 3, 4]


def test_a_finished_run_says_so_and_exits_with_0(tiny, train):
    train(tiny())
    code, told = train(tiny())
    assert code == 0 and "Nothing left to do" in told


def test_the_time_allowed_is_over_all_stretches(tiny, train):
    train(tiny(steps=2))
    code, told = train(tiny(minutes=1e-9))
    assert code == 0 and "has 2 steps" in told


def test_a_run_out_of_time_saves_and_exits_with_0(tiny, train):
    code, _ = train(tiny(minutes=1e-9))
    assert code == 0 and saves.newest(tiny().run_dir / "checkpoints", quiet).step == 1


def test_a_changed_learning_rate_is_said(tiny, train):
    train(tiny(steps=1))
    _, told = train(tiny(learning_rate=2e-4))
    assert "Changed: --learning-rate was 0.0001, now 0.0002." in told


def test_a_changed_learning_rate_is_taken_over(tiny, train):
    train(tiny(steps=1))
    train(tiny(steps=2, learning_rate=2e-4))
    assert values(tiny(), 2)["optimizers/net/adam/learning_rate"] == np.float32(2e-4)


def test_a_changed_width_is_refused_with_both_values(tiny, train):
    train(tiny())
    with pytest.raises(MismatchError, match="--width was 2, now 3"):
        train(tiny(width=3))


def test_a_refused_run_changes_nothing_on_the_disk(tiny, train):
    train(tiny())
    before = {path: path.read_bytes() for path in tiny().run_dir.rglob("*") if path.is_file()}
    with pytest.raises(MismatchError):
        train(tiny(width=3))
    assert before == {path: path.read_bytes() for path in tiny().run_dir.rglob("*") if path.is_file()}


def test_averages_asked_for_later_are_refused_with_both_values(tiny, train):
    train(tiny())
    with pytest.raises(MismatchError, match=r"--ema was None, now 0.9"):
        train(tiny(ema=0.9))


def test_another_system_in_the_run_folder_is_named(tiny):
    from cloud_removal.training.resume import check_same_system

    with pytest.raises(CheckpointError, match="holds a run of system unet, but system tiny"):
        check_same_system(dataclasses.replace(tiny(), system="unet"), tiny())


def test_a_loss_that_is_no_number_is_named_with_its_step(tiny, train):
    with pytest.raises(DivergedError, match="in step 3 the loss 'ground' is not a finite number"):
        train(tiny(steps=9, poison=3, log_every=5))


def test_a_scalar_that_some_steps_are_without_is_no_divergence(tiny, train, monkeypatch):
    monkeypatch.setattr(systems.find("tiny"), "sometimes", ("ground",))
    train(tiny(steps=4, poison=3))
    assert [line["ground"] is None for line in lines(tiny())] == [False, False, True, False]


def test_a_run_that_reaches_an_aim_of_its_own_ends_at_the_next_logged_step_and_says_so(tiny, train):
    code, told = train(tiny(steps=9, aim=3, log_every=2))
    assert code == 0 and "Saved step 4" in told and "The aim is reached." in told
    _, told = train(tiny(steps=9, aim=3, log_every=2))
    assert "Nothing left to do" in told and "The aim is reached." in told


def test_the_last_good_checkpoint_outlives_divergence(tiny, train):
    with pytest.raises(DivergedError):
        train(tiny(steps=9, poison=3, checkpoint_every=2))
    assert saves.newest(tiny().run_dir / "checkpoints", quiet).step == 2


def test_weights_that_are_no_numbers_are_never_saved(tiny, train):
    with pytest.raises(DivergedError, match="weight of 'net'"):
        train(tiny(steps=1, learning_rate=1e39))
    assert saves.newest(tiny().run_dir / "checkpoints", quiet) is None


def test_the_learning_rate_rises_and_falls_with_the_step(tiny, train):
    train(tiny(steps=6, warmup=2, schedule="cosine", learning_rate=1.0, clip_norm=1e-9))
    rates = [line["learning_rate"] for line in lines(tiny())]
    cosine = [0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * share)) for share in (0, 0.25, 0.5, 0.75)]
    np.testing.assert_allclose(rates, [0.5, 1.0, *cosine], rtol=1e-5)


def test_linear_decay_holds_the_learning_rate_for_half_of_the_steps_and_then_falls_towards_zero(tiny, train):
    train(tiny(steps=8, schedule="linear", learning_rate=1.0, clip_norm=1e-9))
    rates = [line["learning_rate"] for line in lines(tiny())]
    np.testing.assert_allclose(rates, [1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25], rtol=1e-5)


def test_a_sample_grid_is_written_at_the_end(tiny, train):
    train(tiny(steps=3))
    assert [path.name for path in (tiny().run_dir / "samples").iterdir()] == ["00000003.png"]


def test_curves_are_written_at_the_end(tiny, train):
    train(tiny(), plots.curves)
    assert (tiny().run_dir / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_starts_from_the_weights_of_another(tiny, train, tmp_path):
    train(tiny())
    train(tiny(run_dir=tmp_path / "next", init=tiny().run_dir, steps=1, learning_rate=1e-30))
    path = "networks/net/net/first/kernel"
    np.testing.assert_array_equal(values(tiny(run_dir=tmp_path / "next"), 1)[path], values(tiny(), 4)[path])


def test_a_run_starts_from_the_averages_where_the_other_kept_them(tiny, train, tmp_path):
    train(tiny(ema=0.9))
    train(tiny(run_dir=tmp_path / "next", init=tiny().run_dir, steps=1, learning_rate=1e-30))
    average = values(tiny(), 4)["optimizers/net/adam/net_first_kernel_average"]
    started = values(tiny(run_dir=tmp_path / "next"), 1)["networks/net/net/first/kernel"]
    np.testing.assert_array_equal(started, average)


def test_a_run_starts_from_the_highest_version_of_a_model_folder(tiny, train, tmp_path):
    weights = {path: v.numpy() for path, v in network_weights(build(tiny(seed=8))).items()}
    for version, factor in (("2", 0.0), ("10", 1.0)):
        (tmp_path / "model" / version).mkdir(parents=True)
        np.savez(tmp_path / "model" / version / "weights.npz", **{path: factor * v for path, v in weights.items()})
    train(tiny(init=tmp_path / "model", steps=1, learning_rate=1e-30))
    np.testing.assert_array_equal(values(tiny(), 1)["networks/net/net/last/kernel"], weights["net/net/last/kernel"])


def test_a_run_starts_from_a_bundled_model_by_its_name(tiny, train, tmp_path, monkeypatch):
    weights = {path: v.numpy() for path, v in network_weights(build(tiny(seed=8))).items()}
    (tmp_path / "bundled" / "tidy" / "1").mkdir(parents=True)
    np.savez(tmp_path / "bundled" / "tidy" / "1" / "weights.npz", **weights)
    monkeypatch.setattr(model_folder, "BUNDLED", tmp_path / "bundled")
    train(tiny(init=Path("tidy"), steps=1, learning_rate=1e-30))
    np.testing.assert_array_equal(values(tiny(), 1)["networks/net/net/last/kernel"], weights["net/net/last/kernel"])


def test_weights_of_another_width_are_refused(tiny, train, tmp_path):
    train(tiny())
    with pytest.raises(ModelError, match=r"first/kernel has shape \(3, 3, 3, 2\) in it, \(3, 3, 3, 4\) in this run"):
        train(tiny(run_dir=tmp_path / "next", init=tiny().run_dir, width=4))


def test_with_init_partly_the_weights_that_fit_are_taken_and_the_others_named(tiny, train, tmp_path):
    train(tiny())
    wider = tiny(run_dir=tmp_path / "next", init=tiny().run_dir, init_partly=True, width=4, learning_rate=1e-30)
    _, told = train(wider)
    path = "networks/net/net/last/bias"
    np.testing.assert_array_equal(values(wider, 4)[path], values(tiny(), 4)[path])
    assert "net/net/first/kernel" in told


def test_a_model_folder_that_is_not_there_is_named(tiny, train, tmp_path):
    with pytest.raises(ModelError, match=r"--init .*nowhere.* Bundled: .*--run-dir"):
        train(tiny(init=tmp_path / "nowhere"))
    assert not tiny().run_dir.exists()


def test_a_run_folder_that_cannot_be_written_is_said(tiny, train, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"--run-dir .* cannot be written"):
        train(tiny(run_dir=tmp_path / "file" / "run"))


def test_the_averages_are_seen_and_the_weights_come_back(tiny, train):
    train(tiny(ema=0.9))
    _, system, saved = restore_run(tiny().run_dir, quiet)
    stored = read_values(saved.prefix)
    kernel = system.networks["net"].stages[0].kernel
    with averaged_weights(system):
        np.testing.assert_array_equal(kernel, stored["optimizers/net/adam/net_first_kernel_average"])
    np.testing.assert_array_equal(kernel, stored["networks/net/net/first/kernel"])


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(tiny, train):
    train(tiny(checkpoint_every=1))
    (tiny().run_dir / "checkpoints" / "ckpt-4.index").write_bytes(b"")
    _, told = train(tiny(steps=5))
    assert "ckpt-4 is damaged" in told and "Going on from step 3" in told


def test_after_a_damaged_checkpoint_tensorflow_finds_a_whole_one(tiny, train):
    train(tiny(checkpoint_every=1))
    folder = tiny().run_dir / "checkpoints"
    (folder / "ckpt-4.index").write_bytes(b"")
    train(tiny(steps=5))
    assert tf.train.latest_checkpoint(str(folder)) == str(folder / "ckpt-5")
