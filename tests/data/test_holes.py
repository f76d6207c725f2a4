"""Batches of ground with holes."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_removal.config import Data, Run
from cloud_removal.data.clear import ground_sources, make_clear
from cloud_removal.data.holes import completion_batches, make_completion, make_holes
from cloud_removal.data.masks import MASKS
from cloud_removal.errors import OptionError

SIZE = 32


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ground")
    random = np.random.default_rng(0)
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(random.integers(30, 220, (6, 6, 3), np.uint8), (48, 48)))
    return Run(system="inpaint", data=Data(ground=(folder,), validation_share=0.3), batch_size=3, size=SIZE, seed=7)


def test_a_batch_is_the_same_whether_reached_or_begun_with(run):
    reached = next(iter(completion_batches(run, "training").skip(3)))
    begun = next(iter(completion_batches(run, "training", first_batch=3)))
    for name in reached:
        np.testing.assert_array_equal(reached[name], begun[name], err_msg=name)


@pytest.mark.parametrize("mask", MASKS)
def test_a_batch_of_the_dataset_is_that_of_its_number(run, mask):
    batch = next(iter(completion_batches(run, "validation", 5, mask, soft_edge=True)))
    alike = make_completion(ground_sources(run, "validation"), run, "validation", 5, mask, soft_edge=True)
    for name in alike:
        np.testing.assert_array_equal(batch[name], alike[name], err_msg=name)


@pytest.mark.parametrize("change", [{"seed": 8}, {"split": "validation"}, {"index": 1}])
def test_seed_split_and_number_each_make_other_holes(run, change):
    sources = ground_sources(run, "training")
    first = make_completion(sources, run, "training", 0)
    changed = dataclasses.replace(run, seed=change.get("seed", run.seed))
    other = make_completion(sources, changed, change.get("split", "training"), change.get("index", 0))
    assert all(np.any(first[name] != other[name]) for name in first)


def test_holes_are_whole_numbers_until_tensorflow_takes_them_over(run):
    hard, soft = (make_holes(run, "training", 0, soft_edge=edge)["hole"] for edge in (False, True))
    assert (hard.dtype, soft.dtype) == (np.uint8, np.float32) and set(np.unique(hard)) == {0, 1}


def test_the_share_of_procedural_ground_is_that_asked_for(run):
    mixed = dataclasses.replace(run, data=dataclasses.replace(run.data, procedural=1.0))
    drawn = make_completion(ground_sources(mixed, "training"), mixed, "training", 0)["ground"]
    folder = make_completion(ground_sources(run, "training"), run, "training", 0)["ground"]
    assert not np.array_equal(drawn, folder)
    np.testing.assert_array_equal(drawn, make_clear(ground_sources(mixed, "training"), mixed, "training", 0)["ground"])


def test_the_ground_does_not_depend_on_the_holes(run):
    sources = ground_sources(run, "training")
    poly, cloud = (make_completion(sources, run, "training", 0, mask) for mask in ("poly", "cloud"))
    np.testing.assert_array_equal(poly["ground"], cloud["ground"])


def test_pictures_of_a_batch_have_holes_of_their_own(run):
    batch = make_completion(ground_sources(run, "training"), run, "training", 0)
    assert np.any(batch["hole"][0] != batch["hole"][1])


def test_the_dataset_states_shapes_and_types(run):
    spec = completion_batches(run, "training").element_spec
    shapes = {name: (tuple(tensor.shape), tensor.dtype.name) for name, tensor in spec.items()}
    assert shapes == {
        "ground": ((3, SIZE, SIZE, 3), "float32"),
        "hole": ((3, SIZE, SIZE, 1), "float32"),
        "window": ((3, 2), "float32"),
        "other": ((3, 2), "float32"),
    }


def test_the_other_window_is_anywhere_in_the_picture(run):
    sources = ground_sources(run, "training")
    others = np.concatenate([make_completion(sources, run, "training", index)["other"] for index in range(60)])
    assert set(np.unique(others)) == set(range(SIZE // 2 + 1))


def test_the_sides_of_boxes_can_be_asked_for(run):
    batch = make_completion(ground_sources(run, "training"), run, "training", 0, "box", box_sides=(0.25, 0.25))
    np.testing.assert_array_equal(batch["hole"].sum(axis=(1, 2, 3)), [64.0] * 3)


def test_pairs_are_refused_with_their_clear_pictures_as_the_way_out(run):
    pairs = dataclasses.replace(run, data=dataclasses.replace(run.data, pairs=Path("somewhere")))
    with pytest.raises(OptionError, match=r"--data\.ground somewhere/clear"):
        completion_batches(pairs, "training")


def test_an_unknown_mask_is_refused_before_any_batch_is_made(run):
    with pytest.raises(OptionError, match="there are poly"):
        completion_batches(run, "training", mask="star")
