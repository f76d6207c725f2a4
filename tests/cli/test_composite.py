"""The command composite, and remove with other dates: options, what is printed, bad input."""

import numpy as np
import pytest

from cloud_removal.cli import main
from tests.dated_scenes import GRID, HEIGHT, LEFT, RIGHT, WIDTH, cloud, dated, seen
from tests.small_model import read


@pytest.fixture
def run(model_folder, capfd):
    """Runs a command with the small model; returns exit code, stdout and stderr."""

    def call(*words):
        capfd.readouterr()
        code = main([*map(str, words), "--model", str(model_folder), "--scale", "30000"])
        return (code, *capfd.readouterr())

    return call


@pytest.fixture
def dates(tmp_path):
    first = dated(tmp_path / "first.tif", seen(cloud(LEFT)))
    second = dated(tmp_path / "second.tif", seen(cloud(RIGHT), 1.2, 0.03))
    third = dated(tmp_path / "third.tif", seen(cloud((30, 75)), 0.9))
    return first, second, third


def test_composite_prints_one_line_and_writes_what_is_asked_for(tmp_path, run, dates):
    beside = ["--cloud", tmp_path / "c.tif", "--provenance", tmp_path / "p.tif"]
    code, out, _ = run("composite", tmp_path / "out.tif", *dates, *beside)
    assert code == 0 and out.count("\n") == 1 and "taken from other dates" in out and "km²" in out
    assert "thin cloud removed" not in out and "guessed" not in out
    codes = read(tmp_path / "p.tif")[0]
    assert set(np.unique(codes)) == {1, 3} and (codes == 3).sum() > 1000
    assert read(tmp_path / "out.tif").shape == (3, HEIGHT, WIDTH) and read(tmp_path / "c.tif")[0].max() < 0.5


def test_remove_takes_other_dates_one_option_each(tmp_path, run, dates):
    first, second, third = dates
    words = ["--other-date", second, "--other-date", third, "--provenance", tmp_path / "p.tif"]
    code, out, err = run("remove", first, tmp_path / "out.tif", *words)
    assert code == 0 and "taken from other dates" in out and "100%" in err
    assert (read(tmp_path / "p.tif") == 3).sum() > 1000


def test_a_threshold_for_other_dates_is_taken_over(tmp_path, run, dates):
    words = ["--other-date", dates[1], "--date-above", 1.0]
    assert run("remove", dates[0], tmp_path / "a.tif", *words)[0] == 0
    assert run("remove", dates[0], tmp_path / "b.tif")[0] == 0
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), read(tmp_path / "b.tif"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["composite", "{}/out.tif", "{}/first.tif"], "expected two dates or more"),
        (["composite", "{}/out.tif", "{}/first.tif", "{}/first.tif"], "holds the same as"),
        (["composite", "{}/out.tif", "{}/first.tif", "{}/none.tif"], "no file"),
        (["composite", "{}/second.tif", "{}/first.tif", "{}/second.tif", "--overwrite"], "never replaced"),
        (["remove", "{}/first.tif", "{}/out.tif", "--date-above", "0.4"], "without --other-date"),
        (["remove", "{}/first.tif", "{}/out.tif", "--other-date", "{}/second.tif", "--date-above", "4"], "above 4"),
        (["remove", "{}", "{}", "--other-date", "{}/second.tif"], "is a folder"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line(tmp_path, run, dates, words, message):
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    code, out, err = run(*(word.format(tmp_path) for word in words))
    assert code == 1 and out == "" and message in err and err.strip().count("\n") == 0
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_an_other_date_elsewhere_is_refused(tmp_path, run, dates):
    far = dated(tmp_path / "far.tif", seen(cloud(RIGHT)), transform=GRID @ type(GRID).translation(9000, 0))
    code, _, err = run("composite", tmp_path / "out.tif", dates[0], far)
    assert code == 1 and "does not overlap" in err and not (tmp_path / "out.tif").exists()
