"""What `remove` costs beside its network: megapixels a second, peak memory, at sizes up to a whole Sentinel-2 scene.

Each scene runs in a process of its own (`python -m benchmarks.remove SIDE MODEL`), so that its peak memory is its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scenes import write_scene
from benchmarks.table import Row, seconds

SIDES = (4096, 10980)
QUICK_SIDES = (300, 600)


def measure(quick: bool) -> list[Row]:
    """Rows of `remove` with the bundled model: 16-bit scenes of two sizes, three bands."""
    from cloud_removal.model_folder import DEFAULT

    sides = QUICK_SIDES if quick else SIDES
    small, large = (in_own_process("benchmarks.remove", side, DEFAULT) for side in sides)
    rows = [row for side, numbers in zip(sides, (small, large), strict=True) for row in _rows(side, numbers)]
    growth = 100.0 * (large["peak_bytes"] / small["peak_bytes"] - 1.0)
    linear = 100.0 * (large["seconds_per_megapixel"] / small["seconds_per_megapixel"] - 1.0)
    frames = f"frames of {large['frame']:.0f}, not {small['frame']:.0f} px"
    more = f"at {(sides[1] / sides[0]) ** 2:.1f} times the pixels"
    return [
        *rows,
        Row("peak memory grows", growth, "%", note=f"{more}; {frames}"),
        Row("time per pixel grows", linear, "%", note=more),
        *stages(sides[0], in_own_process("benchmarks.stages", sides[0], DEFAULT)),
    ]


def stages(side: int, spent: dict[str, float]) -> list[Row]:
    """Rows of where the processor's time goes, from core-seconds by step of a scene of `side` × `side` px."""
    each = {name: 1e9 * seconds / side**2 for name, seconds in spent.items()}
    beside = sum(cost for name, cost in each.items() if name != "windows: network")
    unit = "core-ms/MP"
    return [
        Row(f"remove {side}: all but the windows' network", beside, unit, note="of pixels kept, steps in turn"),
        *(Row(f"remove {side}: {name}", cost, unit) for name, cost in each.items()),
    ]


def run(side: int, model: Path) -> dict[str, float]:
    """Removes the clouds of a made-up scene of `side` × `side` px. Returns seconds, pixels and bytes by name."""
    from cloud_removal.inference.model import Model
    from cloud_removal.inference.pipeline import remove
    from cloud_removal.inference.scene import PIXELS_A_BATCH
    from cloud_removal.inference.settings import WINDOW, Settings
    from cloud_removal.inference.windows import groups, plan, share_kept

    loaded = Model.load(model)
    windows = plan(side, side, WINDOW, loaded.card.grid)
    batch = max(groups(windows, PIXELS_A_BATCH), key=lambda some: sum(w.frame.height * w.frame.width for w in some))
    shape = (len(batch), batch[0].frame.height, batch[0].frame.width, 3)
    forward = _forward_pixels_a_second(loaded, shape)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "scene.tif"
        write_scene(source, side)
        summary = remove(source, Path(folder) / "clear.tif", loaded, Settings(scale=10000.0))
    computed = sum(window.frame.height * window.frame.width for window in windows)
    return {
        "seconds": summary.seconds,
        "seconds_per_megapixel": summary.seconds * 1e6 / side**2,
        "kept_per_computed": share_kept(windows),
        "computed_pixels_a_second": computed / summary.seconds,
        "forward_pixels_a_second": forward,
        "batch": shape[0],
        "frame": shape[1],
        "peak_bytes": peak_memory(),
    }


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes (VmHWM)."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _rows(side: int, numbers: dict[str, float]) -> list[Row]:
    name = f"remove {side} x {side} x 3 uint16"
    share = 100.0 * numbers["computed_pixels_a_second"] / numbers["forward_pixels_a_second"]
    shape = f"{numbers['batch']:.0f} x {numbers['frame']:.0f} px"
    speed = numbers["forward_pixels_a_second"] / 1e6
    large = side >= min(SIDES)
    return [
        Row(f"{name}: result", 1.0 / numbers["seconds_per_megapixel"], "MP/s"),
        Row(f"{name}: through the network", numbers["computed_pixels_a_second"] / 1e6, "MP/s"),
        Row(f"{name}: network alone", speed, "MP/s", note=f"batch {shape}"),
        Row(f"{name}: share of the network alone", share, "%", 80.0 if large else None),
        Row(f"{name}: kept per computed", 100.0 * numbers["kept_per_computed"], "%", 45.0 if large else None),
        Row(f"{name}: peak memory", numbers["peak_bytes"] / 2**30, "GiB", 3.0, at_most=True),
    ]


def _forward_pixels_a_second(model: Any, shape: tuple[int, int, int, int]) -> float:
    from cloud_removal.inference.buffers import Buffers

    card = model.card
    images = Buffers().take(shape, np.float32)  # As `remove` hands them over: the network sees them without a copy.
    np.random.Generator(np.random.Philox(1)).random(dtype=np.float32, out=images)
    cells = (shape[0], shape[1] // card.grid.stride, shape[2] // card.grid.stride)
    context = None if card.context is None else np.zeros((*cells, card.context.size), np.float32)
    return shape[0] * shape[1] * shape[2] / seconds(lambda: model.restore(images, context), 3)


def in_own_process(module: str, *words: object) -> dict[str, Any]:
    """What `python -m MODULE WORDS` prints as JSON on its last line."""
    command = [sys.executable, "-m", module, *map(str, words)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=quiet)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), Path(sys.argv[2]))))
