"""The page about a result: what it says, that text stays text, that it loads nothing."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cloud_removal.inference.reports.page import Page, Row, page, write
from cloud_removal.inference.reports.pictures import NO_DATA_COLOUR, Pictures
from tests.inference.pages import NASTY, pictures, told

VOID = {"meta", "img", "input", "link", "br"}


class Parsed(HTMLParser):
    """Elements with their attributes and text; refuses what is not closed."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and data.strip():
            self.texts.setdefault(self._open[-1], []).append(data)

    def every(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]

    def of(self, identity: str) -> dict:
        return next(attributes for _, attributes in self.elements if attributes.get("id") == identity)


def decoded(url: str) -> np.ndarray:
    """The picture of a data URL, RGB or RGBA."""
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(url.split(",")[1]), np.uint8), cv2.IMREAD_UNCHANGED)
    return picture[..., [2, 1, 0, *range(3, picture.shape[2])]]


@pytest.fixture(scope="module")
def parsed():
    return Parsed(page(told(), pictures()))


def test_text_of_files_stays_text_everywhere(parsed):
    nasty = Parsed(page(told(NASTY), pictures()))
    assert [tag for tag, _ in nasty.elements] == [tag for tag, _ in parsed.elements]
    assert nasty.texts["h1"] == [NASTY] and nasty.texts["li"] == [NASTY]
    assert nasty.every("script") == [{}]


def test_nothing_is_named_that_could_be_loaded(parsed):
    for tag, attributes in parsed.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base"), tag
        for name, value in attributes.items():
            if name in ("src", "href", "srcset", "action", "data"):
                assert value.startswith("data:image/"), (tag, name)
    for url in re.findall(r"url\(([^)]{0,20})", page(told(), pictures())):
        assert url.startswith("data:image/png")
    assert not re.search(r"https?:|@import|fetch\(|XMLHttpRequest", page(told(), pictures()))


def test_the_browser_is_told_to_load_nothing_and_to_run_this_script_alone(parsed):
    policy = next(meta["content"] for meta in parsed.every("meta") if meta.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256("".join(parsed.texts["script"]).encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy


def test_before_and_after_are_the_pictures_blue_where_there_is_no_data(parsed):
    before, after = decoded(parsed.of("before")["src"]), decoded(parsed.of("after")["src"])
    assert before.shape == after.shape == (60, 90, 3)
    assert (before[:, 15:] == [255, 0, 0]).all() and (after[:, 15:] == [0, 255, 0]).all()
    blue = np.rint(255 * np.array(to_rgb(NO_DATA_COLOUR)))
    assert (before[:, :15] == blue).all() and (after[:, :15] == blue).all()


def test_each_layer_shows_where_its_code_or_the_cloud_is(parsed):
    masks = {
        attributes["id"]: decoded(attributes["style"].split("url(")[1])[..., 3]
        for tag, attributes in parsed.elements
        if attributes.get("id", "").startswith("layer-")
    }
    assert sorted(masks) == ["layer-0", "layer-1", "layer-2", "layer-3", "layer-4", "layer-5", "layer-cloud"]
    for code in range(6):
        columns = np.arange(90) * 6 // 90 == code
        assert (masks[f"layer-{code}"] == 255 * columns).all()
    assert masks["layer-cloud"][-1, 20] == 255 and masks["layer-cloud"][0, 20] == masks["layer-cloud"][-1, 0] == 0


def test_large_pictures_are_jpeg_and_like_what_they_show():
    large = pictures(300, 450)
    url = Parsed(page(told(), large)).of("before")["src"]
    assert url.startswith("data:image/jpeg;base64,")
    assert np.abs(decoded(url)[:, 90:].astype(int) - [255, 0, 0]).max() <= 3


def test_each_code_has_its_share_and_area_and_a_labelled_box(parsed):
    boxes = [box["data-layer"] for box in parsed.every("input") if "data-layer" in box]
    assert boxes == ["cloud", "0", "1", "2", "3", "4", "5"]
    assert [box["data-layer"] for box in parsed.every("input") if "data-changed" in box] == ["2", "3", "4", "5"]
    assert parsed.texts["td"][:4] == ["10.0 %", "0.5 km²", "11.0 %", "1.5 km²"]


def test_a_code_that_does_not_occur_has_no_layer_to_be_shown():
    shown = pictures()
    some = Pictures(shown.before, shown.after, shown.opacity, {1: shown.shares[1]})
    boxes = [box["data-layer"] for box in Parsed(page(told(), some)).every("input") if "data-layer" in box]
    assert boxes == ["cloud", "1"]


def test_without_coordinates_there_is_no_column_of_areas():
    bare = Page("scene", "", (0.05, 0.75), [Row(1, "1 kept", "100.0 %")])
    assert "Area" not in Parsed(page(bare, pictures())).texts["th"]


def test_thresholds_are_marked_on_the_scale_of_opacity(parsed):
    marks = [attributes.get("style", "") for attributes in parsed.every("span")]
    assert [mark for mark in marks if mark.startswith("left")] == ["left:5%", "left:75%"]


def test_the_same_result_gives_the_same_bytes(tmp_path):
    for name in ("a.html", "b.html"):
        write(tmp_path / name, told(), pictures())
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
