"""The results as Markdown; everything in it comes from numbers.json."""

from collections.abc import Mapping
from typing import Any

from benchmarks.comparison.described import described, measured_on
from benchmarks.comparison.scores import ALONE, NOTHING, REMOVE
from benchmarks.cures.page import table
from benchmarks.systems_table.variants import L1, PIX2PIX, UNET, VARIANTS

TRAINING = {
    "weights exported": ("weights", ",d"), "steps": ("steps", ",d"), "minutes": ("minutes", ".0f"),
    "pictures seen": ("pictures", ",d"),
}  # fmt: skip
SCORES = {
    "PSNR dB": (f"psnr, {ALONE}", ".2f"), "SSIM": (f"ssim, {ALONE}", ".3f"), "MAE /255": (f"mae, {ALONE}", ".2f"),
    "gradient": (f"gradient_energy_ratio, {ALONE}", ".2f"),
    "PSNR dB by `remove`": (f"psnr, {REMOVE}", ".2f"), "SSIM by `remove`": (f"ssim, {REMOVE}", ".3f"),
}  # fmt: skip


def section(numbers: Mapping[str, Any]) -> str:
    """The Markdown of `numbers`."""
    runs = numbers["runs"]
    trained = {f"{VARIANTS[name].title} (`{run['preset']}`)": run for name, run in runs.items()}
    parts = [how(numbers), table(trained, TRAINING)]
    for title, scores in numbers["scores"].items():
        count = scores[NOTHING]["whole"]["pictures"]
        parts += [f"On {described(title)}, {count} pictures:", table(rows(scores, list(runs)), SCORES)]
        parts += [text for text in (comparison(scores, PIX2PIX, L1), comparison(scores, PIX2PIX, UNET)) if text]
    return "\n\n".join(parts) + "\n"


def how(numbers: Mapping[str, Any]) -> str:
    """How it was measured, in words."""
    return (
        f"Measured on {measured_on(numbers)}: all from nothing, on the same simulated clouds at "
        f"{numbers['comparison']['size']} px, the learning rate falling to zero over the second half. The columns are "
        "of the network alone, but the last two; gradient is the sharpness of the result over that of the truth."
    )


def rows(scores: Mapping[str, Any], names: list[str]) -> dict[str, dict[str, Any]]:
    """Of the whole pictures, a row for each run, in front doing nothing: {title: {"psnr, network alone": value}}."""
    idle = scores[NOTHING]["whole"]
    found = {NOTHING: {f"{measure}, {way}": value for measure, value in idle.items() for way in (ALONE, REMOVE)}}
    for name in names:
        found[VARIANTS[name].title] = {
            f"{measure}, {way}": value
            for way in (ALONE, REMOVE)
            for measure, value in scores[f"{name}, {way}"]["whole"].items()
        }
    return found


def comparison(scores: Mapping[str, Any], one: str, other: str) -> str:
    """What run `one` has over run `other`, in a sentence; nothing where either is not there."""
    both = [scores.get(f"{name}, {ALONE}", {}).get("whole") for name in (one, other)]
    if None in both:
        return ""
    ours, theirs = both
    more = ours["psnr"] - theirs["psnr"]
    sharper = " and ".join(f"{values['gradient_energy_ratio']:.2f}" for values in (ours, theirs))
    names = f"{VARIANTS[one].title} beside {VARIANTS[other].title}"
    return f"{names}: {more:+.2f} dB, SSIM {ours['ssim'] - theirs['ssim']:+.3f}; gradients {sharper} of the truth's."
