"""Several dates of a scene: cloudy pixels from the clearest, in the scene's brightness, alike in all windows."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from cloud_removal.inference.blocks import partial_folder
from cloud_removal.inference.dates.composite import composite
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from tests.dated_scenes import HEIGHT, LEFT, MIDDLE, RIGHT, WIDTH, cloud, dated, ground, seen
from tests.small_model import read

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "geotiff"
SETTINGS = Settings(window=64, scale=30000.0)


@pytest.fixture
def removed(tmp_path, model):
    """Result (3, H, W), provenance (H, W) and summary of a scene with other dates."""

    def run(source, *dates, settings: Settings = SETTINGS, name: str = "out.tif", **options):
        options = {"overwrite": True, "cloud": tmp_path / "c.tif", "provenance": tmp_path / "p.tif"} | options
        summary = remove(source, tmp_path / name, model, settings, other_dates=dates, **options)
        return read(tmp_path / name), read(tmp_path / "p.tif")[0], summary

    return run


@pytest.fixture
def composed(tmp_path, model):
    """Result, provenance and opacity of a composite of dates."""

    def run(*dates, settings: Settings = SETTINGS, **options):
        options = {"overwrite": True, "cloud": tmp_path / "c.tif", "provenance": tmp_path / "p.tif"} | options
        composite(dates, tmp_path / "out.tif", model, settings, **options)
        return read(tmp_path / "out.tif"), read(tmp_path / "p.tif")[0], read(tmp_path / "c.tif")[0]

    return run


# What is taken


def test_cloudy_pixels_come_from_the_other_date_in_the_brightness_of_the_first(tmp_path, removed, reference, other):
    values, codes, summary = removed(reference, other)
    deep = (codes == 3) & (cloud(LEFT) > 0.8)
    truth = np.round(ground() * 30000)
    assert deep.sum() > 1000 and np.abs(values - truth)[:, deep].max() <= 30
    assert not ((codes != 3) & (cloud(LEFT) > 0.5)).any()
    assert summary.pixels[3] == (codes == 3).sum() and "taken from other dates" in summary.line()


def test_what_is_clear_stays_bit_by_bit_whatever_other_dates_hold(removed, reference, other):
    values, codes, _ = removed(reference, other)
    _, before, _ = removed(reference)
    assert (codes[before == 1] == 1).all() and (values[:, before == 1] == read(reference)[:, before == 1]).all()


def test_without_a_cloud_no_date_is_asked(tmp_path, removed, other):
    clear = dated(tmp_path / "clear.tif", seen(np.zeros((HEIGHT, WIDTH))))
    values, codes, _ = removed(clear, other)
    assert (codes == 1).all() and values.tobytes() == read(clear).tobytes()


def test_what_is_cloudy_on_all_dates_is_treated_as_without_them(tmp_path, removed, reference):
    both = dated(tmp_path / "both.tif", seen(cloud(LEFT, radius=16), 1.2))
    _, codes, _ = removed(reference, both)
    _, before, _ = removed(reference)
    inner, edge = cloud(LEFT, radius=16) > 0.9, (cloud(LEFT) > 0.9) & (cloud(LEFT, radius=16) == 0)
    assert (codes[inner] == before[inner]).all() and (before[inner] == 4).all() and (codes[edge] == 3).all()


def test_opaque_cloud_that_no_date_clears_is_inpainted_or_left(tmp_path, removed, reference):
    both = dated(tmp_path / "both.tif", seen(cloud(LEFT, radius=16), 1.2))
    _, codes, _ = removed(reference, both, settings=dataclasses.replace(SETTINGS, abstain=True, dilate=0))
    assert (codes == 3).any() and (codes[cloud(LEFT, radius=16) > 0.9] == 0).all() and not (codes == 4).any()


def test_no_data_of_another_date_is_never_taken(tmp_path, removed):
    values = seen(cloud(RIGHT), 1.2)
    values[:, 50:70], values[1, 40:45] = 0, 0
    other = dated(tmp_path / "other.tif", values, nodata=0)
    reference = dated(tmp_path / "reference.tif", seen(cloud(LEFT)), nodata=0)
    _, codes, _ = removed(reference, other)
    assert not (codes[50:70] == 3).any() and not (codes[40:45] == 3).any() and (codes[72:80] == 3).any()


def test_no_data_of_the_reference_stays_none(tmp_path, removed, other):
    values = seen(cloud(LEFT))
    values[:, 50:70] = 0
    found, codes, _ = removed(dated(tmp_path / "reference.tif", values, nodata=0), other)
    assert (found[:, 50:70] == 0).all() and (codes[50:70] == 0).all() and (codes == 3).any()


def test_thin_cloud_below_a_threshold_is_taken_off_instead(removed, reference, other):
    _, codes, _ = removed(reference, other, settings=dataclasses.replace(SETTINGS, date_above=0.5))
    found = read(reference.with_name("c.tif"))[0]
    assert (found[codes == 3] > 0.5).all() and (codes[(found > 0.06) & (found < 0.5)] == 2).all()


def test_the_opacity_stays_that_of_the_input(tmp_path, removed, reference, other):
    removed(reference)
    before = read(tmp_path / "c.tif")
    removed(reference, other)
    np.testing.assert_array_equal(read(tmp_path / "c.tif"), before)


def test_the_provenance_names_the_other_dates(tmp_path, removed, reference, other):
    removed(reference, other)
    with rasterio.open(tmp_path / "p.tif") as codes:
        assert "other.tif" in codes.tags()["PROVENANCE_3"]
    removed(reference)
    with rasterio.open(tmp_path / "p.tif") as codes:
        assert "PROVENANCE_3" not in codes.tags()


def test_dates_without_ground_clear_on_both_are_said_to_be_unmatched(tmp_path, removed, reference):
    said: list[str] = []
    values = np.zeros((3, HEIGHT, WIDTH), np.uint16)
    values[:, 50:70, 30:50] = seen(np.zeros((HEIGHT, WIDTH)), 1.2)[:, 50:70, 30:50]
    other = dated(tmp_path / "other.tif", values, nodata=0)
    found, codes, _ = removed(reference, other, say=said.append)
    assert any("other.tif" in line and "as it is" in line for line in said)
    assert np.abs(found[:, codes == 3] - values[:, codes == 3].astype(int)).max() <= 1


def test_where_hardly_anything_is_clear_brightness_is_matched_under_traces_of_cloud(tmp_path, removed):
    """Only a corner of the reference is clear, and there the other date is dark, as nowhere else."""
    veil = np.full((HEIGHT, WIDTH), 0.41)
    veil[:10, :10] = 0.0
    reference = dated(tmp_path / "reference.tif", seen(np.maximum(veil, cloud(LEFT))))
    values = seen(np.zeros((HEIGHT, WIDTH)), 1.2)
    values[:, :10, :10] //= 4
    other = dated(tmp_path / "other.tif", values)
    settings = dataclasses.replace(SETTINGS, keep_below=0.06)
    found, codes, _ = removed(reference, other, settings=settings)
    opacity = read(tmp_path / "c.tif")[0]
    assert (opacity <= 0.06).mean() < 0.1 < (opacity <= 0.26).mean()
    deep, edge = (codes == 3) & (cloud(LEFT) == 1), (codes == 2) & (opacity < 0.2)
    assert deep.sum() > 1000 and found[:, deep].mean() == pytest.approx(found[:, edge].mean(), rel=0.1)


def test_a_date_whose_ground_changed_is_taken_under_thicker_cloud_only(tmp_path, removed):
    said: list[str] = []
    grounds = np.random.default_rng(0).uniform(0.0, 0.35, (2, 3, HEIGHT, WIDTH))
    reference, other = (
        dated(tmp_path / name, seen(cloud(place), truth=truth))
        for name, place, truth in zip(("reference.tif", "other.tif"), (LEFT, RIGHT), grounds, strict=True)
    )
    _, codes, _ = removed(reference, other, say=said.append)
    opacity = read(tmp_path / "c.tif")[0]
    line = next(line for line in said if "other.tif: looks different" in line)
    above = float(line.split("over ")[1].split(",")[0])
    assert 0.2 < above < 0.7 and (opacity[codes == 3] > above - 0.01).all()
    assert ((codes == 2) & (opacity > 0.16) & (opacity < above - 0.01)).any() and (codes == 3).any()


# Other grids


@pytest.mark.parametrize("grid", [Affine(10, 0, 500035, 0, -10, 4099965), Affine(5, 0, 499900, 0, -5, 4100100)])
def test_a_date_of_another_grid_is_laid_over_the_scene(tmp_path, removed, reference, grid):
    shape = (300, 400) if grid.a == 5 else (130, 160)
    other = dated(tmp_path / "other.tif", seen(np.zeros(shape), 1.2, 0.03, ground(*shape, grid)), transform=grid)
    values, codes, _ = removed(reference, other)
    deep = (codes == 3) & (cloud(LEFT) > 0.8)
    assert deep.sum() > 1000 and np.abs(values - np.round(ground() * 30000))[:, deep].max() <= 90


# All windows alike, and runs that were stopped


@pytest.mark.parametrize("window", [16, 40])
def test_dates_are_merged_alike_in_any_windows(tmp_path, removed, reference, other, window):
    third = dated(tmp_path / "third.tif", seen(np.maximum(cloud(LEFT, 14), cloud(MIDDLE, 40, 0.5)), 0.8))
    whole, codes, _ = removed(reference, other, third, settings=dataclasses.replace(SETTINGS, window=4096))
    tiled, tiled_codes, _ = removed(reference, other, third, settings=dataclasses.replace(SETTINGS, window=window))
    same = codes == tiled_codes
    assert same.mean() > 0.999 and (codes == 3).sum() > 2000
    assert np.abs(tiled.astype(int) - whole)[:, same].max() <= 2


class Stopped(KeyboardInterrupt):
    """Ctrl+C at a chosen place."""


@pytest.mark.parametrize("share", [0.3, 1.2, 2.2])
def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path, removed, reference, other, share):
    """Stopped in the scene's own windows, in those of the date, in the merging."""
    removed(reference, other, name="unbroken.tif")
    (tmp_path / "p.tif").unlink(), (tmp_path / "c.tif").unlink()
    done: list[int] = []

    def advance(pixels: int, total: int) -> None:
        done.append(pixels)
        if sum(done) > share * HEIGHT * WIDTH:
            raise Stopped

    with pytest.raises(Stopped):
        removed(reference, other, advance=advance, overwrite=False)
    assert len(list(partial_folder(tmp_path / "out.tif").glob("*.dated"))) == (2 if share > 2 else 0)
    removed(reference, other, overwrite=False)
    assert (tmp_path / "out.tif").read_bytes() == (tmp_path / "unbroken.tif").read_bytes()


