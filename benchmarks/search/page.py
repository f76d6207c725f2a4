"""The results as Markdown; everything in it comes from numbers.json."""

from collections.abc import Mapping
from typing import Any

from benchmarks.comparison.scores import ALONE, NOTHING, REMOVE
from benchmarks.comparison.words import described, measured_on
from benchmarks.cures.page import table
from benchmarks.search.variants import BASE, Search

TRAINING = {"weights": ("weights", ",d"), "steps": ("steps", ",d")}
MEASURES = {"PSNR dB": ("psnr", ".2f"), "SSIM": ("ssim", ".3f")}


def section(numbers: Mapping[str, Any]) -> str:
    """The Markdown of `numbers`."""
    runs, scores = numbers["runs"], numbers["scores"]
    sets = list(scores)
    rows = {"do nothing": {f"{s}, {m}": v for s in sets for m, v in scores[s][NOTHING]["whole"].items()}}
    for name, run in runs.items():
        rows[Search.variants[name].title] = run | {
            f"{s}, {m}": v for s in sets for m, v in scores[s][f"{name}, {REMOVE}"]["whole"].items()
        }
    columns = TRAINING | {f"{s}: {title}": (f"{s}, {m}", form) for s in sets for title, (m, form) in MEASURES.items()}
    parts = [how(numbers), table(rows, columns), *(f"{best(scores[s], s)}" for s in sets)]
    return "\n\n".join(parts) + "\n"


def how(numbers: Mapping[str, Any]) -> str:
    """How it was measured, in words."""
    own, scores = numbers["comparison"], numbers["scores"]
    budget = f"{own['steps']} steps" if own["steps"] else f"{own['minutes']:g} minutes"
    sets = "; ".join(f"{s}: {scores[s][NOTHING]['whole']['pictures']} pictures, {described(s)}" for s in scores)
    return (
        f"Measured on {measured_on(numbers)}: every run is the preset `{BASE}` with one thing changed, from nothing, "
        f"for {budget}, pictures of {own['size']} px. Scores by `remove`. {sets}."
    )


def best(scores: Mapping[str, Any], data_set: str) -> str:
    """Which run has the highest PSNR on a set, by `remove` and by the network alone, in a sentence."""
    found = []
    for way in (REMOVE, ALONE):
        psnr = {name.removesuffix(f", {way}"): s["whole"]["psnr"] for name, s in scores.items() if name.endswith(way)}
        name = max(psnr, key=lambda key: psnr[key])
        more = f" ({psnr[name] - psnr[BASE]:+.2f} dB to `{BASE}`)" if BASE in psnr else ""
        found.append(f"{'`remove`' if way == REMOVE else way} {Search.variants[name].title}, {psnr[name]:.2f} dB{more}")
    return f"Best on {data_set}: by {found[0]}; {found[1]}."
