"""`evaluate`: scores of a model, and of simple methods beside it, on pairs of pictures, on holes or on a style."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cloud_removal.cli.progress import with_bar
from cloud_removal.errors import OptionError
from cloud_removal.files import check_targets, write_result
from cloud_removal.model_folder import DEFAULT, INPAINT, version_of

if TYPE_CHECKING:
    import numpy as np

    from cloud_removal.evaluation.evaluate import Judged, Method, Pair

PANEL_SIDE = 256
"""Pixels of a picture of the panel."""
ANOTHER = "Name another file."
FOLDERS = {"defog": ("pairs", "simulated"), "inpaint": ("pairs", "ground"), "style": ("pictures",)}
"""Where the pictures of each task come from: one of these options."""


@dataclass(frozen=True)
class Command:
    """Scores a model on pairs of cloudy and clear pictures, beside doing nothing. The table goes to stdout.

    The model is run as `remove` runs it with its defaults. Scores are means over pictures: PSNR in dB and MAE in
    digital numbers on 8-bit RGB, SSIM with a Gaussian window, the spectral angle in degrees, and the gradient energy
    of the result over that of the clear picture (1: as sharp as the truth); for the whole picture and inside and
    outside the cloud, which is where the pair differs by more than 0.06 of the range.

    With --task inpaint a polygon is cut out of each clear picture, always the same one, and filled again. Scores are
    those inside it: MAE, PSNR, SSIM; texture, the gradient energy inside over that around (1: neither blur nor noise);
    rim, the same across its edge; checkerboard, the power at periods of 2 to 8 px over that beside, truth being 1.

    With --task style a translation without pairs is judged, its network taken everywhere. edges is the correlation of
    the strength of edges before and after (1: all stayed in place, 0: none; least: the worst picture), change the mean
    absolute difference, colours how far all the pictures' colours are from those of --reference (earth mover's distance
    in each channel, mean), both in digital numbers.
    """

    pairs: Path | None = None
    """Folder of pairs: cloud/NAME and clear/NAME. --task inpaint takes the clear ones."""
    ground: Path | None = None
    """Instead of pairs, a folder of clear pictures, for --task inpaint."""
    simulated: Path | None = None
    """Instead of pairs, a folder of clear pictures to lay a fixed haze over (mean opacity 0.3 to 0.6, seed 0)."""
    pictures: Path | None = None
    """Instead of pairs, a folder of pictures to be translated, for --task style."""
    reference: Path | None = None
    """With --task style, a folder of pictures as the translated ones should look, of whatever places."""
    task: Literal["defog", "inpaint", "style"] = "defog"
    """What is judged: taking clouds and haze off, filling holes, or turning one kind of picture into another."""
    model: Path | None = None
    """Model folder, NAME or NAME/VERSION; without it, the bundled one (there is none for --task style)."""
    peers: bool = False
    """Judge simple methods too: dark channel prior, a fixed un-veil, bright-pixel mask + Telea inpainting; for holes
    Telea, Navier-Stokes and biharmonic inpainting; for a style a straight line for each channel, from the mean and
    deviation of all pictures to those of --reference."""
    raw: bool = False
    """Judge the network alone too: its ground everywhere, clear pixels not kept; of holes, its answer not blended."""
    only: tuple[str, ...] = ()
    """Names to judge: names with or without ending, first:N or last:N."""
    json: Path | None = None
    """File to write all scores to, of single pictures too."""
    panel: Path | None = None
    """PNG to write with rows of pictures: cloudy, opacity, restored, clear; with holes, ragged, filled, clear; of a
    style, as it was, translated, and one of --reference, of another place."""
    panel_rows: int = 8
    """Rows of the panel, evenly spread over the pictures."""
    overwrite: bool = False
    """Replace a --json or --panel that exists."""

    def run(self) -> None:
        """Judges, then prints and writes."""
        self._check()
        if self.task == "inpaint":
            from cloud_removal.cli.holes import evaluate_holes

            return evaluate_holes(self)
        if self.task == "style":
            from cloud_removal.cli.style import evaluate_style

            return evaluate_style(self)
        count, pairs = self._pairs()
        title, methods = self._methods()
        judged = Judgement(methods, self.panel_rows if self.panel else 0, count)
        judged.judge(pairs)
        from cloud_removal.evaluation.evaluate import CLOUD, table

        means = judged.means()
        print(f"{title} on {self.pairs or self.simulated}, cloud: {CLOUD}")
        print(table(means))
        if self.json is not None:
            scores = json.dumps(self._report(title, means, judged), indent=1, allow_nan=False)
            write_result(self.json, scores.encode(), ANOTHER)
        if self.panel is not None:
            write_result(self.panel, judged.panel(), ANOTHER)

    def _check(self) -> None:
        """Refuses what cannot be done before the work."""
        folders = dict.fromkeys(name for names in FOLDERS.values() for name in names)
        given = [name for name in folders if getattr(self, name) is not None]
        if len(given) != 1 or given[0] not in FOLDERS[self.task]:
            raise OptionError(
                "Give --pairs DIR (with DIR/cloud and DIR/clear) or a folder of clear pictures: --simulated DIR, "
                "or with --task inpaint --ground DIR; with --task style --pictures DIR."
            )
        self._check_style()
        if self.panel is not None and self.panel.suffix.lower() != ".png":
            raise OptionError(f"--panel {self.panel}: expected a name that ends in .png.")
        if self.panel_rows < 1:
            raise OptionError(f"--panel-rows {self.panel_rows}: expected a number of rows, at least 1.")
        check_targets({"--json": self.json, "--panel": self.panel}, self.overwrite)

    def _check_style(self) -> None:
        """Refuses what has no meaning for a style, or for nothing else."""
        if self.reference is not None and self.task != "style":
            raise OptionError(f"--reference {self.reference}: that goes with --task style. Leave it out.")
        if self.task == "style" and self.raw:
            raise OptionError("--raw: with --task style the network is judged alone anyhow. Leave it out.")
        if self.task == "style" and self.peers and self.reference is None:
            raise OptionError("--peers: a style is moved towards --reference DIR. Give it too.")

    def _pairs(self) -> tuple[int, "Iterator[Pair]"]:
        from cloud_removal.data.pairs import names_of_pairs
        from cloud_removal.evaluation import evaluate

        if self.pairs is not None:
            names = evaluate.chosen(names_of_pairs(self.pairs), self.only)
            return len(names), evaluate.read_pairs(self.pairs, names)
        assert self.simulated is not None
        names = evaluate.chosen(evaluate.names_of_ground(self.simulated), self.only)
        return len(names), evaluate.hazy_pairs(self.simulated, names)

    def _methods(self) -> tuple[str, "dict[str, Method]"]:
        """The model's title, and the methods by name: first doing nothing, last the model as `remove` runs it."""
        from cloud_removal.evaluation.evaluate import Restored
        from cloud_removal.evaluation.peers import PEERS
        from cloud_removal.inference.holes.completer import CompleterModel
        from cloud_removal.inference.model import Model
        from cloud_removal.inference.picture import restore_picture

        def peer(method: "Callable[[np.ndarray], np.ndarray]") -> "Method":
            return lambda picture: Restored(method(picture))

        model = Model.load(self.model or DEFAULT)
        chosen = {name: peer(method) for name, method in PEERS.items() if self.peers or name == "do nothing"}
        if self.raw:
            chosen["network alone"] = lambda picture: Restored(*restore_picture(model, picture, raw=True))
        inpaint = CompleterModel.load(INPAINT) if version_of(INPAINT) else None
        chosen["remove"] = lambda picture: Restored(*restore_picture(model, picture, inpaint=inpaint))
        return model.card.title, chosen

    def _report(self, title: str, means: dict[str, Any], judged: "Judgement") -> dict[str, Any]:
        from cloud_removal.evaluation.evaluate import CLOUD

        return {
            "model": title,
            "data": str(self.pairs or self.simulated),
            "simulated": self.simulated is not None,
            "only": list(self.only),
            "cloud": CLOUD,
            "means": means,
            "pictures": judged.by_picture(),
        }


