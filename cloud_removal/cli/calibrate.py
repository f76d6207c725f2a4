"""`calibrate`: measures how far a model may be off, writes that into its card, or compares it with real pairs."""

import functools
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cloud_removal.cli.progress import with_bar
from cloud_removal.errors import EmptyDatasetError, ModelError, OptionError, expect
from cloud_removal.files import write_result
from cloud_removal.model_folder import CARD, INPAINT, version_of

if TYPE_CHECKING:
    from cloud_removal.evaluation.calibration import Recipe, Seen, Truth
    from cloud_removal.evaluation.metrics import Picture
    from cloud_removal.inference.holes.completer import CompleterModel
    from cloud_removal.inference.model import Card, Model
    from cloud_removal.inference.uncertainty.calibration import Classes

COVERAGE = 0.9
"""Of pixels of new pictures of the same kind, the share that half-widths are to hold."""
EACH_PAIR = 1000
"""Pixels of each real pair that are looked at: there are few pairs."""
ACCURACY = 4
"""Digits of a factor: more than pictures tell."""


@dataclass(frozen=True)
class Command:
    """Measures how far a model may be off, for remove --uncertainty and --abstain X, and writes it into its card.

    The ground of --ground, which the model must not have learned from, is put under clouds simulated as in its
    training. One half of it says how wide 90 % intervals have to be, for each class of opacity (split-conformal); on
    the other half, under other clouds, is counted how many hold, and that is written beside. With --pairs the error
    bars of the card are compared with real pairs, and nothing is written. Tables go to stdout. See docs/uncertainty.md.
    """

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Model folder, NAME or NAME/VERSION, whose card is changed."""
    ground: tuple[Path, ...] = ()
    """Folders of clear pictures, or tile stores, that the model did not learn from."""
    pairs: Path | None = None
    """Instead of --ground, a folder of real pairs: cloud/NAME and clear/NAME."""
    only: tuple[str, ...] = ()
    """Names of pairs to take: names with or without ending, first:N or last:N."""
    pictures: int = 600
    """Pictures to simulate, one half to calibrate, one half to check. At least 80; some hundreds are worth it."""
    seed: int = 0
    """Of the clouds, and of which pixels are looked at; the check has another."""
    inpaint_model: Path | None = None
    """Model folder that fills what opaque cloud hides, whose errors are measured too; without it the bundled one."""
    inpaint: bool = True
    """--no-inpaint: no model fills anything; only the network's own guess is measured there."""
    data: str = ""
    """What the ground shows, in words, for the card; without it the names of its folders."""

    def run(self) -> None:
        """Measures, prints, and writes the card."""
        self._check()
        from cloud_removal.evaluation.calibration import drawn, factors, joined, judged
        from cloud_removal.inference.holes.completer import CompleterModel
        from cloud_removal.inference.model import Model
        from cloud_removal.inference.uncertainty.calibration import Calibration, Classes

        model = Model.load(self.model)
        filler = self._filler()
        inpaint = CompleterModel.load(filler) if filler else None
        if self.pairs is not None:
            return self._compare(model, inpaint, Calibration.of(model.card))
        classes, recipe = Classes.of(model.card), recipe_of(model.card)
        treat = Treatment(model, inpaint, classes)
        half = self.pictures // 2
        first, second = (
            joined(with_bar(drawn(picture, half, treat, seed=self.seed), half)) for picture in self._simulated(recipe)
        )
        found = [_shortened(factor) for factor in factors(first, len(classes.names()), COVERAGE)]
        report = judged(second, found, classes.names(), treat.beside)
        print(table(report))
        section = self._section(classes, report, inpaint, recipe)
        Calibration.from_json(section)  # What could not be read again is not written.
        print(write_card(model.card, section))
        print("note: a server answers with the card of the export: export the model again to serve it", file=sys.stderr)

    def _check(self) -> None:
        if bool(self.ground) == (self.pairs is not None):
            raise OptionError("Give --ground DIR, clear pictures to calibrate on, or --pairs DIR to compare with.")
        if self.only and self.pairs is None:
            raise OptionError("--only goes with --pairs DIR. Leave it out.")
        if self.inpaint_model is not None and not self.inpaint:
            raise OptionError("--inpaint-model and --no-inpaint: give one of them.")
        expect(self.pictures >= 80, "pictures", self.pictures, "80 or more")
        expect(self.seed >= 0, "seed", self.seed, "0 or more")

    def _filler(self) -> Path | None:
        if not self.inpaint:
            return None
        return self.inpaint_model or (INPAINT if version_of(INPAINT) else None)

    def _simulated(self, recipe: "Recipe") -> "Iterator[Callable[[int], tuple[Picture, Truth]]]":
        """Pictures to calibrate on, and those of other ground under other clouds to check."""
        from cloud_removal.data.ground import open_ground
        from cloud_removal.evaluation.calibration import simulated

        halves = [open_ground(self.ground, (), 0.5, split, "--ground") for split in ("training", "validation")]
        for number, source in enumerate(halves):
            yield functools.partial(simulated, source, recipe, 2 * self.seed + number)

    def _section(
        self, classes: "Classes", report: dict[str, Any], inpaint: "CompleterModel | None", recipe: "Recipe"
    ) -> dict[str, Any]:
        """What the card says of it."""
        from cloud_removal.inference.uncertainty.calibration import FORMULA

        generator = {"title": inpaint.card.title, "content": inpaint.card.fingerprint} if inpaint else None
        return {
            "coverage": COVERAGE,
            "formula": FORMULA,
            "units": "pictures in [0, 1]; the largest error of the three bands",
            "least": classes.least,
            "opacity": list(classes.upto),
            "generator": generator,
            "simulated": {
                "ground": self.data or [folder.resolve().name for folder in self.ground],
                "pictures": [self.pictures // 2, self.pictures // 2],
                "size": recipe.size,
                "seed": self.seed,
            },
            **report,
        }

    def _compare(self, model: "Model", inpaint: "CompleterModel | None", calibration: Any) -> None:
        """Prints how the error bars of the card hold on real pairs."""
        from cloud_removal.data.pairs import names_of_pairs
        from cloud_removal.evaluation import evaluate
        from cloud_removal.evaluation.calibration import drawn, joined, judged

        assert self.pairs is not None
        names = evaluate.chosen(names_of_pairs(self.pairs), self.only)
        treat = Treatment(model, inpaint, calibration.classes)
        picture = functools.partial(_pair, self.pairs, names)
        pixels = joined(with_bar(drawn(picture, len(names), treat, EACH_PAIR, self.seed), len(names)))
        if not pixels.error.size:
            raise EmptyDatasetError(f"--pairs {self.pairs}: the model sees no cloud in any of its pictures.")
        print(f"{model.card.title} on {len(names)} pairs of {self.pairs}")
        print(table(judged(pixels, calibration.factors, calibration.classes.names(), treat.beside)))
        print(treat.kept_line())


class Treatment:
    """What `remove` makes of pictures, as error bars see it: with opaque cloud guessed and, by `inpaint`, generated."""

    def __init__(self, model: "Model", inpaint: "CompleterModel | None", classes: "Classes"):
        self._model, self._inpaint, self._classes = model, inpaint, classes
        self.beside = (classes.guessed,) if inpaint else ()
        """Classes of another result than that of the defaults."""
        self._pixels, self._kept, self._counting = 0, 0, threading.Lock()

    def __call__(self, picture: "Picture") -> "Iterator[Seen]":
        from cloud_removal.evaluation.calibration import Seen
        from cloud_removal.inference.compose import KEPT
        from cloud_removal.inference.picture import filled, treated

        before = treated(self._model, picture)
        with self._counting:
            self._pixels += before.provenance.size
            self._kept += int((before.provenance == KEPT).sum())
        within = self._classes.within(before.provenance, before.opacity, False)
        if self._inpaint is not None:
            after = filled(before, self._inpaint)
            generated = self._classes.within(after.provenance, after.opacity, True)
            generated[generated != self._classes.generated] = -1
            yield Seen(after.picture, generated, self._classes.expected(generated, after.opacity))
            within[(generated >= 0) & (within != self._classes.guessed)] = -1  # The edge of what is filled.
        yield Seen(before.picture, within, self._classes.expected(within, before.opacity))

    def kept_line(self) -> str:
        """How much error bars say nothing of."""
        share = 100 * self._kept / max(1, self._pixels)
        return f"{share:.1f} % of the pixels were kept as they were; of these error bars say 0"


def recipe_of(card: "Card") -> "Recipe":
    """How a model's pictures were drawn in training. ModelError where its card does not say."""
    from cloud_removal.config import Augmentation, Simulation, from_json
    from cloud_removal.evaluation.calibration import Recipe

    try:
        config, where = card.values["config"], str(card.folder / CARD)
        simulation, augmentation = (
            from_json(kind, config[name], where)
            for kind, name in ((Simulation, "simulation"), (Augmentation, "augmentation"))
        )
        return Recipe(simulation, augmentation, int(config["size"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{card.folder / CARD} does not say how the model was trained ({error!r}); its clouds cannot be simulated."
        ) from error


def write_card(card: "Card", section: dict[str, Any]) -> Path:
    """Writes a model's card anew with its error bars. Returns the file."""
    from cloud_removal.inference.uncertainty.calibration import SECTION

    file = card.folder / CARD
    content = json.dumps(card.values | {SECTION: section}, indent=2) + "\n"
    write_result(file, content.encode(), "Calibrate a copy of the model that can be written to.")
    return file


def table(report: dict[str, Any]) -> str:
    """Coverage of each class and of all, and what thresholds leave; half-widths and errors in 255ths."""
    width = max(len(row["name"]) for row in report["classes"])
    lines = [f"{'class':<{width}}  covered  half-width  mean error  pixels  pictures"]
    for row in report["classes"]:
        lines.append(f"{row['name']:<{width}}{_numbers(row)}{row['pixels']:>8}{row['pictures']:>10}")
    lines.append(f"{'all of the result':<{width}}{_numbers(report)}")
    lines.append(f"{'half-width at most':<{width}}  accepted  mean error")
    for row in report["accepted"]:
        at_most, share, error = 255 * row["threshold"], 100 * row["share"], 255 * row["error"]
        lines.append(f"{at_most:<{width}.0f}{share:>8.1f} %{error:>12.1f}")
    return "\n".join(lines)


def _numbers(row: dict[str, Any]) -> str:
    values = (row["covered"], 100, " %", 7), (row["half_width"], 255, "", 12), (row["error"], 255, "", 12)
    return "".join(
        f"{'-' if value is None else format(value * scale, '.1f') + unit:>{width + len(unit)}}"
        for value, scale, unit, width in values
    )


def _pair(folder: Path, names: Sequence[str], number: int) -> "tuple[Picture, Truth]":
    import numpy as np

    from cloud_removal.evaluation.evaluate import read_pairs

    [pair] = read_pairs(folder, [names[number]])
    return pair.cloudy, pair.clear.astype(np.float32) / np.float32(255.0)


def _shortened(factor: float | None) -> float | None:
    return None if factor is None else float(f"{factor:.{ACCURACY}g}")
