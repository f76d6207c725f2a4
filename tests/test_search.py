"""`make search`: one thing changed at a time, and what the table says of it."""

import dataclasses

import pytest

from benchmarks.comparison.runs import built
from benchmarks.search.page import section
from benchmarks.search.variants import BASE, Search
from cloud_removal.cli import quiet  # noqa: F401 - TensorFlow is imported quietly.
from cloud_removal.config import to_json
from configure import DEFOG, DEFOG_DEFAULT


def different(one, other):
    """Names of the fields in which two settings differ."""
    return {field.name for field in dataclasses.fields(one) if getattr(one, field.name) != getattr(other, field.name)}


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


@pytest.mark.parametrize("name", ["direct", "unet", "batch-norm"])
def test_a_run_with_another_network_can_be_trained(name):
    assert built(Search(width=2, size=96).run_of(name)).networks["unet"].count_params() > 0


def scored(psnr):
    return {"whole": {"psnr": psnr, "ssim": 0.5, "pictures": 30}}


def test_the_table_has_a_row_for_each_run_and_says_which_is_best():
    found = {"do nothing": scored(20.0)}
    for name, removed, alone in ((BASE, 24.0, 23.0), ("direct", 23.5, 23.25)):
        found |= {f"{name}, remove": scored(removed), f"{name}, network alone": scored(alone)}
    run = {"weights": 1234567, "steps": 900, "precision": "float32"}
    numbers = {
        "machine": {"processor": "a processor", "cores": 2}, "comparison": to_json(Search()),
        "runs": {BASE: run, "direct": run}, "scores": {"simulated": found, "town": found},
    }  # fmt: skip
    text = section(numbers)
    title = Search.variants["direct"].title
    assert f"| {title} | 1,234,567 | 900 | 23.50 | 0.500 | 23.50 | 0.500 |" in text
    assert "| do nothing | – | – | 20.00 | 0.500 | 20.00 | 0.500 |" in text
    base = "by `remove` the preset `veil`, 24.00 dB (+0.00 dB to `veil`)"
    assert f"Best on `town`: {base}; by the network alone {title}, 23.25 dB (+0.25 dB to `veil`)." in text


def test_narrowed_networks_keep_the_proportions_of_their_widths():
    widths = {name: Search(width=12).run_of(name).options.widths for name in (BASE, "narrow", "wide")}
    assert widths == {BASE: (12, 24, 48, 64, 80), "narrow": (8, 16, 32, 43, 54), "wide": (16, 32, 64, 86, 108)}
