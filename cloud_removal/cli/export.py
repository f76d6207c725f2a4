"""`export`: the network of a training run, at its newest checkpoint, or of a model folder, as a model folder."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cloud_removal.cli.export_again import read_card, rebuilt
from cloud_removal.errors import InputError, ModelError, OptionError
from cloud_removal.model_folder import BUNDLED, CARD, version_of

if TYPE_CHECKING:
    from cloud_removal.config import Data, Run
    from cloud_removal.systems import System


@dataclass(frozen=True)
class Command:
    """Writes the network of a training run as MODEL_DIR/VERSION: a SavedModel, its weights and its card.

    VERSION is the next free number. Of averaged weights (--ema) the averages are written. A model folder is written
    anew, as this version of the program writes models: the weights stay. Prints the folder.
    """

    run_dir: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN_DIR")]
    """Folder of a training run (its --run-dir), or a model folder, NAME or NAME/VERSION."""
    model_dir: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL_DIR")]
    """Model folder; its name is the model's name."""
    command: str = ""
    """The command the run was trained by, for the card; without it, what the run folder (or the card) says."""
    data: tuple[str, ...] = ()
    """What it was trained on, in words, for the card; without it, the folders of the run (or what the card says)."""
    licence: str | None = None
    """Licence of the training data, for the card; without it "not stated" (or what the card says)."""
    scores: tuple[Path, ...] = ()
    """Files written by `evaluate --json`; their means go into the card under the files' names."""
    curves: Path | None = None
    """Picture of the curves to lay beside the card; without it, curves.png of the run where there is one."""
    average: tuple[Path, ...] = ()
    """Model folders whose weights are averaged with those of RUN_DIR, a model folder too: of training runs that went on
    from one another (arXiv:2203.05482). Scores and error bars of the card are then left out."""
    shares: tuple[float, ...] = ()
    """Share of RUN_DIR in the average, then that of each of --average; without them all count alike."""
    keep_below: float | None = None
    """Opacity (0 to 1) under which `remove` leaves the picture as it is; without it 0.05 (or as the card says)."""
    opaque_above: float | None = None
    """Opacity (0 to 1) over which `remove` takes the ground to be hidden; without it 0.75 (or as the card says)."""

    def run(self) -> None:
        """Restores the newest checkpoint, or the weights of a model folder, and exports them."""
        model = None if (self.run_dir / "config.json").is_file() else version_of(self.run_dir)
        card = read_card(model) if model else {}
        keep_below, opaque_above = self._thresholds(card.get("thresholds", {}))
        self._check_average(model)
        before = {} if self.average else card.get("scores", {})
        scores = before | {path.stem: read_scores(path) for path in self.scores}
        curves = self._curves(model or self.run_dir)
        from cloud_removal.export import WARM_UP, Thresholds, export

        run, system, training = self._of_model(model, card) if model else self._of_run()
        written = export(
            system,
            run,
            self.model_dir,
            training=training,
            scores=scores,
            thresholds=Thresholds(keep_below, opaque_above),
            curves=curves,
            uncertainty=self._uncertainty(card, keep_below, opaque_above),
        )
        if not (written / WARM_UP).exists():
            print("note: no requests to warm a server up with; pip install 'cloud-removal[serving]'", file=sys.stderr)
        print(written)

    def _check_average(self, model: Path | None) -> None:
        if self.shares and not self.average:
            raise OptionError("--shares: that goes with --average MODEL. Leave it out.")
        if self.average and model is None:
            raise OptionError(f"--average: {self.run_dir} is no model folder. Export the run first, then average.")

    def _thresholds(self, before: dict[str, float]) -> tuple[float, float]:
        keep_below = before.get("keep_below", 0.05) if self.keep_below is None else self.keep_below
        opaque_above = before.get("opaque_above", 0.75) if self.opaque_above is None else self.opaque_above
        if not 0.0 <= keep_below < opaque_above <= 1.0:
            raise OptionError(
                f"--keep-below {keep_below} and --opaque-above {opaque_above}: "
                "expected 0 <= keep-below < opaque-above <= 1."
            )
        return keep_below, opaque_above

    def _uncertainty(self, card: dict[str, Any], keep_below: float, opaque_above: float) -> dict[str, Any] | None:
        """The error bars of the card of a model folder: its weights and thresholds stay, so they hold."""
        measured = None if self.average else card.get("uncertainty")
        if measured is None or card.get("thresholds") == {"keep_below": keep_below, "opaque_above": opaque_above}:
            return measured
        print("note: error bars were measured with other thresholds and are left out: calibrate anew", file=sys.stderr)
        return None

    def _curves(self, folder: Path) -> Path | None:
        if self.curves is not None and not self.curves.is_file():
            raise InputError(f"--curves {self.curves}: there is no such file. Draw it with the command plot.")
        drawn = folder / "curves.png"
        return self.curves or (drawn if drawn.is_file() else None)

    def _of_run(self) -> "tuple[Run, System, dict[str, Any]]":
        from cloud_removal.training.checkpoint import restore_run

        run, system, saved = restore_run(self.run_dir, lambda line: print(line, file=sys.stderr))
        return run, system, self._training(run, system, saved.step, saved.seconds)

    def _of_model(self, folder: Path, card: dict[str, Any]) -> "tuple[Run, System, dict[str, Any]]":
        given: dict[str, Any] = {"command": self.command, "data": list(self.data), "licence": self.licence}
        run, system = rebuilt(folder, card)
        if self.average:
            from cloud_removal.training.blend import blend

            blend(system, self.average, self.shares)
            given["averaged_with"] = [str(other) for other in self.average]
            given["shares"] = list(self.shares)
        return run, system, card["training"] | {name: value for name, value in given.items() if value}

    def _training(self, run: "Run", system: "System", steps: int, seconds: float) -> dict[str, Any]:
        """How the weights came about; times and steps of what the run started from are added."""
        commands = [self.command] if self.command else recorded_commands(self.run_dir)
        facts = {
            "data": list(self.data) or data_in_words(run.data, system.worsened),
            "licence": self.licence or "not stated",
            "command": "; then ".join(commands) or "not recorded",
            "steps": steps,
            "seconds": round(seconds),
            "images": steps * run.batch_size,
        }
        return facts if run.init is None else continued(facts, run.init)


