"""What is measured of huge rasters: memory by size, the cost of a megapixel, what runs at the same time."""

import numpy as np
import pytest
import rasterio

from benchmarks import cost, huge, scenes
from benchmarks.cost import RASTER, WINDOWS, Spent, clocked
from benchmarks.stages import in_turn
from cloud_removal.inference.overlap import overlapped

GIB = 2**30


def test_a_made_up_scene_is_as_high_and_wide_as_asked_for_and_its_pieces_differ(tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "PIECE", 64)
    scenes.write_scene(tmp_path / "scene.tif", 40, 94)
    with rasterio.open(tmp_path / "scene.tif") as scene:
        values = scene.read()
    assert values.shape == (3, 40, 94) and values.dtype == np.uint16
    assert (values[:, :, :30] != values[:, :, 64:]).mean() > 0.5


def test_memory_that_grows_by_more_than_a_tenth_is_missed() -> None:
    sizes = ((100, 100), (200, 200), (300, 400))
    had = [("formula", 0, 1.0), ("formula", 1, 1.05), ("formula", 2, 1.2), ("bundled", 0, 3.4), ("bundled", 2, 3.5)]
    peaks = {(kind, sizes[size]): {"seconds": 1.0, "peak_bytes": gib * GIB} for kind, size, gib in had}
    found = {row.name: (round(row.value, 6), row.note, row.reached) for row in huge.rows(peaks)}
    assert found["200 x 200, formula: peak memory grows"] == (5.0, "at 4 times the pixels", True)
    assert found["400 x 300, formula: peak memory grows"] == (20.0, "at 12 times the pixels", False)
    assert found["400 x 300, bundled: peak memory"] == (3.5, "", False)


def test_the_cost_of_small_scenes_is_told_by_that_of_the_largest_and_the_slowest_stage_is_named() -> None:
    alone = {name: {"stages": [1.0, 4.0, 2.0], "wall": 7.0} for name in (WINDOWS, RASTER)}
    together = {name: {"stages": [9.0, 9.0, 9.0], "wall": 4.4} for name in (WINDOWS, RASTER)}
    numbers = {"load": 3.0, "seconds": [1.3, 16.0, 100.0], "alone": alone, "together": together}
    found = {row.name: row for row in cost.rows((1000, 4000, 10000), numbers)}
    assert round(found["1 MP dearer than 100"].value, 6) == 30.0 and not found["1 MP dearer than 100"].reached
    assert round(found["16 and 100 MP differ by"].value, 6) == 0.0
    slowest = found["windows: over the slowest alone"]
    assert (round(slowest.value, 6), slowest.note, slowest.reached) == (1.1, "it is network", True)
    assert found["raster: over the slowest alone"].note == "it is compressing and writing"


@pytest.mark.parametrize("way", [in_turn, overlapped])
def test_a_pass_that_is_timed_does_what_it_does_untimed_and_each_stage_counts(way) -> None:
    written: list[tuple[int, int]] = []
    spent = Spent()
    clocked(way, spent)(range(3), lambda i: i + 1, lambda i: i * i, lambda *pair: written.append(pair))
    assert written == [(1, 1), (2, 4), (3, 9)]
    assert all(0.0 < seconds < spent.wall for seconds in spent.stages)
