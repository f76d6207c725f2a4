"""Whatever is wrong with what `remove` is given: one clear line, exit 1, nothing left, nothing changed."""

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio

from cloud_removal.cli import main
from tests.small_model import as_type, cloudy, write_raster


@pytest.fixture
def refused(tmp_path, model_folder, capfd):
    """Runs the command, checks that it fails with one line that holds `words` and changes no file."""

    def run(source, output, *options, words: str, model: Path = model_folder):
        before = contents(tmp_path)
        capfd.readouterr()
        code = main(["remove", str(source), str(output), "--model", str(model), "--quiet", *map(str, options)])
        out, err = capfd.readouterr()
        assert code == 1 and out == ""
        assert err.startswith("error: ") and err.count("\n") == 1
        assert words in err
        assert contents(tmp_path) == before

    return run


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.fixture
def scene(tmp_path):
    return write_raster(tmp_path / "in.tif", as_type(cloudy(60, 70), "uint8"))


def test_missing(tmp_path, refused):
    refused(tmp_path / "none.tif", tmp_path / "out.tif", words="no file")


def test_an_input_whose_name_is_too_long(tmp_path, refused):
    refused(tmp_path / ("a" * 300 + ".tif"), tmp_path / "out.tif", words="File name too long")


def test_an_output_whose_name_is_too_long_for_its_hidden_folder(tmp_path, scene, refused):
    refused(scene, tmp_path / ("a" * 245 + ".tif"), words="File name too long")


def test_a_scale_tag_of_zero(tmp_path, refused):
    file = write_raster(tmp_path / "in.tif", as_type(cloudy(60, 70), "uint16"))
    with rasterio.open(file, "r+") as target:
        target.scales = (0.0, 0.0, 0.0)
    refused(file, tmp_path / "out.tif", words="--scale")


def test_a_folder_with_a_model_that_is_not_there(tmp_path, scene, refused):
    options = ("--cloud", tmp_path / "clouds")
    refused(scene.parent, tmp_path / "out", *options, words="no model folder", model=tmp_path / "none")


def test_a_folder_of_which_nothing_can_be_done(tmp_path, capfd, model_folder):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"nothing")
    before = contents(tmp_path)
    words = ["remove", tmp_path / "in", tmp_path / "out", "--report", tmp_path / "reports", "--model", model_folder]
    assert main([str(word) for word in words]) == 1
    assert contents(tmp_path) == before


def test_empty(tmp_path, refused):
    (tmp_path / "in.tif").touch()
    refused(tmp_path / "in.tif", tmp_path / "out.tif", words="is empty")


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
def test_not_an_image(tmp_path, refused, suffix):
    (tmp_path / f"in.{suffix}").write_text("this is a letter\n" * 50)
    refused(tmp_path / f"in.{suffix}", tmp_path / "out.tif", words="is not a picture")


