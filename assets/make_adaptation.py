"""The README's picture of "Adapt to your own pictures": assets/adapted.jpg, and the scores that stand beside it.

A sensor that the bundled model does not know: near infrared, red and green shown as red, green and blue, of procedural
ground under a veil with a colour of its own. 32 pairs of it are drawn, the bundled model is adapted to them with the
command that the README shows, and both take the veil off a scene that is not among the pairs. The same command goes on.
"""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from assets.demo import read, score
from assets.make_scenes import PLAIN, write_png
from cloud_removal import cli, plots
from cloud_removal.config import Simulation
from cloud_removal.data.augment import near_infrared
from cloud_removal.data.clouds import simulate
from cloud_removal.data.terrain import terrain

FOLDER = Path("runs/adaptation")
PICTURE = Path(__file__).parent / "adapted.jpg"
PAIRS, SIDE, MINUTES = 32, 256, 10
SCENE, SCENE_SEED = (352, 352), 43
"""Rows and columns of a scene with fields, river and wood; the pairs have the seeds under `PAIRS`."""
DUST = Simulation(
    kinds=(0, 0, 1, 0), veil_opacity=(0.4, 0.6), veil_brightness=(0.6, 0.7), tint=(0.75, 1.2), shadow_share=0.0,
    haze_share=PLAIN.haze_share, haze_wavelength=PLAIN.haze_wavelength, blur_share=0.0, ice_share=0.0,
)  # fmt: skip
GREENNESS = 1.5
"""Of `near_infrared`."""


def main() -> int:
    """Draws the pairs, adapts, restores the scene, writes the picture and prints the scores. Returns the exit code."""
    for number in range(PAIRS):
        write_pair(FOLDER / "pairs", f"{number:02}.png", seed=number, shape=(SIDE, SIDE))
    write_pair(FOLDER / "scene", "scene.png", seed=SCENE_SEED, shape=SCENE)
    cloudy, clear = (FOLDER / "scene" / side / "scene.png" for side in ("cloud", "clear"))
    code = adapt()
    if code:
        return code
    shown = {"with a veil": cloudy}
    for title, model in (("the bundled model", "assets/models/defog"), ("adapted to 32 pairs", FOLDER / "run/model")):
        shown[title] = FOLDER / f"{Path(model).name}.png"
        code = cli.main(["remove", str(cloudy), str(shown[title]), "--model", str(model), "--overwrite"])
        if code:
            return code
    draw(shown | {"the ground": clear})
    for title, path in shown.items():
        psnr, ssim = score(path, clear)
        print(f"{title:24}{psnr:8.2f} dB{ssim:8.3f}")
    return cli.DONE


def write_pair(folder: Path, name: str, seed: int, shape: tuple[int, int]) -> None:
    """Writes cloud/NAME and clear/NAME, 8-bit PNG, of the place and the veil that `seed` means."""
    rng = np.random.Generator(np.random.Philox([7, seed]))
    clear = false_colour(terrain(rng, shape))
    for side, picture in (("cloud", simulate(clear, rng, DUST).aerial), ("clear", clear)):
        (folder / side).mkdir(parents=True, exist_ok=True)
        write_png(folder / side / name, picture)


def false_colour(ground: np.ndarray) -> np.ndarray:
    """Near infrared, red and green of `ground` float32 (H, W, 3), red, green and blue in [0, 1]; the same shape."""
    infrared = near_infrared(np.rint(255 * ground).astype(np.uint8), GREENNESS) / np.float32(255)
    return np.dstack([infrared, ground[..., :2]])


def adapt() -> int:
    """Runs the README's command. Returns its exit code."""
    words = ["--data.pairs", FOLDER / "pairs", "--init", "defog", "--minutes", MINUTES, "--run-dir", FOLDER / "run"]
    return subprocess.call([sys.executable, "train_defog.py", *map(str, words)])


def draw(shown: dict[str, Path]) -> None:
    """Writes the pictures beside each other under their titles."""
    drawn = plots.grid({title: read(path)[None] for title, path in shown.items()})
    cv2.imwrite(str(PICTURE), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    sys.exit(main())
