"""Of any scene: what was changed says so, what was kept is what the sensor saw, no data stays no data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_removal.inference.compose import CODES, DATE, KEPT, NO_DATA
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from tests.small_model import as_type, cloudy, read, write_raster

EMPTY = {"uint8": 0, "uint16": 0, "int16": -9999, "float32": float("nan")}


@dataclass(frozen=True)
class Drawn:
    """A random scene (3, H, W), its nodata value, and where it holds none (3, H, W)."""

    values: np.ndarray
    nodata: float
    empty: np.ndarray


@st.composite
def scenes(draw: st.DrawFn) -> Drawn:
    height, width = draw(st.integers(8, 70)), draw(st.integers(8, 70))
    dtype, seed = draw(st.sampled_from(sorted(EMPTY))), draw(st.integers(0, 1000))
    generator = np.random.default_rng(seed)
    values = as_type(cloudy(height, width, seed), dtype)
    empty = np.zeros(values.shape, bool)
    empty[:, : draw(st.integers(0, height // 2))] = True
    empty |= generator.random((1, height, width)) < draw(st.sampled_from([0.0, 0.1]))
    empty |= generator.random(values.shape) < draw(st.sampled_from([0.0, 0.02]))
    nodata = EMPTY[dtype]
    values[empty] = nodata
    empty = np.isnan(values) if dtype == "float32" else values == nodata
    if dtype == "float32":  # One band that is no number makes its pixel one without data.
        empty[:] = empty.any(axis=0)
    return Drawn(values, nodata, empty)


wishes = st.builds(
    Settings,
    keep_below=st.sampled_from([None, 0.0, 0.3]),
    opaque_above=st.sampled_from([None, 0.5]),
    window=st.sampled_from([16, 40, 128]),
    dilate=st.sampled_from([0, 3]),
    abstain=st.booleans(),
)
slowly = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def removed(tmp_path: Path, model):
    """Removes the clouds of a drawn scene; returns the result (3, H, W) and the provenance (H, W)."""

    def run(scene: Drawn, wish: Settings, **options) -> tuple[np.ndarray, np.ndarray]:
        source = write_raster(tmp_path / "in.tif", scene.values, nodata=scene.nodata)
        options = {"provenance": tmp_path / "p.tif", "overwrite": True} | options
        remove(source, tmp_path / "out.tif", model, wish, **options)
        return read(tmp_path / "out.tif"), read(tmp_path / "p.tif")[0]

    return run


def same_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where samples are equal bit by bit."""
    kind = f"u{a.dtype.itemsize}"
    return a.view(kind) == b.view(kind)


def check(scene: Drawn, result: np.ndarray, codes: np.ndarray, wish: Settings) -> None:
    same = same_bits(result, scene.values)
    nowhere = scene.empty.all(axis=0)
    assert set(np.unique(codes)) <= set(CODES)
    assert same[:, codes == KEPT].all()
    assert (
        same[scene.empty & ~(codes == NO_DATA)].all() and same[:, nowhere].all() and (codes[nowhere] == NO_DATA).all()
    )
    if wish.abstain:
        left = (codes == NO_DATA) & ~nowhere
        blank = np.isnan(result) if np.isnan(scene.nodata) else result == scene.nodata
        assert blank[:, left].all() and not (codes == 4).any()
    else:
        assert ((codes == NO_DATA) == nowhere).all()


@slowly
@given(scene=scenes().filter(lambda drawn: not drawn.empty.all()), wish=wishes, seed=st.integers(0, 1000))
def test_so_it_is_with_pixels_of_another_date(removed, tmp_path, scene, wish, seed):
    """Of the other date, pixels without data are never taken."""
    _, height, width = scene.values.shape
    values = as_type(cloudy(height, width, seed)[:, ::-1, ::-1], str(scene.values.dtype))
    hole = np.zeros((height, width), bool)
    hole[height // 3 : height // 2], hole[:, width // 2 : 2 * width // 3] = True, True
    values[:, hole] = scene.nodata
    other = write_raster(tmp_path / "other.tif", values, nodata=scene.nodata)
    result, codes = removed(scene, wish, other_dates=[other])
    check(scene, result, codes, wish)
    assert not (codes == DATE)[hole].any()


@slowly
@given(scene=scenes().filter(lambda drawn: not drawn.empty.all()), wish=wishes)
def test_what_was_changed_says_so_and_what_was_kept_is_identical(removed, scene, wish):
    check(scene, *removed(scene, wish), wish)
