"""The command remove: options, folders, what it prints."""

import cv2
import numpy as np
import pytest
import rasterio

from cloud_removal.cli import main
from tests.small_model import ROTATED, as_type, cloudy, read, write_raster


@pytest.fixture
def remove(model_folder, capfd):
    """Runs the command with the small model; returns exit code, stdout and stderr."""

    def run(*words):
        capfd.readouterr()
        code = main(["remove", *map(str, words), "--model", str(model_folder)])
        return (code, *capfd.readouterr())

    return run


@pytest.fixture
def scene(tmp_path):
    return write_raster(tmp_path / "in.tif", as_type(cloudy(60, 70), "uint8"))


def test_one_line_on_stdout_says_what_became_of_the_pixels(tmp_path, scene, remove):
    code, out, _ = remove(scene, tmp_path / "out.tif")
    assert code == 0 and out.count("\n") == 1
    assert "kept" in out and "thin cloud removed" in out and str(tmp_path / "out.tif") in out


def test_progress_goes_to_stderr(tmp_path, scene, remove):
    _, _, err = remove(scene, tmp_path / "out.tif")
    assert "100%" in err and "MP" in err


def test_quiet_says_nothing_on_stderr(tmp_path, remove):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(60, 70), "uint16"))
    code, _, err = remove(source, tmp_path / "out.tif", "--quiet")
    assert (code, err) == (0, "")


def test_bands_and_scale_are_taken_over(tmp_path, remove):
    values = np.concatenate([as_type(cloudy(60, 70), "uint16")[::-1], np.ones((2, 60, 70), np.uint16)])
    five = write_raster(tmp_path / "five.tif", values)
    three = write_raster(tmp_path / "three.tif", values[[2, 1, 0]])
    remove(five, tmp_path / "a.tif", "--bands", "3,2,1", "--scale", 30000)
    remove(three, tmp_path / "b.tif", "--scale", 30000)
    np.testing.assert_array_equal(read(tmp_path / "a.tif")[[2, 1, 0]], read(tmp_path / "b.tif"))


def test_the_highest_version_of_a_model_is_taken(tmp_path, scene, model_folder, capfd):
    assert main(["remove", str(scene), str(tmp_path / "out.tif"), "--model", str(model_folder.parent)]) == 0


def test_overwrite_replaces_a_result(tmp_path, scene, remove):
    (tmp_path / "out.tif").write_text("old")
    assert remove(scene, tmp_path / "out.tif", "--overwrite")[0] == 0
    assert read(tmp_path / "out.tif").shape == (3, 60, 70)


def test_the_input_stays_as_it_is(tmp_path, scene, remove):
    before = scene.read_bytes()
    remove(scene, tmp_path / "out.tif")
    assert scene.read_bytes() == before


def test_nothing_but_the_results_is_left(tmp_path, scene, remove):
    remove(scene, tmp_path / "out.tif", "--cloud", tmp_path / "c.png", "--provenance", tmp_path / "p.tif")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.png", "in.tif", "out.tif", "p.tif"]


@pytest.fixture
def folder(tmp_path):
    """A GeoTIFF, a JPEG and a text file."""
    (tmp_path / "in").mkdir()
    write_raster(tmp_path / "in" / "a.tif", as_type(cloudy(40, 50), "uint8"))
    picture = np.ascontiguousarray(as_type(cloudy(40, 50), "uint8").transpose(1, 2, 0))
    cv2.imwrite(str(tmp_path / "in" / "b.jpg"), picture)
    (tmp_path / "in" / "notes.txt").write_text("not a picture")
    return tmp_path / "in"


def test_a_folder_becomes_a_folder_and_a_jpeg_in_it_a_png(tmp_path, folder, remove):
    code, out, _ = remove(folder, tmp_path / "out", "--cloud", tmp_path / "clouds", "--report", tmp_path / "reports")
    assert code == 0 and out.count("\n") == 2
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.tif", "b.png"]
    assert sorted(p.name for p in (tmp_path / "clouds").iterdir()) == ["a.tif", "b.png"]
    assert sorted(p.name for p in (tmp_path / "reports").iterdir()) == ["a.png", "b.png"]


def test_one_bad_picture_of_a_folder_does_not_stop_the_others(tmp_path, folder, remove):
    (folder / "aa.png").write_bytes(b"nothing")
    code, _, err = remove(folder, tmp_path / "out")
    assert code == 1 and "1 of 3" in err.splitlines()[-1]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.tif", "b.png"]


def test_what_a_folder_has_already_is_left_and_said(tmp_path, folder, remove):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.tif").write_text("mine")
    code, _, err = remove(folder, tmp_path / "out")
    assert code == 0 and "a.tif exists already" in err
    assert (tmp_path / "out" / "a.tif").read_text() == "mine" and (tmp_path / "out" / "b.png").exists()


def test_two_pictures_that_would_become_one_are_refused(tmp_path, folder, remove):
    (folder / "b.png").write_bytes((folder / "b.jpg").read_bytes())
    code, _, err = remove(folder, tmp_path / "out")
    assert code == 1 and "b.png" in err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--report", "--provenance"])
