"""`make figures`: results on real pictures, into figures/ (ignored by git: these pictures are not ours to publish).

Expects a folder with `pairs_rice1`, `pairs_rice2` (pairs of cloudy and clear pictures), `ground` and `geotiff`, a model
that fills holes, and the runs of `make experiments`; what is not there is left out, and that is said.
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.cures import results
from cloud_removal import cli
from cloud_removal.model_folder import INPAINT, version_of

FIGURES = Path("figures")


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


def commands(data: Path) -> dict[str, list[str]]:
    """The command of each figure, by the file or folder that it needs. The last names of each folder of pairs are
    left out: they are for scoring a finished model once."""
    pairs = ["--only", "first:40", "--peers", "--panel-rows", "6"]
    golf, sentinel, landsat = (
        data / "ground/ucmerced/golfcourse",
        data / "geotiff/s2_cloud_int16_nocrs.tif",
        data / "geotiff/l8_cumulus_uint16_nodata.tif",
    )
    return {
        **{
            str(data / name): ["evaluate", "--pairs", str(data / name), *pairs, *_panel(name)]
            for name in ("pairs_rice1", "pairs_rice2")
        },
        str(golf): ["evaluate", "--simulated", str(golf), "--panel-rows", "6", *_panel("simulated_haze")],
        str(sentinel): ["remove", str(sentinel), *_result("sentinel2"), "--scale", "10000"],
        str(landsat): ["remove", str(landsat), *_result("landsat8")],
    }


def _panel(name: str) -> list[str]:
    return ["--panel", str(FIGURES / f"{name}.png"), "--json", str(FIGURES / f"{name}.json"), "--overwrite"]


def _result(name: str) -> list[str]:
    return [str(FIGURES / f"{name}.tif"), "--report", str(FIGURES / f"{name}.png"), "--overwrite"]


def holes(data: Path, model: Path | None) -> list[str]:
    """The command of the panel of filled holes."""
    words = ["evaluate", "--task", "inpaint", "--ground", str(data / "ground/ucmerced/golfcourse"), "--peers", "--raw"]
    words += ["--model", str(model)] if model else []
    return [*words, "--panel-rows", "6", *_panel("filled")]


def main() -> int:
    """Runs the commands whose data is there. Returns 1 where one failed or none could run."""
    figures = tyro.cli(Figures, prog="python -m docs.figures")
    FIGURES.mkdir(exist_ok=True)
    own = ["--model", str(figures.model)] if figures.model else []
    codes = [run([*words, *own]) for needed, words in commands(figures.data).items() if there(Path(needed))]
    filled = holes(figures.data, figures.inpaint_model)
    if figures.inpaint_model is None and version_of(INPAINT) is None:
        print("left out: there is no bundled model that fills holes; name one: --inpaint-model", file=sys.stderr)
    elif there(Path(filled[filled.index("--ground") + 1])):
        codes.append(run(filled))
    if there(figures.cures / results.NUMBERS):
        print("\n" + "\n".join(map(str, results.pictures(figures.cures, FIGURES / "cures"))))
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
