"""A run that was killed goes on where it stopped, to the same bytes; one that failed leaves nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_removal.errors import ModelError, OutputError
from cloud_removal.inference import cog
from cloud_removal.inference.blocks import partial_folder
from cloud_removal.inference.model import Model
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from tests.small_model import as_type, cloudy, write_raster

SETTINGS = Settings(window=32)
WINDOWS = 5 * 7

KILLED = """
import os, signal, sys
from pathlib import Path
from cloud_removal.inference.model import Model
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings

done = 0

def advance(pixels, total):
    global done
    done += pixels
    if done >= int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

source, output, model = map(Path, sys.argv[1:4])
remove(source, output, model, Settings(window=32), cloud=output.with_name("cloud.tif"), advance=advance)
"""


class Stopped(KeyboardInterrupt):
    """Ctrl+C at a chosen place."""


@pytest.fixture
def scene(tmp_path):
    values = as_type(cloudy(150, 203), "uint16")
    values[:, :20, :20] = 0
    return write_raster(tmp_path / "in.tif", values, nodata=0)


@pytest.fixture
def stopped(tmp_path, scene, model):
    """A run that was interrupted after some pixels; returns its output's path."""
    done = 0

    def advance(pixels: int, total: int) -> None:
        nonlocal done
        done += pixels
        if done > total / 3:
            raise Stopped

    with pytest.raises(Stopped):
        remove(scene, tmp_path / "out.tif", model, SETTINGS, cloud=tmp_path / "cloud.tif", advance=advance)
    return tmp_path / "out.tif"


def go_on(scene: Path, output: Path, model, **options) -> list[int]:
    """Runs the same again; returns the pixels of each step."""
    steps: list[int] = []
    options = {"cloud": output.with_name("cloud.tif"), "settings": SETTINGS} | options
    remove(scene, output, model, advance=lambda pixels, total: steps.append(pixels), **options)
    return steps


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.fixture
def unbroken(tmp_path, scene, model):
    (tmp_path / "unbroken").mkdir()
    go_on(scene, tmp_path / "unbroken" / "out.tif", model)
    return files(tmp_path / "unbroken")


def test_a_stopped_run_keeps_finished_windows_but_shows_no_result(stopped):
    assert not stopped.exists() and not stopped.with_name("cloud.tif").exists()
    assert 0 < len(list(partial_folder(stopped).glob("*.block"))) < WINDOWS


def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path, scene, stopped, model, unbroken):
    go_on(scene, stopped, model)
    assert {name: (tmp_path / name).read_bytes() for name in unbroken} == unbroken
    assert not partial_folder(stopped).exists()


def test_finished_windows_are_not_computed_again(scene, stopped, model):
    blocks = {file: file.stat().st_mtime_ns for file in partial_folder(stopped).glob("*.block")}
    with pytest.raises(Stopped):
        remove(scene, stopped, model, SETTINGS, cloud=stopped.with_name("cloud.tif"), advance=stop_at_the_end())
    after = {file: file.stat().st_mtime_ns for file in partial_folder(stopped).glob("*.block")}
    assert len(after) == WINDOWS and sum(after[file] != time for file, time in blocks.items()) < len(blocks)


def stop_at_the_end():
    done = 0

    def advance(pixels: int, total: int) -> None:
        nonlocal done
        done += pixels
        if done == total:
            raise Stopped

    return advance


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, scene, model, model_folder, unbroken, share):
    words = [str(scene), str(tmp_path / "out.tif"), str(model_folder), str(int(share * 150 * 203))]
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", KILLED, *words], env=os.environ | {"PYTHONPATH": root}, check=False)
    assert done.returncode == -signal.SIGKILL and not (tmp_path / "out.tif").exists()
    go_on(scene, tmp_path / "out.tif", model)
    assert {name: (tmp_path / name).read_bytes() for name in unbroken} == unbroken