def read_scores(path: Path) -> Any:
    """What `evaluate --json` wrote to `path`, without the scores of single pictures."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {name: value for name, value in values.items() if name != "pictures"}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(
            f"--scores {path} cannot be read ({error}). Expected a file that evaluate --json wrote."
        ) from error


def recorded_commands(run_dir: Path) -> list[str]:
    """The different commands of the stretches of a run, in order; none where the run folder does not name them."""
    path = run_dir / "commands.jsonl"
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return list(dict.fromkeys(json.loads(line)["command"] for line in lines if line.strip()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read ({error}). Give the command the run was trained by, with --command."
        ) from error


def data_in_words(data: "Data", worsened: str) -> list[str]:
    """The folders a run was trained on, and how their clear ground was `worsened`, where it was (`System.worsened`)."""
    unpaired = [f"{kind}: {folder}" for kind in ("a", "b") for folder in getattr(data, kind)]
    ground = [f"ground: {folder}" for folder in data.ground]
    clouds = [f"clouds: {folder}" for folder in data.clouds] + [worsened]
    pairs = [f"pairs: {data.pairs}"] if data.pairs else []
    held_out = [f"not trained on: {name}" for name in data.hold_out]
    if unpaired:
        return [*unpaired, *held_out]
    if not worsened:
        return [*(ground or ["ground: procedural"]), *held_out]
    if pairs and not ground:
        return pairs
    return [*(ground or ["ground: procedural"]), *clouds, *pairs, *held_out]


def continued(facts: dict[str, Any], init: Path) -> dict[str, Any]:
    """`facts` of a run that began from the model at `init`: with the card's training, and sums over both."""
    folder = version_of(init) or init
    card = folder / CARD
    if not card.is_file():
        return {**facts, "began_from": {"folder": str(init), "training": "not recorded"}}
    try:
        before = json.loads(card.read_text(encoding="utf-8"))["training"]
        sums = {name: facts[name] + before.get(name, 0) for name in ("steps", "seconds", "images")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{card}, which the run began from, is no model's card ({error!r}). Copy it again.") from error
    name = folder.relative_to(BUNDLED) if folder.is_relative_to(BUNDLED) else folder
    return {**facts, **sums, "began_from": {"folder": str(name), "training": before}}
