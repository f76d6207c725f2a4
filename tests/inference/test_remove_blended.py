"""`remove` with a network that looks at each window as a whole: windows are blended, and all else holds as ever."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_removal.errors import OutputError
from cloud_removal.inference import scene
from cloud_removal.inference.blocks import partial_folder
from cloud_removal.inference.model import Model
from cloud_removal.inference.picture import restore_picture
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.windows import Window, plan
from tests.normed_model import hills
from tests.small_model import as_type, read, write_raster

HEIGHT, WIDTH = 150, 203
SETTINGS = Settings(window=32)
ALL_OF_IT = Settings(window=32, keep_below=0.0)


@pytest.fixture(scope="module")
def normed(normed_folder: Path) -> Model:
    return Model.load(normed_folder)


class Counting(Model):
    """Counts the pictures put through the network."""

    pictures = 0

    def restore(self, images, context=None):
        self.pictures += len(images)
        return super().restore(images, context)


@pytest.fixture
def source(tmp_path):
    return write_raster(tmp_path / "in.tif", as_type(hills(HEIGHT, WIDTH), "float32"))


def removed(source: Path, model: Model, settings: Settings = SETTINGS, name: str = "out", **options) -> np.ndarray:
    """The result's three bands and the opacity (4, H, W)."""
    files = [source.with_name(f"{name}.tif"), source.with_name(f"{name}_cloud.tif")]
    remove(source, files[0], model, settings, cloud=files[1], **({"overwrite": True} | options))
    return np.concatenate([read(file).astype(np.float64) for file in files])


def unblended(model: Model) -> Model:
    """The same, its windows cut out and laid side by side as those of an exact network."""
    grid = dataclasses.replace(model.card.grid, exact=True)
    return Model(dataclasses.replace(model.card, grid=grid), model._loaded)


def steps(layers: np.ndarray, axis: int) -> np.ndarray:
    """Mean change of layers (C, H, W) from each row (axis 1) or column (axis 2) to the next, of the worst layer."""
    return np.abs(np.diff(layers, axis=axis)).mean(axis=3 - axis).max(axis=0)


def borders(windows: list[Window], axis: int) -> list[int]:
    """Places between pixels where a core or a frame begins or ends."""
    sides = [(a.top, a.bottom) if axis == 1 else (a.left, a.right) for w in windows for a in (w.core, w.used)]
    return sorted({place - 1 for side in sides for place in side if 0 < place < (HEIGHT, WIDTH)[axis - 1]})


# Seams


@pytest.mark.parametrize("axis", [1, 2])
def test_no_step_shows_where_windows_meet(source, normed, axis):
    there = borders(plan(HEIGHT, WIDTH, 32, normed.card.grid), axis)
    change = steps(removed(source, normed, ALL_OF_IT), axis)
    assert len(there) > 5 and change[there].max() <= np.delete(change, there).max()


@pytest.mark.parametrize("axis", [1, 2])
def test_without_blending_a_step_would_show(source, normed, axis):
    cut = unblended(normed)
    there = borders(plan(HEIGHT, WIDTH, 32, cut.card.grid), axis)
    change = steps(removed(source, cut, ALL_OF_IT), axis)
    assert change[there].max() > 3 * np.delete(change, there).max()
    assert change[there].max() > 3 * steps(removed(source, normed, ALL_OF_IT), axis).max()


def test_a_scene_in_one_window_is_as_the_network_answers(source, normed):
    image = np.ascontiguousarray(np.pad(read(source), ((0, 0), (0, 2), (0, 5)), "reflect").transpose(1, 2, 0)[None])
    _, opacity = normed.restore(image.astype(np.float32))
    said: list[str] = []
    result = removed(source, normed, Settings(scale=1.0), say=said.append)
    np.testing.assert_array_equal(result[3], opacity[0, :HEIGHT, :WIDTH])
    assert said == []


def test_that_tiling_is_not_exact_is_said_in_a_line(source, normed):
    said: list[str] = []
    removed(source, normed, Settings(window=64, scale=1.0), say=said.append)
    (line,) = said
    assert line.startswith("normed/1 looks at each window as a whole: windows are blended over 16 px")
    assert "tiled does not equal whole" in line and "--window" in line


def test_a_picture_is_restored_as_remove_does(tmp_path, normed):
    picture = np.ascontiguousarray(as_type(hills(HEIGHT, WIDTH), "uint8").transpose(1, 2, 0))
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    remove(tmp_path / "in.png", tmp_path / "out.png", normed, SETTINGS)
    restored, _ = restore_picture(normed, picture, window=32)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "out.png"))[..., ::-1], restored)
    assert not np.array_equal(restored, restore_picture(unblended(normed), picture, window=32)[0])


