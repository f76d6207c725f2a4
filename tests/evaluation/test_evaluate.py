"""Pairs are found, chosen and simulated as said; scores are means over pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_removal.data.pairs import names_of_pairs
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError
from cloud_removal.evaluation import evaluate
from cloud_removal.evaluation.evaluate import Pair, Restored

NAMES = ["01.png", "02.png", "03.png", "04.png"]


def noise(seed: int, side: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        write(tmp_path / "cloud" / name, noise(seed))
        write(tmp_path / "clear" / name, noise(seed + 10))
    return tmp_path


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    for name in NAMES:
        write(tmp_path / "ground" / name, noise(int(name[:2]), side=40))
    return tmp_path / "ground"


def test_names_are_those_on_both_sides(folder):
    assert names_of_pairs(folder) == NAMES


def test_a_name_on_one_side_only_is_an_error_that_names_the_missing_file(folder):
    (folder / "clear" / "03.png").unlink()
    with pytest.raises(InputError, match=r"clear/03\.png is missing"):
        names_of_pairs(folder)


def test_a_name_without_a_cloudy_side_is_an_error_too(folder):
    (folder / "cloud" / "03.png").unlink()
    with pytest.raises(InputError, match=r"cloud/03\.png is missing"):
        names_of_pairs(folder)


def test_a_folder_without_the_two_sides_is_refused(tmp_path):
    with pytest.raises(InputError, match="cloud/NAME and clear/NAME"):
        names_of_pairs(tmp_path)


def test_a_folder_without_pictures_is_refused(tmp_path):
    for side in ("cloud", "clear"):
        (tmp_path / side).mkdir()
    with pytest.raises(EmptyDatasetError, match="No pairs"):
        names_of_pairs(tmp_path)


def test_with_nothing_said_all_names_are_chosen():
    assert evaluate.chosen(NAMES, ()) == NAMES


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        (["first:2"], NAMES[:2]),
        (["last:1"], NAMES[-1:]),
        (["last:9"], NAMES),
        (["03", "01.png"], ["01.png", "03.png"]),
        (["first:1", "last:1"], ["01.png", "04.png"]),
    ],
)
def test_names_can_be_chosen_by_word_and_by_count(only, wanted):
    assert evaluate.chosen(NAMES, only) == wanted


@pytest.mark.parametrize("word", ["07", "middle:2", "last:0", "first:x"])
def test_a_choice_of_nothing_is_refused(word):
    with pytest.raises(OptionError, match=word):
        evaluate.chosen(NAMES, [word])


def test_pairs_are_read_in_rgb(folder):
    (pair,) = evaluate.read_pairs(folder, ["02.png"])
    np.testing.assert_array_equal(pair.clear, noise(11))


def test_a_pair_of_two_sizes_is_refused(folder):
    write(folder / "clear" / "02.png", noise(0, side=30))
    with pytest.raises(InputError, match=r"cloud/02.png is \(24, 24\)"):
        list(evaluate.read_pairs(folder, ["02.png"]))


def test_a_picture_too_small_for_the_window_of_ssim_is_refused(folder):
    for side in ("cloud", "clear"):
        write(folder / side / "02.png", noise(0, side=8))
    with pytest.raises(InputError, match="SSIM"):
        list(evaluate.read_pairs(folder, ["02.png"]))


def test_haze_over_a_picture_is_the_same_whichever_others_are_judged(ground):
    alone = next(evaluate.hazy_pairs(ground, ["03.png"]))
    among = list(evaluate.hazy_pairs(ground, NAMES))[2]
    np.testing.assert_array_equal(alone.cloudy, among.cloudy)


def test_haze_changes_from_picture_to_picture(ground):
    for name in NAMES:
        write(ground / name, noise(0, side=40))
    first, second, *_ = evaluate.hazy_pairs(ground, NAMES)
    assert (first.cloudy != second.cloudy).any()


def test_haze_takes_away_between_three_and_six_tenths_of_the_contrast(ground):
    kept = [pair.cloudy.std() / pair.clear.std() for pair in evaluate.hazy_pairs(ground, NAMES)]
    assert max(kept) < 0.75


def test_simulated_pairs_keep_the_ground_as_it_is(ground):
    (pair,) = evaluate.hazy_pairs(ground, ["01.png"])
    np.testing.assert_array_equal(pair.clear, noise(1, side=40))


def test_a_folder_without_ground_is_refused(tmp_path):
    with pytest.raises(EmptyDatasetError, match="--simulated"):
        evaluate.names_of_ground(tmp_path)


def test_each_method_is_scored_against_the_clear_picture():
    pair = Pair("a", noise(0), noise(1))
    (judged,) = evaluate.judge([pair], {"truth": lambda _: Restored(noise(1)), "nothing": Restored})
    assert judged.scores["truth"]["whole"]["mae"] == 0.0 < judged.scores["nothing"]["whole"]["mae"]


def scores(psnr: float, outside: bool = True) -> evaluate.Scores:
    here = dict.fromkeys(evaluate.metrics.MEASURES, 0.5) | {"psnr": psnr}
    return {"whole": here, "inside": here, "outside": here if outside else {}}


def test_a_mean_is_taken_over_pictures():
    assert evaluate.means([scores(20.0), scores(30.0)])["whole"]["psnr"] == 25.0


def test_a_picture_wholly_under_cloud_does_not_count_outside():
    outside = evaluate.means([scores(20.0), scores(30.0, outside=False)])["outside"]
    assert (outside["psnr"], outside["pictures"]) == (20.0, 1)


def test_what_no_picture_has_is_none():
    assert evaluate.means([scores(20.0, outside=False)])["outside"]["psnr"] is None


def test_a_measure_that_is_not_a_number_does_not_count():
    flat = scores(20.0)
    flat["whole"]["gradient_energy_ratio"] = float("nan")
    assert evaluate.means([flat, scores(30.0)])["whole"]["gradient_energy_ratio"] == pytest.approx(0.5)


def test_half_the_gradient_energy_and_double_it_make_one_in_the_mean():
    half, double = scores(20.0), scores(20.0)
    half["whole"]["gradient_energy_ratio"] = 0.5
    double["whole"]["gradient_energy_ratio"] = 2.0
    assert evaluate.means([half, double])["whole"]["gradient_energy_ratio"] == pytest.approx(1.0)


def test_the_table_has_a_row_for_each_method_and_place():
    lines = evaluate.table({"do nothing": evaluate.means([scores(20.0, outside=False)])}).splitlines()
    assert [line.split()[-1] for line in lines] == ["pictures", "1", "1", "0"]


def test_the_columns_of_the_table_stand_below_their_titles():
    title, *rows = evaluate.table({"do nothing": evaluate.means([scores(20.0), scores(30.0)])}).splitlines()
    assert {len(row) for row in rows} == {len(title)}
