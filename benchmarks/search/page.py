"""The results as Markdown; everything in it comes from numbers.json."""

from collections.abc import Mapping
from typing import Any

from benchmarks.comparison.described import described, measured_on
from benchmarks.comparison.scores import ALONE, NOTHING, REMOVE
from benchmarks.cures.page import table
from benchmarks.search.variants import BASE, CHOICES

TRAINING = {"weights": ("weights", ",d"), "steps": ("steps", ",d")}
MEASURES = {"PSNR dB": ("psnr", ".2f"), "SSIM": ("ssim", ".3f")}


def section(numbers: Mapping[str, Any]) -> str:
    """The Markdown of `numbers`."""
    scores = numbers["scores"]
    rows = {NOTHING: cells(scores, NOTHING)}
    for name, run in numbers["runs"].items():
        rows[CHOICES[name].title] = run | cells(scores, f"{name}, {REMOVE}")
    columns = dict(TRAINING)
    for data_set in scores:
        columns |= {f"{data_set}: {title}": (f"{data_set}, {key}", form) for title, (key, form) in MEASURES.items()}
    best_ones = [best(found, data_set) for data_set, found in scores.items()]
    return "\n\n".join([how(numbers), table(rows, columns), *best_ones]) + "\n"


def cells(scores: Mapping[str, Any], method: str) -> dict[str, float]:
    """The scores of one method on the whole pictures of every set: {"set, measure": value}."""
    return {f"{name}, {key}": value for name, found in scores.items() for key, value in found[method]["whole"].items()}


def how(numbers: Mapping[str, Any]) -> str:
    """How it was measured, in words."""
    own, scores = numbers["comparison"], numbers["scores"]
    budget = f"{own['steps']} steps" if own["steps"] else f"{own['minutes']:g} minutes"
    sets = "; ".join(
        f"`{name}`: {found[NOTHING]['whole']['pictures']} pictures, {described(name)}" for name, found in scores.items()
    )
    return (
        f"Measured on {measured_on(numbers)}: every run is the preset `{BASE}` with one thing, and what it needs, "
        f"changed, from nothing, for {budget}, pictures of {own['size']} px. Scores by `remove`. {sets}. Simulated "
        "pictures have the weather and the ground of the preset: runs with others are at a disadvantage there."
    )


def best(scores: Mapping[str, Any], data_set: str) -> str:
    """Which run has the highest PSNR on a set, by `remove` and by the network alone, in a sentence."""
    found = []
    for way, named in ((REMOVE, f"`{REMOVE}`"), (ALONE, f"the {ALONE}")):
        ending = f", {way}"
        psnr = {key.removesuffix(ending): s["whole"]["psnr"] for key, s in scores.items() if key.endswith(ending)}
        name = max(psnr, key=lambda key: psnr[key])
        more = f" ({psnr[name] - psnr[BASE]:+.2f} dB to `{BASE}`)" if BASE in psnr else ""
        found.append(f"by {named} {CHOICES[name].title}, {psnr[name]:.2f} dB{more}")
    return f"Best on `{data_set}`: {found[0]}; {found[1]}."