# What holds with every network


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_pixels_of_low_blended_opacity_are_bit_identical(tmp_path, normed, dtype):
    source = write_raster(tmp_path / "in.tif", as_type(hills(HEIGHT, WIDTH), dtype))
    settings = Settings(window=32, keep_below=0.5)
    result = removed(source, normed, settings, provenance=tmp_path / "codes.tif")
    clear, codes = result[3] <= 0.5, read(tmp_path / "codes.tif")[0]
    assert read(tmp_path / "out.tif")[:, clear].tobytes() == read(source)[:, clear].tobytes()
    assert 0.2 < clear.mean() < 0.8
    np.testing.assert_array_equal(codes == 1, clear)


def test_nodata_stays_nodata_and_what_lies_there_does_not_matter(tmp_path, normed):
    results = []
    for fill in (0, 65535):
        values = as_type(hills(HEIGHT, WIDTH), "uint16")
        values[:, 40:90, 30:120] = fill
        source = write_raster(tmp_path / f"{fill}.tif", values, nodata=fill)
        result = removed(source, normed)
        assert (result[:3, 40:90, 30:120] == fill).all() and np.isnan(result[3, 40:90, 30:120]).all()
        result[:3, 40:90, 30:120] = 0
        results.append(result)
    np.testing.assert_array_equal(*results)


def test_windows_of_which_nothing_shows_are_not_put_through_the_network(tmp_path, normed, monkeypatch):
    monkeypatch.setattr(scene, "PIXELS_A_BATCH", 1)
    values = np.zeros((3, 200, 200), np.uint8)
    values[:, :8, :8] = 90
    counting = Counting(normed.card, normed._loaded)
    remove(write_raster(tmp_path / "in.tif", values, nodata=0), tmp_path / "out.tif", counting, SETTINGS)
    assert counting.pictures == 1


# A run that was stopped or killed


class Stopped(KeyboardInterrupt):
    """Ctrl+C at a chosen place."""


def stop_after(windows: int):
    """An `advance` that stops when so many windows are done."""
    calls = 0

    def advance(pixels: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == windows:
            raise Stopped

    return advance


@pytest.mark.parametrize("windows", [1, 2, 5, 6, 7, 8, 12, 20, 29, 30])
def test_a_stopped_run_goes_on_to_the_same_bytes(source, normed, monkeypatch, windows):
    monkeypatch.setattr(scene, "PIXELS_A_BATCH", 1)
    unbroken = removed(source, normed, name="unbroken")
    with pytest.raises(Stopped):
        removed(source, normed, advance=stop_after(windows))
    assert len(list(partial_folder(source.with_name("out.tif")).glob("*.block"))) >= windows
    np.testing.assert_array_equal(removed(source, normed), unbroken)


def test_only_windows_that_show_in_unfinished_ones_are_computed_again(source, normed, monkeypatch):
    monkeypatch.setattr(scene, "PIXELS_A_BATCH", 1)
    windows = plan(HEIGHT, WIDTH, 32, normed.card.grid)
    columns = sum(window.core.top == 0 for window in windows)
    with pytest.raises(Stopped):
        removed(source, normed, advance=stop_after(len(windows)))
    folder = partial_folder(source.with_name("out.tif"))
    folder.joinpath(f"{columns + 1:07d}.block").unlink()
    counting = Counting(normed.card, normed._loaded)
    removed(source, counting)
    assert counting.pictures == 4


def test_a_run_that_was_not_blended_is_not_gone_on_with(source, normed):
    with pytest.raises(Stopped):
        removed(source, unblended(normed), advance=stop_after(1))
    with pytest.raises(OutputError, match="blended over None there, 16 now"):
        removed(source, normed, overwrite=False)


KILLED = """
import os, signal, sys
from pathlib import Path
from cloud_removal.inference import scene
from cloud_removal.inference.model import Model
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings

done = 0

def advance(pixels, total):
    global done
    done += pixels
    if done >= total / 2:
        os.kill(os.getpid(), signal.SIGKILL)

scene.PIXELS_A_BATCH = 3 * 40 * 40
source, output, model = map(Path, sys.argv[1:4])
remove(source, output, model, Settings(window=32), cloud=output.with_name("out_cloud.tif"), advance=advance)
"""


def test_a_killed_run_goes_on_to_the_same_bytes(source, normed, normed_folder, monkeypatch):
    words = [str(source), str(source.with_name("out.tif")), str(normed_folder)]
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", KILLED, *words], env=os.environ | {"PYTHONPATH": root}, check=False)
    assert done.returncode == -signal.SIGKILL and not source.with_name("out.tif").exists()
    assert list(partial_folder(source.with_name("out.tif")).glob("*.block"))
    monkeypatch.setattr(scene, "PIXELS_A_BATCH", 3 * 40 * 40)
    np.testing.assert_array_equal(removed(source, normed), removed(source, normed, name="unbroken"))