def shown_rows(rows: int, count: int) -> set[int]:
    """Which of `count` pictures the panel shows: `rows` of them, evenly spread."""
    return {round((row + 0.5) * count / rows - 0.5) for row in range(rows)}


class Judgement:
    """Scores as they come, and some pictures for the panel."""

    def __init__(self, methods: "dict[str, Method]", rows: int, count: int):
        self.methods, self.count = methods, count
        self.shown = shown_rows(rows, count)
        self.scores: dict[str, dict[str, Any]] = {name: {} for name in methods}
        self.rows: list[Judged] = []

    def judge(self, pairs: "Iterator[Pair]") -> None:
        """Runs all methods on all pairs, with a progress bar on stderr."""
        from cloud_removal.evaluation.evaluate import judge

        for index, judged in enumerate(with_bar(judge(pairs, self.methods), self.count)):
            for name, scores in judged.scores.items():
                self.scores[name][judged.pair.name] = scores
            if index in self.shown:
                self.rows.append(judged)

    def means(self) -> dict[str, Any]:
        """Of each method: {method: {place: {measure: mean}}}."""
        from cloud_removal.evaluation.evaluate import means

        return {name: means(list(scores.values())) for name, scores in self.scores.items()}

    def by_picture(self) -> dict[str, Any]:
        """Of each method and picture; what is not a number is null."""
        return {
            method: {
                name: {p: {m: v if v == v else None for m, v in values.items()} for p, values in places.items()}
                for name, places in scores.items()
            }
            for method, scores in self.scores.items()
        }

    def panel(self) -> bytes:
        """PNG: a row for each picture kept, cloudy, opacity, each method's result but doing nothing, clear."""
        from cloud_removal import plots

        shown = [name for name in self.methods if name != "do nothing"]
        columns = {"cloudy": [row.pair.cloudy for row in self.rows]}
        columns["opacity"] = [_opacity_picture(row) for row in self.rows]
        columns |= {name: [row.restored[name].picture for row in self.rows] for name in shown}
        columns["clear"] = [row.pair.clear for row in self.rows]
        return plots.png(plots.grid({title: stacked(pictures) for title, pictures in columns.items()}))


def _opacity_picture(row: "Judged") -> "np.ndarray":
    import numpy as np

    opacity = row.restored["remove"].opacity
    assert opacity is not None
    return np.round(255.0 * np.nan_to_num(opacity))[..., None].astype(np.uint8).repeat(3, axis=-1)


def stacked(pictures: "list[np.ndarray]") -> "np.ndarray":
    """Pictures uint8 of any size as (B, PANEL_SIDE, PANEL_SIDE, 3) in [0, 1], cut square in the middle."""
    import cv2
    import numpy as np

    squares = []
    for picture in pictures:
        height, width = picture.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = picture[top : top + side, left : left + side]
        squares.append(cv2.resize(square, (PANEL_SIDE, PANEL_SIDE), interpolation=cv2.INTER_AREA))
    return np.stack(squares).astype(np.float32) / np.float32(255.0)