@pytest.mark.parametrize("copies", [1, 2])
def test_a_run_stopped_while_a_cog_is_copied_goes_on_to_the_same_bytes(tmp_path, scene, model, monkeypatch, copies):
    beside, optimise, done = {"cog": True, "report": tmp_path / "out.html"}, cog.optimise, []

    def stopping(plain: Path, file: Path, overviews: str) -> None:
        optimise(plain, file, overviews)
        done.append(file)
        if len(done) == copies:
            file.write_bytes(file.read_bytes()[:1000])
            raise Stopped

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(cog, "optimise", stopping)
        go_on(scene, tmp_path / "out.tif", model, **beside)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["in.tif"]
    go_on(scene, tmp_path / "out.tif", model, **beside)
    resumed = files(tmp_path)
    go_on(scene, tmp_path / "out.tif", model, **beside, overwrite=True)
    assert sorted(resumed) == ["cloud.tif", "in.tif", "out.html", "out.tif"] and files(tmp_path) == resumed
    assert not list(tmp_path.glob(".*"))


def test_a_block_cut_short_is_computed_again(tmp_path, scene, stopped, model, unbroken):
    block = next(partial_folder(stopped).glob("*.block"))
    block.write_bytes(block.read_bytes()[:-1])
    go_on(scene, stopped, model)
    assert stopped.read_bytes() == unbroken["out.tif"]


@pytest.mark.parametrize(
    "settings", [Settings(window=64), Settings(window=32, scale=40000.0), Settings(keep_below=0.2)]
)
def test_other_settings_are_refused_and_the_unfinished_run_kept(scene, stopped, model, settings):
    before = files(partial_folder(stopped))
    with pytest.raises(OutputError, match="other settings"):
        go_on(scene, stopped, model, settings=settings)
    assert files(partial_folder(stopped)) == before


def test_other_results_are_refused(scene, stopped, model):
    with pytest.raises(OutputError, match="results"):
        go_on(scene, stopped, model, cloud=None)


def test_a_changed_input_is_refused(scene, stopped, model):
    write_raster(scene, as_type(cloudy(150, 203, seed=5), "uint16"), nodata=0)
    with pytest.raises(OutputError, match="input"):
        go_on(scene, stopped, model)


def test_overwrite_drops_an_unfinished_run_of_other_settings(tmp_path, scene, stopped, model):
    go_on(scene, stopped, model, settings=Settings(window=64), overwrite=True)
    go_on(scene, tmp_path / "other.tif", model, settings=Settings(window=64), cloud=tmp_path / "c.tif")
    assert stopped.read_bytes() == (tmp_path / "other.tif").read_bytes()


def test_a_run_killed_while_renaming_goes_on_though_a_result_is_there(tmp_path, scene, stopped, model, unbroken):
    (partial_folder(stopped) / "publishing").touch()
    (tmp_path / "cloud.tif").write_bytes(unbroken["cloud.tif"])
    go_on(scene, stopped, model)
    assert {name: (tmp_path / name).read_bytes() for name in unbroken} == unbroken


def test_an_error_removes_what_was_done(tmp_path, scene, stopped, model):
    class Damaged(Model):
        def restore(self, images, context=None):
            raise ModelError("damaged")

    with pytest.raises(ModelError):
        go_on(scene, stopped, Damaged(model.card, model._loaded))
    assert not partial_folder(stopped).exists()


def test_a_second_process_keeps_out(tmp_path, scene, stopped, model):
    def meanwhile(line: str) -> None:
        with pytest.raises(OutputError, match="Another process"):
            go_on(scene, stopped, model)

    go_on(scene, stopped, model, say=meanwhile)
    assert stopped.exists()


def test_the_settings_of_an_unfinished_run_can_be_read(stopped):
    settings = json.loads((partial_folder(stopped) / "settings.json").read_text())
    assert settings["window"] == 32 and settings["bands"] == "1,2,3" and settings["keep-below"] == 0.05
