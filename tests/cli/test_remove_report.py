"""The command remove: pages about results, and cloud-optimised GeoTIFFs."""

import re

import cv2
import numpy as np
import pytest
import rasterio

from cloud_removal.cli import main
from tests.inference.test_dates import LEFT, RIGHT, cloud, dated, seen
from tests.small_model import as_type, cloudy, read, write_raster


@pytest.fixture
def remove(model_folder, capfd):
    """Runs the command with the small model; returns exit code, stdout and stderr."""

    def run(*words):
        capfd.readouterr()
        code = main(["remove", *map(str, words), "--model", str(model_folder), "--no-inpaint"])
        return (code, *capfd.readouterr())

    return run


@pytest.fixture
def scene(tmp_path):
    return write_raster(tmp_path / "in <b>.tif", as_type(cloudy(60, 70), "uint16"))


def layout(file):
    with rasterio.open(file) as source:
        return source.tags(ns="IMAGE_STRUCTURE").get("LAYOUT")


def test_the_page_says_what_the_line_on_stdout_says(tmp_path, scene, remove):
    code, out, err = remove(scene, tmp_path / "out.tif", "--report", tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    shares = re.findall(r"([\d.]+) % (?:kept|thin|guessed)", out)
    assert code == 0 and len(shares) == 3
    for share in shares:
        assert f'<td class="number">{share} %</td>' in page
    assert "<h1>in &lt;b&gt;.tif</h1>" in page and "70 × 60 px · uint16 · bands 1, 2, 3 · EPSG:32631" in page
    assert "small/1" in page and "--scale sets another" in err and "--scale sets another" in page
    for name in ("keep-below", "opaque-above", "window", "brightness"):
        assert f'<th scope="row">{name}</th>' in page


def test_a_page_is_the_same_when_it_is_made_again(tmp_path, scene, remove):
    pages = []
    for _ in range(2):
        remove(scene, tmp_path / "out.tif", "--report", tmp_path / "out.html", "--overwrite")
        pages.append((tmp_path / "out.html").read_bytes())
    assert pages[0] == pages[1]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        write_raster(tmp_path / "in" / f"{name}.tif", as_type(cloudy(24, 32), "uint8"))
    return tmp_path / "in"


def test_a_folder_of_pictures_becomes_a_folder_of_pages(tmp_path, folder, remove):
    code, _, _ = remove(folder, tmp_path / "out", "--report", tmp_path / "pages", "--report-pages")
    assert code == 0 and sorted(p.name for p in (tmp_path / "pages").iterdir()) == ["a.html", "b.html"]
    assert "<h1>b.tif</h1>" in (tmp_path / "pages" / "b.html").read_text(encoding="utf-8")


def test_one_page_for_a_folder_is_refused_and_the_option_for_many_named(tmp_path, folder, remove):
    code, _, err = remove(folder, tmp_path / "out", "--report", tmp_path / "look.html")
    assert code == 1 and "look.html: that is the name of a file" in err and "--report-pages" in err
    assert not (tmp_path / "out").exists() and not (tmp_path / "look.html").exists()


def test_pages_without_a_folder_for_them_are_refused(tmp_path, folder, remove):
    code, _, err = remove(folder, tmp_path / "out", "--report-pages")
    assert code == 1 and "--report DIR" in err and not (tmp_path / "out").exists()


def test_pages_for_one_picture_are_refused(tmp_path, scene, remove):
    code, _, err = remove(scene, tmp_path / "out.tif", "--report", tmp_path / "pages", "--report-pages")
    assert code == 1 and "is one picture" in err and not (tmp_path / "out.tif").exists()


def test_a_page_about_several_dates_shows_what_came_from_another_one(tmp_path, remove):
    first = dated(tmp_path / "first.tif", seen(cloud(LEFT)))
    second = dated(tmp_path / "second.tif", seen(cloud(RIGHT)))
    words = ["--other-date", second, "--report", tmp_path / "out.html", "--scale", 30000]
    code, out, _ = remove(first, tmp_path / "out.tif", *words)
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    share = re.search(r"([\d.]+) % taken from other dates", out)
    assert code == 0 and share and f'<td class="number">{share[1]} %</td>' in page
    assert 'id="layer-3"' in page and re.search(r'<th scope="row">other dates</th><td>second.tif [0-9a-f]+</td>', page)


def test_a_page_is_not_replaced_unasked(tmp_path, scene, remove):
    (tmp_path / "out.html").write_text("mine")
    code, _, err = remove(scene, tmp_path / "out.tif", "--report", tmp_path / "out.html")
    assert code == 1 and "--overwrite" in err and (tmp_path / "out.html").read_text() == "mine"
    assert not (tmp_path / "out.tif").exists()


def test_rasters_become_cloud_optimised_ones_with_the_same_pixels(tmp_path, scene, remove):
    names = ("out.tif", "cloud.tif", "codes.tif")
    for folder, further in (("plain", ()), ("cog", ("--cog",))):
        (tmp_path / folder).mkdir()
        result, cloud, codes = (tmp_path / folder / name for name in names)
        assert remove(scene, result, "--cloud", cloud, "--provenance", codes, *further)[0] == 0
    for name in names:
        assert read(tmp_path / "cog" / name).tobytes() == read(tmp_path / "plain" / name).tobytes()
        assert (layout(tmp_path / "plain" / name), layout(tmp_path / "cog" / name)) == (None, "COG")
    assert sorted(path.name for path in (tmp_path / "cog").iterdir()) == sorted(names)


def test_a_cloud_optimised_png_is_refused_in_one_line(tmp_path, scene, remove):
    code, out, err = remove(scene, tmp_path / "out.png", "--cog")
    assert (code, out, err.count("\n")) == (1, "", 1) and "a PNG cannot be cloud-optimised" in err
    assert [path.name for path in tmp_path.iterdir()] == ["in <b>.tif"]


def test_pictures_of_a_folder_become_cloud_optimised_ones_png_too(tmp_path, remove):
    (tmp_path / "in").mkdir()
    write_raster(tmp_path / "in" / "a.tif", as_type(cloudy(60, 70), "uint8"))
    picture = np.ascontiguousarray(as_type(cloudy(60, 70), "uint8").transpose(1, 2, 0))
    cv2.imwrite(str(tmp_path / "in" / "b.png"), picture)
    assert remove(tmp_path / "in", tmp_path / "out", "--cog")[0] == 0
    assert [layout(tmp_path / "out" / name) for name in ("a.tif", "b.tif")] == ["COG", "COG"]
