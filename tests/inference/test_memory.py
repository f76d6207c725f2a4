"""Memory is bounded whatever the size of the scene."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GIVEN_BACK = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""What is freed leaves the process at once: what it had and no longer needs does not count."""


def peak(side: int, folder: Path) -> int:
    """Bytes that `remove` had at most on a scene of `side` × `side` px, the result and all that can lie beside it."""
    folder.mkdir()
    words = [sys.executable, "-m", "tests.inference.peak", str(side), str(folder)]
    done = subprocess.run(words, cwd=ROOT, env=os.environ | GIVEN_BACK, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not say how much memory was had")
def test_four_times_the_pixels_need_at_most_a_tenth_more_memory(tmp_path):
    small, large = (peak(side, tmp_path / str(side)) for side in (1536, 3072))
    assert large <= 1.1 * small
