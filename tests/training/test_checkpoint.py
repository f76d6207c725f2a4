"""Checkpoints hold every variable, are proved on restore, and outlive damage."""

import resource

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.errors import CheckpointError, OutputError
from cloud_removal.training import saves
from cloud_removal.training.checkpoint import MismatchError, read_values, restore, restore_run, save, variables
from cloud_removal.training.environment import build


@pytest.fixture
def found(tiny):
    """The variables of a tiny system."""
    return variables(build(tiny(ema=0.9)), counter())


def counter():
    return tf.Variable(0, dtype=tf.int64, trainable=False)


def quiet(line):
    pass


def saved_thrice(folder, found):
    for step in (1, 2, 3):
        found["step"].assign(step)
        save(folder, found, step, 10.0 * step)


def data_file(folder, step):
    return next(folder.glob(f"ckpt-{step}.data-*"))


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "path",
    [
        "step",
        "networks/net/net/first/kernel",
        "networks/net/net/norm/moving_mean",
        "networks/net/seed_generator/seed_generator_state",
        "optimizers/net/adam/iteration",
        "optimizers/net/adam/net_last_bias_velocity",
        "optimizers/net/adam/net_last_bias_average",
        "state/pool",
    ],
)
def test_a_checkpoint_holds(path, found, tmp_path):
    assert path in read_values(save(tmp_path, found, 1, 0.0))


def test_the_loss_scale_of_mixed_float16_is_in_the_checkpoint(tiny, tmp_path):
    found = variables(build(tiny(precision="mixed_float16")), counter())
    assert "optimizers/net/loss_scale_optimizer/dynamic_scale" in read_values(save(tmp_path, found, 1, 0.0))


def test_paths_do_not_depend_on_what_was_built_before(tiny):
    first = variables(build(tiny()), counter())
    assert list(variables(build(tiny()), counter())) == list(first)


def test_restoring_gives_back_every_bit(found, tmp_path):
    before = {path: v.numpy() for path, v in found.items()}
    save(tmp_path, found, 1, 0.0)
    for v in found.values():
        v.assign(tf.ones_like(v.value if isinstance(v, keras.Variable) else v))
    restore(saves.newest(tmp_path, quiet), found)
    assert all(np.array_equal(before[path], v.numpy()) for path, v in found.items())


def test_tensorflow_finds_the_latest_checkpoint(found, tmp_path):
    saved_thrice(tmp_path, found)
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "ckpt-3")


def test_the_last_three_checkpoints_are_kept(found, tmp_path):
    for step in range(1, 6):
        save(tmp_path, found, step, 0.0)
    assert sorted(path.stem for path in tmp_path.glob("*.index")) == ["ckpt-3", "ckpt-4", "ckpt-5"]


def test_two_variables_of_one_path_are_refused(tiny):
    with pytest.raises(CheckpointError, match="are called networks/net/net/first/kernel"):
        variables(build(tiny(last="first")), counter())


def test_a_variable_missing_in_the_checkpoint_is_refused(found, tmp_path):
    save(tmp_path, {path: v for path, v in found.items() if path != "state/pool"}, 1, 0.0)
    with pytest.raises(MismatchError, match="it has no state/pool"):
        restore(saves.newest(tmp_path, quiet), found)


def test_a_variable_left_over_in_the_checkpoint_is_refused(found, tmp_path):
    save(tmp_path, found, 1, 0.0)
    del found["state/pool"]
    with pytest.raises(MismatchError, match="this run has no state/pool"):
        restore(saves.newest(tmp_path, quiet), found)


def test_nothing_is_restored_where_a_shape_differs(tiny, found, tmp_path):
    save(tmp_path, found, 1, 0.0)
    wider = variables(build(tiny(ema=0.9, width=3, seed=5)), counter())
    before = wider["networks/net/net/last/bias"].numpy()
    with pytest.raises(MismatchError, match=r"has shape \(2,\) in it, \(3,\)"):
        restore(saves.newest(tmp_path, quiet), wider)
    np.testing.assert_array_equal(before, wider["networks/net/net/last/bias"].numpy())