@pytest.mark.parametrize("kind", ["strips", "tiles", "deflate", "png", "jpg", "jp2"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
def test_truncated(tmp_path, refused, kind, share):
    profiles = {
        "strips": {},
        "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 64},
        "deflate": {"compress": "deflate"},
        "png": {"driver": "PNG", "crs": None, "transform": None},
        "jpg": {"driver": "JPEG", "crs": None, "transform": None},
        "jp2": {"driver": "JP2OpenJPEG", "REVERSIBLE": "YES", "QUALITY": "100"},
    }
    suffix = kind if kind in ("png", "jpg", "jp2") else "tif"
    noise = np.random.default_rng(0).integers(0, 255, (3, 200, 200), np.uint8)
    file = write_raster(tmp_path / f"in.{suffix}", noise, **profiles[kind])
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    refused(file, tmp_path / "out.tif", words=f"in.{suffix}")


def test_one_pixel(tmp_path, refused):
    file = write_raster(tmp_path / "in.tif", np.full((3, 1, 1), 9, np.uint8))
    refused(file, tmp_path / "out.tif", words="1x1 px")


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_bands(tmp_path, refused, count):
    file = write_raster(tmp_path / "in.tif", as_type(cloudy(60, 70), "uint8")[:count])
    refused(file, tmp_path / "out.tif", words="three (red, green, blue) are needed")


def test_more_than_four_bands_without_saying_which(tmp_path, refused):
    file = write_raster(tmp_path / "in.tif", np.zeros((5, 20, 20), np.uint8))
    refused(file, tmp_path / "out.tif", words="--bands")


@pytest.mark.parametrize("bands", ["0,1,2", "1,2,4", "1,1,2", "1,2", "a,b,c", "1,2,3,1", "-1,2,3"])
def test_wrong_band_numbers(tmp_path, scene, refused, bands):
    refused(scene, tmp_path / "out.tif", f"--bands={bands}", words="--bands")


def test_transparency_is_no_colour(tmp_path, refused):
    file = write_raster(tmp_path / "in.tif", np.full((4, 20, 20), 200, np.uint8), photometric="RGB", alpha="YES")
    refused(file, tmp_path / "out.tif", "--bands", "2,3,4", words="transparency")


def test_all_nodata(tmp_path, refused):
    file = write_raster(tmp_path / "in.tif", np.zeros((3, 20, 20), np.uint16), nodata=0)
    refused(file, tmp_path / "out.tif", words="holds no data")


def test_nothing_but_nan(tmp_path, refused):
    file = write_raster(tmp_path / "in.tif", np.full((3, 20, 20), np.nan, np.float32))
    refused(file, tmp_path / "out.tif", words="holds no data")


def test_fully_transparent(tmp_path, refused):
    values = as_type(cloudy(20, 20), "uint8")
    file = write_raster(tmp_path / "in.tif", np.concatenate([values, 0 * values[:1]]), photometric="RGB", alpha="YES")
    refused(file, tmp_path / "out.tif", words="holds no data")


def test_complex_numbers(tmp_path, refused):
    file = write_raster(tmp_path / "in.tif", np.zeros((3, 20, 20), np.complex64))
    refused(file, tmp_path / "out.tif", words="complex64")


@pytest.mark.parametrize("name", ["out.jpg", "out.jpeg", "out.JPG", "out.jp2"])
def test_outputs_that_cannot_hold_identical_pixels(tmp_path, scene, refused, name):
    refused(scene, tmp_path / name, words="identical pixels")


@pytest.mark.parametrize("name", ["out.gif", "out", "out.tif.gz"])
def test_outputs_of_unknown_kind(tmp_path, scene, refused, name):
    refused(scene, tmp_path / name, words=".tif or .png")


def test_a_png_would_take_a_fourth_colour_for_transparency(tmp_path, refused):
    values = as_type(np.concatenate([cloudy(20, 20)] * 2)[:4], "uint8")
    file = write_raster(tmp_path / "in.tif", values, crs=None, transform=None, photometric="RGB", alpha="NO")
    refused(file, tmp_path / "out.png", words="fourth band")


def test_a_png_cannot_hold_a_georeference(tmp_path, scene, refused):
    refused(scene, tmp_path / "out.png", words="georeference")


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_a_png_cannot_hold_every_type(tmp_path, refused, dtype):
    file = write_raster(tmp_path / "in.tif", as_type(cloudy(20, 20), dtype), crs=None, transform=None)
    refused(file, tmp_path / "out.png", words=dtype)


def test_output_folder_missing(tmp_path, scene, refused):
    refused(scene, tmp_path / "none" / "out.tif", words="no folder")


def test_output_folder_is_a_file(tmp_path, scene, refused):
    refused(scene, scene / "out.tif", words="is a file, not a folder")


def test_output_is_a_folder(tmp_path, scene, refused):
    (tmp_path / "out.tif").mkdir()
    refused(scene, tmp_path / "out.tif", words="is a folder")


def test_output_folder_on_a_read_only_mount(tmp_path, scene, refused):
    place = tmp_path / "mount"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(place)], capture_output=True, text=True)
    if done.returncode:  # Only root may mount, and not in every container: elsewhere nothing can be shown.
        pytest.skip(f"this user may not mount: {done.stderr.strip() or done.returncode}")
    try:
        refused(scene, place / "out.tif", words="Read-only file system")
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into every folder")
def test_output_folder_without_permission(tmp_path, scene, refused):
    place = tmp_path / "closed"
    place.mkdir(mode=0o500)
    refused(scene, place / "out.tif", words="Permission denied")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc here")
def test_output_folder_that_takes_no_files(scene, refused):
    refused(scene, "/proc/self/out.tif", words="cannot be written")


def test_output_exists(tmp_path, scene, refused):
    (tmp_path / "out.tif").write_text("mine")
    refused(scene, tmp_path / "out.tif", words="--overwrite")


