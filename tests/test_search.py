"""`make search`, small: one thing changed at a time, trained and judged alike, and what the table says of it."""

import contextlib
import dataclasses
import io
import json

import keras
import pytest

from benchmarks.search import __main__ as command
from benchmarks.search.variants import BASE, Search
from cloud_removal.cli import quiet  # noqa: F401 - TensorFlow is imported quietly.
from configure import DEFOG, DEFOG_DEFAULT

SMALL = ("--size", "64", "--width", "2", "--judged", "2", "--steps", "1")


def different(one, other):
    """Names of the fields in which two settings differ."""
    return {field.name for field in dataclasses.fields(one) if getattr(one, field.name) != getattr(other, field.name)}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(folder, what it printed) of a search among two on procedural ground."""
    output, printed, policy = tmp_path_factory.mktemp("search"), io.StringIO(), keras.config.dtype_policy()
    with contextlib.redirect_stdout(printed):
        code = command.main([*SMALL, "--only", BASE, "direct", "--output", str(output)])
    yield (output, printed.getvalue()) if code == 0 else pytest.fail(f"exit code {code}")
    keras.config.set_dtype_policy(policy)


def test_the_search_starts_from_the_default_preset():
    base, preset = Search().run_of(BASE, steps=9), DEFOG[DEFOG_DEFAULT]
    assert different(base, preset) <= {"steps", "run_dir", "size"}


@pytest.mark.parametrize("name", [name for name in Search.variants if name != BASE])
def test_a_run_differs_from_the_preset_in_what_it_is_to_change_only(name):
    base, other = Search().run_of(BASE), Search().run_of(name)
    variant = Search.variants[name]
    parts = {"options": variant.options, "simulation": variant.weather, "augmentation": variant.ground}
    assert different(base, other) == {"run_dir", *variant.settings, *(part for part, some in parts.items() if some)}
    assert different(base, other) != {"run_dir"}
    assert different(base.options, other.options) == set(variant.options)


def test_the_table_has_a_row_for_each_run_and_says_which_is_best(done):
    output, printed = done
    numbers = json.loads((output / "numbers.json").read_text())
    assert list(numbers["runs"]) == [BASE, "direct"] and numbers["runs"][BASE]["steps"] == 1
    for name in (BASE, "direct"):
        psnr = numbers["scores"]["simulated"][f"{name}, remove"]["whole"]["psnr"]
        assert f"| {Search.variants[name].title} |" in printed and f"{psnr:.2f}" in printed
    assert (output / "simulated.png").exists()
    found = {name: numbers["scores"]["simulated"][f"{name}, remove"]["whole"]["psnr"] for name in (BASE, "direct")}
    first = max(found, key=found.get)
    wanted = f"Best on `simulated`: by `remove` {Search.variants[first].title}, {found[first]:.2f} dB ("
    assert wanted in printed


def test_narrowed_networks_keep_the_proportions_of_their_widths():
    widths = {name: Search(width=12).run_of(name).options.widths for name in (BASE, "narrow", "wide")}
    assert widths == {BASE: (12, 24, 48, 64, 80), "narrow": (8, 16, 32, 43, 54), "wide": (16, 32, 64, 86, 108)}
