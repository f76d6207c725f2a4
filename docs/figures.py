"""`make figures`: results on real pictures, into figures/ (ignored by git: these pictures are not ours to publish).

Expects a folder with `pairs_rice1`, `pairs_rice2` (pairs of cloudy and clear pictures), `ground` and `geotiff`, a model
that fills holes, a run of train_scene.py, and those of `make experiments` and `make systems-table`; what is not there
is left out, and that is said. Models of translations are drawn where they are named.
"""

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.comparison.command import NUMBERS
from benchmarks.cures import results
from cloud_removal import cli
from cloud_removal.errors import OptionError
from cloud_removal.model_folder import INPAINT, version_of

FIGURES = Path("figures")
PAIRS = ("pairs_rice1", "pairs_rice2")


@dataclass(frozen=True)
class Figures:
    """Draws the figures that need real data."""

    data: Path = Path("../shared/data")
    """Folder of real pictures."""
    model: Path | None = None
    """Model folder; without it the bundled one."""
    inpaint_model: Path | None = None
    """Folder of a model that fills holes; without it the bundled one."""
    cures: Path = Path("runs/cures")
    """Where `make experiments` has left its runs."""
    systems: Path = Path("runs/systems")
    """Where `make systems-table` has left its pictures."""
    scene: Path = Path("runs/scene")
    """Run of train_scene.py."""
    restorers: tuple[Path, ...] = ()
    """Folders of further models that take clouds off (pix2pix, CycleGAN): panels of the pairs with each."""
    style: Path | None = None
    """Folder of a model that turns --before into --after."""
    before: Path | None = None
    """Folder of pictures of the one kind, for --style."""
    after: Path | None = None
    """Folder of pictures of the other kind."""


def commands(data: Path) -> dict[str, list[str]]:
    """The command of each figure, by the file or folder that it needs. The last names of each folder of pairs are
    left out: they are for scoring a finished model once."""
    golf, sentinel, landsat = (
        data / "ground/ucmerced/golfcourse",
        data / "geotiff/s2_cloud_int16_nocrs.tif",
        data / "geotiff/l8_cumulus_uint16_nodata.tif",
    )
    return {
        **{str(data / name): [*_pairs(data / name), "--peers", *_panel(name)] for name in PAIRS},
        str(golf): ["evaluate", "--simulated", str(golf), "--panel-rows", "6", *_panel("simulated_haze")],
        str(sentinel): ["remove", str(sentinel), *_result("sentinel2"), "--sensor", "sentinel2-l1c"],
        str(landsat): ["remove", str(landsat), *_result("landsat8")],
    }


def translated(figures: Figures) -> list[tuple[Path, list[str]]]:
    """What is needed, and the command, of each figure of the models that turn pictures into others.

    OptionError where a style is named without the pictures that belong to it.
    """
    found = []
    for model in figures.restorers:
        for name in PAIRS:
            words = [*_pairs(figures.data / name), "--raw", "--model", str(model)]
            found.append((figures.data / name, [*words, *_panel(f"{_name(model)}_{name}")]))
    if figures.style is None:
        return found
    if figures.before is None or figures.after is None:
        raise OptionError("--style: name the pictures it is of, too: --before DIR --after DIR.")
    words = ["evaluate", "--task", "style", "--model", str(figures.style), "--pictures", str(figures.before)]
    words += [
        "--reference",
        str(figures.after),
        "--peers",
        "--panel-rows",
        "6",
        *_panel(f"{_name(figures.style)}_style"),
    ]
    return [*found, (figures.before, words)]


def scenes(run_dir: Path) -> list[str]:
    """The command of the sheets of pictures out of noise, and of those nearest to training pictures."""
    sheets = {"--sheet": "scenes", "--interpolation": "scenes_between", "--neighbours": "scenes_nearest"}
    words = [word for option, name in sheets.items() for word in (option, str(FIGURES / f"{name}.png"))]
    return ["scenes", str(run_dir), "--check", *words, "--json", str(FIGURES / "scenes.json"), "--overwrite"]


def copied(folder: Path) -> list[Path]:
    """The pictures that `make systems-table` has left in `folder`, copied."""
    (FIGURES / "systems").mkdir(exist_ok=True)
    return [Path(shutil.copy(picture, FIGURES / "systems")) for picture in sorted(folder.glob("*.png"))]


def _name(model: Path) -> str:
    """Of a model folder NAME or NAME/VERSION, NAME."""
    return model.parent.name if model.name.isdecimal() else model.name


def _pairs(folder: Path) -> list[str]:
    return ["evaluate", "--pairs", str(folder), "--only", "first:40", "--panel-rows", "6"]


def _panel(name: str) -> list[str]:
    return ["--panel", str(FIGURES / f"{name}.png"), "--json", str(FIGURES / f"{name}.json"), "--overwrite"]


def _result(name: str) -> list[str]:
    return [str(FIGURES / f"{name}.tif"), "--report", str(FIGURES / f"{name}.png"), "--overwrite"]


def holes(data: Path, model: Path | None) -> list[str]:
    """The command of the panel of filled holes."""
    words = ["evaluate", "--task", "inpaint", "--ground", str(data / "ground/ucmerced/golfcourse"), "--peers", "--raw"]
    words += ["--model", str(model)] if model else []
    return [*words, "--panel-rows", "6", *_panel("filled")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the commands whose data is there. Returns 1 where one failed or none could run."""
    figures = tyro.cli(Figures, prog="python -m docs.figures", args=arguments)
    try:
        further = [*translated(figures), (figures.scene, scenes(figures.scene))]
    except OptionError as error:
        return cli.report(error)
    FIGURES.mkdir(exist_ok=True)
    own = ["--model", str(figures.model)] if figures.model else []
    codes = [run([*words, *own]) for needed, words in commands(figures.data).items() if there(Path(needed))]
    codes += [run(words) for needed, words in further if there(needed)]
    filled = holes(figures.data, figures.inpaint_model)
    if figures.inpaint_model is None and version_of(INPAINT) is None:
        print("left out: there is no bundled model that fills holes; name one: --inpaint-model", file=sys.stderr)
    elif there(Path(filled[filled.index("--ground") + 1])):
        codes.append(run(filled))
    if there(figures.cures / results.NUMBERS):
        print("\n" + "\n".join(map(str, results.pictures(figures.cures, FIGURES / "cures"))))
        codes.append(0)
    if there(figures.systems / NUMBERS):
        print("\n" + "\n".join(map(str, copied(figures.systems))))
        codes.append(0)
    if not codes:
        print(f"error: no data in {figures.data}. Name the folder: make figures DATA=DIR", file=sys.stderr)
    return 0 if codes and not any(codes) else 1


def there(needed: Path) -> bool:
    """Whether the file or folder exists; says so where it does not."""
    if not needed.exists():
        print(f"left out: there is no {needed}", file=sys.stderr)
    return needed.exists()


def run(words: list[str]) -> int:
    """Shows a command and runs it. Returns its exit code."""
    print(f"\n$ python -m cloud_removal {shlex.join(words)}", flush=True)
    return cli.main(words)


if __name__ == "__main__":
    sys.exit(main())
