"""Batches of two kinds of pictures that are not paired."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_removal.config import Augmentation, Data, Run
from cloud_removal.data.batches import open_sources
from cloud_removal.data.unpaired import make_unpaired, open_kinds, unpaired_batches
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError

SIZE = 24
STILL = Augmentation(scale=(1.0, 1.0), rotate=False, noise=(0.0, 0.0))


def dark(ground, rng):
    return ground * np.float32(rng.uniform(0.0, 0.1))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Seven dark pictures of 40 px, and three bright ones of 60 by 90 px."""
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for name, count, size, between in (("a", 7, (40, 40), (10, 90)), ("b", 3, (90, 60), (130, 250))):
        (root / name).mkdir()
        for number in range(count):
            small = random.integers(*between, (6, 6, 3), np.uint8)
            large = cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(str(root / name / f"{number}.png"), large)
    return root


@pytest.fixture(scope="module")
def run(folders):
    data = Data(a=(folders / "a",), b=(folders / "b",), validation_share=0.25)
    return Run(system="cyclegan", data=data, batch_size=3, size=SIZE, seed=7, augmentation=STILL)


def changed(run, **data):
    return dataclasses.replace(run, data=dataclasses.replace(run.data, **data))


def batch(run, split="training", index=0, worsen=dark):
    return make_unpaired(open_kinds(run, split, worsen), run, split, index)


@pytest.mark.parametrize("from_folders", [True, False])
def test_a_batch_is_the_same_whether_reached_or_begun_with(run, from_folders):
    run = run if from_folders else changed(run, a=(), b=())
    reached = next(iter(unpaired_batches(run, "training", 0, dark).skip(2)))
    begun = next(iter(unpaired_batches(run, "training", 2, dark)))
    for kind in ("a", "b"):
        np.testing.assert_array_equal(reached[kind], begun[kind], err_msg=kind)


@pytest.mark.parametrize("change", [{"seed": 8}, {"split": "validation"}, {"index": 1}])
def test_seed_split_and_number_each_make_another_batch(run, change):
    other = dataclasses.replace(run, seed=change.get("seed", run.seed))
    one, two = batch(run), batch(other, change.get("split", "training"), change.get("index", 0))
    assert all(np.abs(one[kind] - two[kind]).mean() > 0.01 for kind in one)


def test_the_dataset_states_shapes_and_types(run):
    spec = unpaired_batches(run, "training", 0, dark).element_spec
    assert {name: (tuple(tensor.shape), tensor.dtype.name) for name, tensor in spec.items()} == {
        "a": ((3, SIZE, SIZE, 3), "float32"),
        "b": ((3, SIZE, SIZE, 3), "float32"),
    }


def test_each_kind_comes_from_its_own_folders_in_its_own_colours(run):
    run = dataclasses.replace(run, augmentation=dataclasses.replace(STILL, gain=(0.5, 0.5), palette=1.0))
    found = batch(run)
    assert found["a"].min() >= 10 / 255 and found["a"].max() < 90 / 255
    assert found["b"].min() >= 130 / 255 and found["b"].max() < 250 / 255


def test_places_are_turned_and_zoomed_where_that_is_asked_for(run):
    still = batch(run)["a"]
    for augmentation in (dataclasses.replace(STILL, rotate=True), dataclasses.replace(STILL, scale=(0.5, 0.6))):
        assert np.abs(batch(dataclasses.replace(run, augmentation=augmentation))["a"] - still).max() > 0.01


def colours(run, split, kind):
    """All colours that eight batches of a split show: each picture of the folders has its own."""
    seen = np.concatenate([batch(run, split, index)[kind].reshape(-1, 3) for index in range(8)])
    return {tuple(colour) for colour in seen.tolist()}


@pytest.mark.parametrize("kind", ["a", "b"])
def test_training_and_validation_share_no_picture(run, kind):
    training, validation = (colours(run, split, kind) for split in ("training", "validation"))
    assert len(training) > len(validation) > 20 and not training & validation


def test_without_folders_a_is_clear_ground_made_worse_and_b_is_clear_ground(run):
    found = batch(changed(run, a=(), b=()))
    assert found["a"].max() <= 0.1 < found["b"].mean()


def test_without_folders_the_two_are_of_different_places(run):
    found = batch(changed(run, a=(), b=()), worsen=lambda ground, rng: ground)
    for one in found["a"]:
        assert min(np.abs(one - other).mean() for other in found["b"]) > 0.01


def test_sensor_noise_is_added_to_the_worse_ground_alone(run):
    without = changed(run, a=(), b=())
    noisy = dataclasses.replace(without, augmentation=dataclasses.replace(STILL, noise=(0.02, 0.02)))
    one, two = batch(without), batch(noisy)
    np.testing.assert_array_equal(one["b"], two["b"])
    assert 0.005 < np.abs(one["a"] - two["a"]).mean() < 0.03


@pytest.mark.parametrize(("given", "missing"), [("a", "b"), ("b", "a")])
def test_one_kind_without_the_other_is_refused(run, given, missing):
    with pytest.raises(OptionError, match=f"--data.{given} without --data.{missing}"):
        open_kinds(changed(run, **{missing: ()}), "training", dark)


def test_pairs_are_refused_with_the_folders_to_give_instead(run):
    with pytest.raises(OptionError, match="--data.a pairs/cloud --data.b pairs/clear"):
        open_kinds(changed(run, a=(), b=(), pairs=Path("pairs")), "training", dark)


@pytest.mark.parametrize("name", ["ground", "clouds"])
def test_data_that_would_not_be_used_is_refused(run, name):
    with pytest.raises(OptionError, match=f"--data.{name}: not used"):
        open_kinds(changed(run, **{name: (Path("x"),)}), "training", dark)


def test_a_folder_that_is_not_there_is_refused_by_its_option(run, tmp_path):
    with pytest.raises(InputError, match="check --data.b"):
        open_kinds(changed(run, b=(tmp_path / "none",)), "training", dark)


def test_an_empty_folder_is_refused_by_its_option(run, tmp_path):
    with pytest.raises(EmptyDatasetError, match="check --data.a"):
        open_kinds(changed(run, a=(tmp_path,)), "training", dark)


def test_systems_that_learn_from_one_kind_of_picture_refuse_two(run):
    with pytest.raises(OptionError, match="System unet does not learn from unpaired pictures"):
        open_sources(dataclasses.replace(run, system="unet"), "training")
