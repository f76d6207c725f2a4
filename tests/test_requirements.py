"""What the program needs of a machine: no screen, and none of the libraries that draw on one."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).parents[1]
SCREEN = re.compile(r"/lib(GL|GLX|EGL|OpenGL|X11|Qt\d\w+|gtk)(-[\w.-]+)?\.so")


def test_the_only_opencv_asked_for_is_the_headless_one():
    names = re.findall(r"^opencv[\w-]*", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert names == ["opencv-python-headless"]


def test_the_opencv_at_hand_is_built_without_windows_of_its_own():
    built = dict(line.split(":", 1) for line in cv2.getBuildInformation().splitlines() if ":" in line)
    assert next(value.strip() for name, value in built.items() if name.strip() == "GUI") == "NONE"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux says which libraries a process has loaded")
def test_reading_restoring_and_drawing_pictures_loads_no_libgl():
    code = "import cloud_removal.inference.pipeline, cloud_removal.plots; print(open('/proc/self/maps').read())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "cv2" in done.stdout and "rasterio" in done.stdout
    assert not SCREEN.findall(done.stdout)


@pytest.mark.parametrize("name", ["libGL.so.1", "libGL-8e4b7a2c.so.1.7.0", "libX11.so.6", "libQt5Core.so.5"])
def test_a_library_that_draws_on_a_screen_would_be_noticed(name):
    assert SCREEN.search(f"7f00 r-xp 00000000 08:01 12 /usr/lib/{name}")