def test_cloud_exists(tmp_path, scene, refused):
    (tmp_path / "cloud.tif").write_text("mine")
    refused(scene, tmp_path / "out.tif", "--cloud", tmp_path / "cloud.tif", words="--overwrite")


@pytest.mark.parametrize("how", ["itself", "symlink", "hard link", "dots"])
def test_output_is_the_input(tmp_path, scene, refused, how):
    output = tmp_path / "same.tif"
    if how == "symlink":
        output.symlink_to(scene)
    elif how == "hard link":
        os.link(scene, output)
    else:
        output = scene if how == "itself" else tmp_path / "." / "x" / ".." / "in.tif"
        (tmp_path / "x").mkdir()
    refused(scene, output, "--overwrite", words="is an input itself")


def test_cloud_is_the_input(tmp_path, scene, refused):
    refused(scene, tmp_path / "out.tif", "--cloud", scene, "--overwrite", words="is an input itself")


def test_two_results_of_one_name(tmp_path, scene, refused):
    refused(scene, tmp_path / "out.tif", "--cloud", tmp_path / "out.tif", words="same name")


@pytest.mark.parametrize(
    "option", ["--window=0", "--keep-below=1.5", "--opaque-above=-1", "--scale=0", "--scale=nan", "--scale=-3",
               "--max-pixels=0"],
)  # fmt: skip
def test_options_out_of_range(tmp_path, scene, refused, option):
    refused(scene, tmp_path / "out.tif", option, words=option.split("=")[0])


def test_a_raster_of_more_pixels_than_are_allowed(tmp_path, scene, refused):
    refused(scene, tmp_path / "out.tif", "--max-pixels=4000", words="60 px (4.2e-06 gigapixels); at most 4e-06")


def test_a_raster_that_names_another_file(tmp_path, scene, refused):
    with rasterio.open(scene, "r+") as target:
        target.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(tmp_path / "other.vrt"))
    refused(scene, tmp_path / "out.tif", words="names another file as its overviews")


def test_a_report_of_unknown_kind(tmp_path, scene, refused):
    refused(scene, tmp_path / "out.tif", "--report", tmp_path / "report.pdf", words="--report")


def test_a_model_that_is_not_there(tmp_path, scene, refused):
    refused(scene, tmp_path / "out.tif", words="no model folder", model=tmp_path / "none")


@pytest.mark.parametrize("damage", ["card missing", "graph missing", "graph cut", "card cut", "weights cut", "empty"])
def test_a_corrupt_model_folder(tmp_path, scene, refused, model_folder, damage):
    copy = tmp_path / "model" / "1"
    shutil.copytree(model_folder, copy)
    weights = next((copy / "variables").glob("*.data-*"))
    if damage == "empty":
        shutil.rmtree(copy)
        copy.mkdir()
    elif damage.endswith("missing"):
        (copy / ("model.json" if damage.startswith("card") else "saved_model.pb")).unlink()
    else:
        file = {"graph": copy / "saved_model.pb", "card": copy / "model.json", "weights": weights}[damage.split()[0]]
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    refused(scene, tmp_path / "out.tif", words="model" if damage == "empty" else str(copy), model=copy)


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """As on a full disk: whatever this process writes into a file beyond `size` bytes fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("where", ["block", "raster", "opacity"])
def test_disk_full_while_writing(tmp_path, model_folder, where, capfd, monkeypatch):
    """No file may grow beyond a limit: the first block, or only the raster that is put together from the blocks."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 200, (6, 150, 150), np.uint8)
    write_raster(tmp_path / "in.tif", noise)
    limit = {"block": 20_000, "raster": 100_000, "opacity": 50_000}[where]
    if where == "opacity":
        write_raster(tmp_path / "in.tif", np.round(noise[:3] / 199) * 200)
    options = ["--bands", "1,2,3", "--cloud", "c.tif", "--window", "32" if where == "opacity" else "64", "--quiet"]
    before = contents(tmp_path)
    capfd.readouterr()
    with no_file_beyond(limit):
        code = main(["remove", "in.tif", "out.tif", "--model", str(model_folder), *options])
    out, err = capfd.readouterr()
    assert (code, out) == (1, "")
    assert err.startswith("error: ") and err.count("\n") == 1
    assert contents(tmp_path) == before
