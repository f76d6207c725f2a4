"""The page about a result in a real browser: keys, mouse, layers, names for screen readers, light and dark."""

import re
from pathlib import Path

import pytest

from cloud_removal.inference.reports.page import write
from tests import browser
from tests.inference.pages import NASTY, pictures, told

pytestmark = pytest.mark.skipif(browser.browser() is None, reason="no Chromium is installed to open the page in")

RIGHT, HOME, END, TAB, SPACE = ("ArrowRight", 39), ("Home", 36), ("End", 35), ("Tab", 9), (" ", 32, " ")
CUT = "getComputedStyle(viewer).getPropertyValue('--cut')"
SHOWN = "Array.from(document.querySelectorAll('.layer')).filter(l => l.offsetWidth > 0).map(l => l.id).join()"
FOCUS = "document.activeElement.id || document.activeElement.dataset.layer"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """The page, open; reload it for a fresh one."""
    folder = tmp_path_factory.mktemp("page")
    write(folder / "page.html", told(NASTY), pictures())
    with browser.tab(folder / "profile") as tab:
        tab.page = folder / "page.html"
        yield tab


@pytest.fixture
def tab(opened):
    opened.events.clear()
    opened.resize(1280, 1000)
    opened.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    opened.open(opened.page)
    return opened


def test_nothing_is_loaded_and_nothing_is_complained_of(tab):
    loaded = [e["params"]["request"]["url"] for e in tab.events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in loaded if not url.startswith("data:")] == [Path(tab.page).as_uri()]
    complaints = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
    assert not [event for event in tab.events if event["method"] in complaints]


def test_all_pictures_are_shown(tab):
    assert tab.value("Array.from(document.images).every(image => image.naturalWidth === 90)")
    assert tab.value("document.getElementById('after').getBoundingClientRect().width") > 300


def test_arrow_keys_move_the_divider_from_the_first_tab_stop(tab):
    tab.press(*TAB)
    assert tab.value(FOCUS) == "cut" and tab.value(CUT) == "50%"
    tab.press(*RIGHT)
    assert tab.value(CUT) == "51%" and tab.value("cut.getAttribute('aria-valuetext')") == "51 % before, 49 % after"
    tab.press(*HOME)
    assert tab.value(CUT) == "0%"
    tab.press(*END)
    assert tab.value(CUT) == "100%"


def colour(tab, share: float) -> list[int]:
    """What is painted in the picture at a share of its width, a quarter down."""
    place = tab.value("(r => [r.left, r.top, r.width, r.height])(viewer.getBoundingClientRect())")
    clip = {"x": place[0] + share * place[2], "y": place[1] + place[3] / 4, "width": 1, "height": 1, "scale": 1}
    taken = tab.ask("Page.captureScreenshot", format="png", clip=clip)["data"]
    script = """new Promise(done => {
        const image = new Image();
        image.onload = () => {
            const canvas = document.createElement('canvas').getContext('2d');
            canvas.drawImage(image, 0, 0);
            done(Array.from(canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)));
        };
        image.src = 'data:image/png;base64,TAKEN';
    })""".replace("TAKEN", taken)
    return tab.value(script)


def test_before_is_left_of_the_divider_and_after_right_of_it(tab):
    assert colour(tab, 0.4) == [255, 0, 0] and colour(tab, 0.6) == [0, 255, 0]


def test_the_divider_is_dragged_in_the_picture(tab):
    left, top, width = tab.value("(r => [r.left, r.top, r.width])(viewer.getBoundingClientRect())")
    tab.drag(*((left + share * width, top + 50) for share in (0.4, 0.6, 0.8)))
    assert tab.value(CUT) == "80%" and tab.value("cut.value") == "80"
    assert colour(tab, 0.7) == [255, 0, 0]


def test_no_layer_hides_the_picture_at_first(tab):
    assert tab.value(SHOWN) == ""


def test_layers_are_reached_by_tab_and_toggled_by_space(tab):
    order = []
    for _ in range(9):
        tab.press(*TAB)
        order.append(tab.value(FOCUS))
    assert order == ["cut", "cloud", "all", "0", "1", "2", "3", "4", "5"]
    tab.press(*SPACE)
    assert tab.value(SHOWN) == "layer-5" and tab.value("all.indeterminate")
    tab.press(*SPACE)
    assert tab.value(SHOWN) == "" and not tab.value("all.indeterminate")


def test_all_that_is_not_kept_is_shown_at_once(tab):
    for _ in range(3):
        tab.press(*TAB)
    tab.press(*SPACE)
    assert tab.value(SHOWN) == "layer-2,layer-3,layer-4,layer-5"
    assert colour(tab, 0.65)[1] < 200 and colour(tab, 0.2) == [255, 0, 0]


def test_everything_that_is_operated_has_a_name_for_screen_readers(tab):
    nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node["name"]["value"].strip())
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in ("slider", "checkbox", "image", "table")
    ]
    assert [role for role, _ in named].count("checkbox") == 8 and all(name for _, name in named)
    assert ("slider", "Divider") in named and any(name.startswith("Before: the scene") for _, name in named)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(tab, scheme):
    tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    paper = luminance(tab.value("getComputedStyle(document.body).backgroundColor"))
    panel = luminance(tab.value("getComputedStyle(document.querySelector('section')).backgroundColor"))
    assert (paper > 0.5) == (scheme == "light")
    for place in ("h1", "header p", "figcaption", "caption", ".facts th", ".bar span", "td", ".warning"):
        ink = luminance(tab.value(f"getComputedStyle(document.querySelector('{place}')).color"))
        for ground in (paper, panel):
            assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 4.5, place


def luminance(colour: str) -> float:
    """Relative luminance. Source: WCAG 2.2."""
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_nothing_sticks_out_on_narrow_or_wide_screens(tab, width):
    tab.resize(width, 900)
    assert tab.value("document.documentElement.scrollWidth") <= width