def test_a_name_with_dots_and_slashes_comes_back(tmp_path):
    names = {"a.b/c": tf.Variable(1.0), "a/.S/b..c": tf.Variable(2.0)}
    assert read_values(save(tmp_path, names, 1, 0.0)) == {"a.b/c": 1.0, "a/.S/b..c": 2.0}


@pytest.mark.parametrize("damage", [flip_a_bit, lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_the_checkpoint_before_a_damaged_one_is_used(damage, found, tmp_path):
    saved_thrice(tmp_path, found)
    damage(data_file(tmp_path, 3))
    assert saves.newest(tmp_path, quiet).step == 2


def test_a_damaged_checkpoint_is_said(found, tmp_path):
    saved_thrice(tmp_path, found)
    flip_a_bit(tmp_path / "ckpt-3.index")
    told = []
    saves.newest(tmp_path, told.append)
    assert told == [
        f"The checkpoint {tmp_path / 'ckpt-3'} is damaged (its checksums differ); the one before it counts."
    ]


def test_a_damaged_card_counts_as_damage(found, tmp_path):
    saved_thrice(tmp_path, found)
    (tmp_path / "ckpt-3.json").write_text('{"step": 3')
    assert saves.newest(tmp_path, quiet).step == 2


def test_where_no_checkpoint_is_intact_nothing_is_guessed(found, tmp_path):
    saved_thrice(tmp_path, found)
    for step in (1, 2, 3):
        flip_a_bit(data_file(tmp_path, step))
    with pytest.raises(CheckpointError, match=r"No checkpoint in .* is intact"):
        saves.newest(tmp_path, quiet)


def test_a_save_that_was_killed_does_not_count(found, tmp_path):
    saved_thrice(tmp_path, found)
    (tmp_path / "ckpt-3.json").unlink()
    assert saves.newest(tmp_path, quiet).step == 2


def test_a_first_save_that_was_killed_is_no_checkpoint(found, tmp_path):
    save(tmp_path, found, 1, 0.0)
    (tmp_path / "ckpt-1.json").unlink()
    assert saves.newest(tmp_path, quiet) is None


def test_leftovers_are_removed_and_the_latest_is_what_is_gone_on_from(found, tmp_path):
    saved_thrice(tmp_path, found)
    (tmp_path / "ckpt-4_temp").mkdir()
    (tmp_path / "ckpt-4_temp" / "part-0").write_text("half")
    (tmp_path / ".ckpt-4.json.partial").write_text("half")
    saves.discard_after(tmp_path, 2)
    names = sorted(path.name.split(".")[0] for path in tmp_path.iterdir())
    assert set(names) == {"checkpoint", "ckpt-1", "ckpt-2"}
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("ckpt-2")


def test_a_folder_that_cannot_be_written_is_said(found, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="checkpoint of step 7 cannot be written"):
        save(tmp_path / "file" / "checkpoints", found, 7, 0.0)


@pytest.fixture
def full_disk():
    """No file may grow beyond 100 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_and_leaves_the_checkpoint_before(found, tmp_path, request):
    save(tmp_path, found, 1, 0.0)
    request.getfixturevalue("full_disk")
    with pytest.raises(OutputError, match="make room there"):
        save(tmp_path, found, 2, 0.0)
    assert saves.newest(tmp_path, quiet).step == 1


def test_a_run_folder_is_restored_as_a_system(tiny, train):
    train(tiny(steps=2))
    run, system, saved = restore_run(tiny().run_dir, quiet)
    stored = read_values(saved.prefix)["networks/net/net/last/bias"]
    assert (run.steps, saved.step) == (2, 2)
    np.testing.assert_array_equal(stored, system.networks["net"].stages[3].bias.numpy())


def test_a_folder_without_checkpoints_is_no_run(tmp_path):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        restore_run(tmp_path, quiet)
