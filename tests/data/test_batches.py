"""Training batches."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_removal.config import Augmentation, Data, Run, Simulation
from cloud_removal.data.batches import make_batch, open_sources, read_layers, restoration_batches
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError

SIZE = 24
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ground, cloud layers and pairs, small and random."""
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for name in ("ground", "layers", "pairs/cloud", "pairs/clear"):
        (root / name).mkdir(parents=True)
        for number in range(4):
            small = random.integers(30, 220, (6, 6, 1 if name == "layers" else 3), np.uint8)
            cv2.imwrite(str(root / name / f"{number}.png"), cv2.resize(small, (40, 40)))
    return root


@pytest.fixture(scope="module")
def run(folder):
    data = Data(ground=(folder / "ground",), clouds=(folder / "layers",), pairs=folder / "pairs", validation_share=0.25)
    return Run(system="unet", data=data, batch_size=3, size=SIZE, seed=7)


def alone(run, **data):
    """The run with simulated pictures only."""
    return dataclasses.replace(run, data=dataclasses.replace(run.data, pairs=None, **data))


def test_a_batch_is_the_same_whether_reached_or_begun_with(run):
    reached = next(iter(restoration_batches(run, "training").skip(3)))
    begun = next(iter(restoration_batches(run, "training", first_batch=3)))
    for name in reached:
        np.testing.assert_array_equal(reached[name], begun[name], err_msg=name)


def test_a_batch_of_the_dataset_is_that_of_its_number(run):
    batch = next(iter(restoration_batches(run, "validation", first_batch=5)))
    alike = make_batch(open_sources(run, "validation"), run, "validation", 5)
    for name in alike:
        np.testing.assert_array_equal(batch[name], alike[name], err_msg=name)


@pytest.mark.parametrize("change", [{"seed": 8}, {"split": "validation"}, {"index": 1}])
def test_seed_split_and_number_each_make_another_batch(run, change):
    run = alone(run, validation_share=0.0)
    sources = open_sources(run, "training")
    first = make_batch(sources, run, "training", 0)
    changed = dataclasses.replace(run, seed=change.get("seed", run.seed))
    other = make_batch(sources, changed, change.get("split", "training"), change.get("index", 0))
    assert np.abs(first["aerial"] - other["aerial"]).mean() > 0.01


def test_the_dataset_states_shapes_and_types(run):
    spec = restoration_batches(run, "training").element_spec
    shapes = {name: (tuple(tensor.shape), tensor.dtype.name) for name, tensor in spec.items()}
    assert shapes == {
        "aerial": ((3, SIZE, SIZE, 3), "float32"),
        "opacity": ((3, SIZE, SIZE, 1), "float32"),
        "ground": ((3, SIZE, SIZE, 3), "float32"),
        "shadow": ((3, SIZE, SIZE, 1), "float32"),
        "known": ((3, 1, 1, 1), "float32"),
    }


def test_all_values_are_between_0_and_1(run):
    batch = make_batch(open_sources(run, "training"), run, "training", 0)
    assert all(values.min() >= 0.0 and values.max() <= 1.0 for values in batch.values())


def test_under_a_clear_sky_without_noise_the_picture_is_the_ground(run):
    clear = dataclasses.replace(
        alone(run), simulation=Simulation(kinds=(0, 0, 0, 1)), augmentation=Augmentation(noise=(0, 0))
    )
    batch = make_batch(open_sources(clear, "training"), clear, "training", 0)
    np.testing.assert_array_equal(batch["aerial"], batch["ground"])


def test_real_pairs_take_their_share_of_the_pictures_in_the_mean(run):
    sources = open_sources(run, "training")
    known = [make_batch(sources, run, "training", index)["known"].mean() for index in range(60)]
    assert np.mean(known) == pytest.approx(1 - run.data.pairs_share, abs=0.08)


def test_pairs_without_ground_fill_the_whole_batch(run):
    only = dataclasses.replace(run, data=dataclasses.replace(run.data, ground=()))
    assert make_batch(open_sources(only, "training"), only, "training", 0)["known"].max() == 0.0


def test_without_any_data_the_ground_is_procedural_and_that_is_said(capsys):
    run = Run(system="unet", size=16, batch_size=1)
    batch = make_batch(open_sources(run, "training"), run, "training", 0)
    assert batch["ground"].std() > 0.01 and "procedural ground" in capsys.readouterr().err


def test_procedural_ground_takes_its_share_beside_folders(run):
    def grounds(share):
        mixed = dataclasses.replace(alone(run, procedural=share), batch_size=16)
        return make_batch(open_sources(mixed, "training"), mixed, "training", 0)["ground"]

    folders, half, all_procedural = grounds(0.0), grounds(0.5), grounds(1.0)
    procedural = [np.array_equal(a, b) for a, b in zip(half, all_procedural, strict=True)]
    assert 3 <= sum(procedural) <= 13
    assert not any(np.array_equal(a, b) for a, b in zip(folders, all_procedural, strict=True))


def test_cloud_layers_are_read_as_they_were_written(folder):
    layers = read_layers([folder / "layers"])
    written = cv2.imread(str(folder / "layers" / "0.png"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(layers[0], written)


def test_a_folder_without_cloud_layers_is_refused(tmp_path):
    with pytest.raises(EmptyDatasetError, match=r"--data\.clouds"):
        read_layers([tmp_path])


def test_a_missing_folder_of_cloud_layers_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"--data\.clouds"):
        read_layers([tmp_path / "nowhere"])


def test_a_wrong_split_is_refused_with_the_right_ones(run):
    with pytest.raises(OptionError, match="training and validation"):
        open_sources(run, "test")


def test_a_program_ends_in_peace_while_batches_are_being_made():
    """It aborted or hung: the threads of tf.data called Python after its end."""
    program = """if True:
        from cloud_removal.config import Run
        from cloud_removal.data.batches import restoration_batches
        batches = iter(restoration_batches(Run(system="unet", size=16, batch_size=8), "validation"))
        next(batches)
    """
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=120, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