def test_pictures_without_a_place_on_earth_are_merged_pixel_by_pixel(tmp_path, removed):
    nowhere = {"driver": "PNG", "crs": None, "transform": None}
    first = dated(tmp_path / "first.png", (seen(cloud(LEFT)) // 128).astype(np.uint8), **nowhere)
    other = dated(tmp_path / "other.png", (seen(cloud(RIGHT), 1.2, 0.03) // 128).astype(np.uint8), **nowhere)
    values, codes, _ = removed(first, other, settings=Settings(window=64), name="out.png")
    deep = (codes == 3) & (cloud(LEFT) == 1)
    assert deep.sum() > 1000 and np.abs(values - np.round(ground() * 30000) / 128)[:, deep].max() < 3


# Composites


def test_a_composite_takes_the_thinnest_cloud_and_takes_none_off(tmp_path, composed, reference, other):
    values, codes, left = composed(reference, other)
    deep = (codes == 3) & (cloud(LEFT) > 0.8)
    assert set(np.unique(codes)) == {1, 3} and deep.sum() > 1000
    assert np.abs(values - np.round(ground() * 30000))[:, deep].max() <= 30
    assert (values == read(reference))[:, codes == 1].all() and left[codes == 3].max() < 0.5


def test_what_is_cloudy_on_all_dates_of_a_composite_stays_cloudy_and_its_opacity_says_so(tmp_path, composed, reference):
    both = dated(tmp_path / "both.tif", seen(cloud(LEFT, radius=16), 1.2))
    values, codes, left = composed(reference, both)
    inner = cloud(LEFT, radius=16) > 0.9
    assert (codes[inner] == 1).all() and (left[inner] > 0.75).all()
    assert (values == read(reference))[:, inner].all()


def test_the_tags_of_a_composite_know_nothing_of_thin_cloud_removed(tmp_path, composed, reference, other):
    composed(reference, other)
    with rasterio.open(tmp_path / "p.tif") as codes:
        assert "PROVENANCE_2" not in codes.tags() and "thin" not in codes.tags()["PROVENANCE_3"]


# Real stacks


@pytest.mark.skipif(not DATA.exists(), reason="needs real GeoTIFFs beside the repository (../shared/data/geotiff)")
@pytest.mark.parametrize("stack", ["stack_p013r032", "stack_p014r032"])
def test_real_stacks_are_merged_by_the_rules(tmp_path, removed, stack):
    dates = sorted((DATA / stack).glob("*.tif"))
    reference, others = dates[-1], dates[:-1]
    settings = Settings(bands=(3, 2, 1), scale=20000.0, window=64, keep_below=0.3)
    values, codes, summary = removed(reference, *others, settings=settings)
    alone, before, _ = removed(reference, settings=settings)
    source = read(reference)
    assert ((codes == 0) == (before == 0)).all() and (values[:, codes == 0] == source[:, codes == 0]).all()
    assert (values[:, codes == 1] == source[:, codes == 1]).all() and (codes[before == 1] == 1).all()
    assert (values[3:] == source[3:]).all() and (codes == 3).any()
    assert (values != alone).any(axis=0)[codes == 3].any() and summary.areas is not None