def test_two_pictures_whose_files_beside_them_would_become_one_are_refused(tmp_path, remove, option):
    (tmp_path / "in").mkdir()
    write_raster(tmp_path / "in" / "a.tif", as_type(cloudy(40, 50), "uint8"))
    write_raster(tmp_path / "in" / "a.png", as_type(cloudy(40, 50), "uint8"), driver="PNG", crs=None, transform=None)
    code, _, err = remove(tmp_path / "in", tmp_path / "out", option, tmp_path / "beside", "--overwrite")
    assert code == 1 and "would become" in err and not (tmp_path / "out").exists()


def test_a_folder_without_pictures_is_refused(tmp_path, remove):
    (tmp_path / "empty").mkdir()
    code, _, err = remove(tmp_path / "empty", tmp_path / "out")
    assert code == 1 and "no pictures" in err and not (tmp_path / "out").exists()


def test_results_of_a_folder_are_those_of_single_files(tmp_path, folder, remove):
    remove(folder, tmp_path / "out")
    remove(folder / "a.tif", tmp_path / "single.tif")
    assert (tmp_path / "out" / "a.tif").read_bytes() == (tmp_path / "single.tif").read_bytes()


def test_a_vrt_that_names_other_files_is_not_followed(tmp_path, scene, remove):
    vrt = tmp_path / "in.vrt"
    with rasterio.open(scene) as source:
        rasterio.shutil.copy(source, vrt, driver="VRT")
    code, _, err = remove(vrt, tmp_path / "out.tif")
    assert code == 1 and "in.vrt is not a picture" in err


WORLD = "10\n0\n0\n-10\n500005\n4999995\n"
"""A world file: 10 m a pixel, from 500000, 5000000."""


@pytest.mark.parametrize(("name", "world"), [("b.jpg", "b.jgw"), ("b.jpg", "b.wld"), ("c.png", "c.pgw")])
def test_a_picture_of_a_folder_with_a_world_file_becomes_a_geotiff_and_that_is_said(
    tmp_path, folder, remove, name, world
):
    write_raster(folder / "c.png", as_type(cloudy(40, 50), "uint8"), driver="PNG", crs=None, transform=None)
    (folder / world).write_text(WORLD)
    code, _, err = remove(folder, tmp_path / "out", "--cloud", tmp_path / "clouds")
    result = name.split(".")[0] + ".tif"
    assert code == 0 and f"{name} becomes {result}: PNG cannot hold the georeference ({world})" in err
    for place in ("out", "clouds"):
        with rasterio.open(tmp_path / place / result) as after:
            assert after.transform == rasterio.Affine(10, 0, 500000, 0, -10, 5000000)


def test_the_others_of_that_folder_stay_what_they_are(tmp_path, folder, remove):
    write_raster(folder / "c.png", as_type(cloudy(40, 50), "uint8"), driver="PNG", crs=None, transform=None)
    (folder / "b.jgw").write_text(WORLD)
    remove(folder, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.tif", "b.tif", "c.png"]


def test_a_single_picture_with_a_world_file_gives_the_same_geotiff_as_in_a_folder(tmp_path, folder, remove):
    (folder / "b.jgw").write_text(WORLD)
    remove(folder, tmp_path / "out")
    assert remove(folder / "b.jpg", tmp_path / "b.tif")[0] == 0
    assert (tmp_path / "b.tif").read_bytes() == (tmp_path / "out" / "b.tif").read_bytes()


def test_a_single_picture_with_a_world_file_is_not_squeezed_into_a_png(tmp_path, folder, remove):
    (folder / "b.jgw").write_text(WORLD)
    code, _, err = remove(folder / "b.jpg", tmp_path / "b.png")
    assert code == 1 and "PNG cannot hold the georeference (b.jgw)" in err and "Name the output .tif" in err


def test_what_an_aux_xml_says_of_a_picture_is_read_and_none_is_written(tmp_path, remove):
    (tmp_path / "in").mkdir()
    write_raster(tmp_path / "in" / "a.png", as_type(cloudy(40, 50), "uint8"), driver="PNG", nodata=0)
    before = sorted(p.name for p in (tmp_path / "in").iterdir())
    code, _, err = remove(tmp_path / "in", tmp_path / "out")
    assert code == 0 and "(a.png.aux.xml)" in err and before == ["a.png", "a.png.aux.xml"]
    assert sorted(p.name for p in (tmp_path / "in").iterdir()) == before
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.tif"]
    with rasterio.open(tmp_path / "out" / "a.tif") as after:
        assert (after.crs, after.transform, after.nodata) == ("EPSG:32631", ROTATED, 0)


def test_a_georeferenced_picture_that_would_become_another_raster_is_refused(tmp_path, folder, remove):
    (folder / "a.jpg").write_bytes((folder / "b.jpg").read_bytes())
    (folder / "a.jgw").write_text(WORLD)
    code, _, err = remove(folder, tmp_path / "out")
    assert code == 1 and "a.tif; rename one" in err and not (tmp_path / "out").exists()
