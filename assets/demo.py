"""`make demo`: takes the clouds off the sample scenes into demo/ and scores what was written.

The scenes are procedural ground under simulated clouds (see make_scenes.py), so the clear truth is known.
"""

import shlex
import sys
import time
from pathlib import Path

from cloud_removal import cli

ASSETS = Path(__file__).parent
DEMO = Path("demo")
LAKES, TOWN = "lakes.tif", "town.png"
OUTPUTS = {
    LAKES: (DEMO / "clear.tif", "--cloud", DEMO / "cloud.tif", "--report", DEMO / "before_after.png"),
    TOWN: (DEMO / "town.png", "--cloud", DEMO / "town_cloud.png", "--report", DEMO / "town_before_after.png"),
}


def main() -> int:
    """Runs `remove` on each scene and prints PSNR and SSIM before and after. Returns the exit code."""
    DEMO.mkdir(exist_ok=True)
    start = time.perf_counter()
    for name, outputs in OUTPUTS.items():
        scene = _shown(ASSETS / "scenes/cloud" / name)
        words = ["remove", str(scene), *map(str, outputs), "--overwrite", *sys.argv[1:]]
        print(f"\n$ python -m cloud_removal {shlex.join(words)}", flush=True)
        code = cli.main(words)
        if code:
            return code
    print(f"\n{'':24}{'PSNR before':>12}{'after':>8}{'SSIM before':>14}{'after':>8}")
    for name, (output, *_) in OUTPUTS.items():
        (psnr_before, ssim_before), (psnr_after, ssim_after) = (
            score(path, ASSETS / "scenes/clear" / name) for path in (ASSETS / "scenes/cloud" / name, Path(output))
        )
        print(f"{name:24}{psnr_before:9.2f} dB{psnr_after:8.2f}{ssim_before:14.3f}{ssim_after:8.3f}")
    print(f"\nLook at {DEMO / 'before_after.png'}  ({time.perf_counter() - start:.0f} s)")
    return 0


def score(result: Path, truth: Path) -> tuple[float, float]:
    """PSNR in dB and SSIM of a picture against the clear one, on 8-bit RGB."""
    from cloud_removal.evaluation import metrics

    pair = metrics.to_8_bit(read(result)), metrics.to_8_bit(read(truth))
    return metrics.psnr(*pair), metrics.ssim(*pair)


def read(path: Path):  # type: ignore[no-untyped-def]  # numpy comes with the commands that need it.
    """float32 (H, W, 3) in [0, 1], by the raster's own scale or, for 8 bits, by 255."""
    import numpy as np
    import rasterio

    from cloud_removal.inference.raster import quiet_gdal

    with quiet_gdal(), rasterio.open(path) as raster:
        scale = 1 / 255 if raster.dtypes[0] == "uint8" else raster.scales[0]
        return np.moveaxis(raster.read((1, 2, 3)), 0, -1).astype(np.float32) * np.float32(scale)


def _shown(path: Path) -> Path:
    """`path` from the current folder where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main())
