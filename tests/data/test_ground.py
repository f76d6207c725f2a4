"""Ground to cut training pictures from."""

import cv2
import numpy as np
import pytest

from cloud_removal.data import ground
from cloud_removal.data.ground import Pictures, open_ground
from cloud_removal.data.tiles import Tone, cut
from cloud_removal.errors import EmptyDatasetError, InputError


def flat(value, side=32):
    return np.full((side, side, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Two classes of twenty pictures; each picture is flat, with its own value."""
    for place, name in enumerate(("field", "wood")):
        (tmp_path / "in" / name).mkdir(parents=True)
        for number in range(20):
            cv2.imwrite(str(tmp_path / "in" / name / f"{number:02}.png"), flat(100 * place + number))
    return tmp_path / "in"


def values(source):
    """Every value that a source can show."""
    rng = np.random.default_rng(0)
    return {int(source.crop(index, rng, 16)[0, 0, 0]) for index in range(len(source))}


def test_training_and_validation_share_no_picture(folder):
    training, validation = (values(open_ground([folder], (), 0.1, split)) for split in ("training", "validation"))
    assert not training & validation


def test_the_validation_part_is_the_end_of_each_folder(folder):
    assert values(open_ground([folder], (), 0.1, "validation")) == {18, 19, 118, 119}


def test_held_out_sub_folders_are_in_no_split(folder):
    seen = values(open_ground([folder], ("wood",), 0.1)) | values(open_ground([folder], ("wood",), 0.1, "validation"))
    assert seen == set(range(20))


def test_a_tile_store_has_the_same_splits_as_the_folder_it_was_cut_from(folder, tmp_path):
    cut(folder, tmp_path / "store", 32)
    assert values(open_ground([tmp_path / "store"], ("wood",), 0.1, "validation")) == {18, 19}


def test_folders_and_tile_stores_are_read_together(folder, tmp_path):
    cut(folder / "wood", tmp_path / "both" / "store", 32)
    cv2.imwrite(str(tmp_path / "both" / "a.png"), flat(200))
    cv2.imwrite(str(tmp_path / "both" / "b.png"), flat(201))
    assert values(open_ground([tmp_path / "both"], (), 0.0)) == {*range(100, 120), 200}


@pytest.mark.parametrize(("height", "share", "kept"), [
    (100, 0.05, 25), (100, 0.4, 40), (3000, 0.05, 256), (3000, 0.1, 300), (1, 0.05, 1),
])  # fmt: skip
def test_of_the_only_picture_a_quarter_or_enough_rows_for_whole_scenes_are_kept_for_validation(
    tmp_path, height, share, kept
):
    rows = np.arange(height) % 250
    cv2.imwrite(str(tmp_path / "a.png"), np.broadcast_to(rows.astype(np.uint8)[:, None, None], (height, 40, 3)))
    training, validation = (
        open_ground([tmp_path], (), share, split).pictures[0] for split in ("training", "validation")
    )
    assert len(validation) == kept and len(training) == max(height - kept, 1)
    assert validation[0, 0, 0] == rows[-kept]


def test_pictures_beyond_the_memory_limit_are_mapped_with_the_same_content(folder, monkeypatch):
    monkeypatch.setattr(ground, "IN_MEMORY", 10 * 32 * 32 * 3)
    assert values(open_ground([folder], (), 0.0)) == {*range(20), *range(100, 119)}


def test_a_large_picture_counts_as_many_places():
    assert len(Pictures([flat(0, 512), flat(0, 64)])) == 5


def test_a_crop_of_a_large_picture_is_a_square_of_its_pixels():
    picture = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    crop = Pictures([picture]).crop(0, np.random.default_rng(1), 8)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (8, 8), axis=(0, 1))
    assert (windows == np.moveaxis(crop, -1, 0)).all(axis=(2, 3, 4)).any()


def test_a_crop_twice_the_picture_shows_others_of_its_folder_only():
    source = Pictures([flat(1), flat(2), flat(3)], groups=[0, 0, 1])
    assert set(np.unique(source.crop(0, np.random.default_rng(0), 128))) == {1, 2}


def test_a_folder_without_pictures_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(EmptyDatasetError, match=r"--data\.ground"):
        open_ground([tmp_path])


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        open_ground([tmp_path / "nowhere"])


def test_a_single_picture_can_be_named_instead_of_a_folder(tmp_path):
    path = tmp_path / "scene.png"
    cv2.imwrite(str(path), np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None, None], (100, 80, 3)))
    source = open_ground([path], validation_share=0.4, split="validation")
    assert source.crop(0, np.random.default_rng(0), 40).min() == 60


def test_each_of_several_sources_keeps_the_root_it_displays(folder, tmp_path):
    cut(folder, tmp_path / "root", 32, tone=Tone(gain=0.0001, offset=0.9, gamma=2.0))
    joined, rng = open_ground([folder, tmp_path / "root"]), np.random.default_rng(0)
    shown = {(joined.crop(index, rng, 16).mean() > 200, joined.gamma(index)) for index in range(len(joined))}
    assert shown == {(True, 2.0), (False, 1.0)}
