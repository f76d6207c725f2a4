"""Other dates that are refused: in one line, before anything is written or replaced."""

import shutil

import pytest
from rasterio.transform import Affine

from cloud_removal.errors import CloudRemovalError, OutputError
from cloud_removal.inference.blocks import partial_folder
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from tests.dated_scenes import MIDDLE, RIGHT, cloud, dated, seen


@pytest.fixture
def removed(tmp_path, model):
    """Takes the clouds off a scene, given other dates."""

    def run(source, *dates, name="out.tif", **options):
        remove(source, tmp_path / name, model, Settings(window=64, scale=30000.0), other_dates=dates, **options)

    return run


def test_a_date_that_is_the_input_is_refused(tmp_path, removed, reference):
    shutil.copy(reference, tmp_path / "copy.tif")
    for same in (reference, tmp_path / "copy.tif"):
        with pytest.raises(CloudRemovalError, match="holds the same as"):
            removed(reference, same)
    assert not (tmp_path / "out.tif").exists() and not partial_folder(tmp_path / "out.tif").exists()


def test_a_date_given_twice_is_refused(removed, reference, other):
    with pytest.raises(CloudRemovalError, match="holds the same as"):
        removed(reference, other, other)


def test_a_date_of_elsewhere_is_refused_and_nothing_is_left(tmp_path, removed, reference):
    far = dated(tmp_path / "far.tif", seen(cloud(RIGHT)), transform=Affine(10, 0, 700000, 0, -10, 4100000))
    with pytest.raises(CloudRemovalError, match="does not overlap"):
        removed(reference, far)
    assert not (tmp_path / "out.tif").exists() and not partial_folder(tmp_path / "out.tif").exists()


def test_another_date_is_never_replaced_by_a_result(tmp_path, removed, reference, other):
    before = other.read_bytes()
    with pytest.raises(CloudRemovalError, match="never replaced"):
        removed(reference, other, name="other.tif", overwrite=True)
    with pytest.raises(CloudRemovalError, match="never replaced"):
        removed(reference, other, provenance=other, overwrite=True)
    assert other.read_bytes() == before


def test_an_unfinished_run_is_not_gone_on_with_by_other_dates(removed, reference, other):
    def stop(pixels: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        removed(reference, other, advance=stop)
    dated(other, seen(cloud(MIDDLE), 1.2))
    with pytest.raises(OutputError, match="other dates"):
        removed(reference, other)
