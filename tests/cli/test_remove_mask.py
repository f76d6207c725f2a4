"""`remove --mask`: what a foreign mask makes of the result."""

import contextlib
import dataclasses
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import rasterio

from cloud_removal.cli import main
from cloud_removal.cli.remove import MaskKind
from cloud_removal.errors import OutputError
from cloud_removal.inference.masks.foreign import Mask
from cloud_removal.inference.masks.kinds import KINDS
from cloud_removal.inference.model import Model
from cloud_removal.inference.pipeline import remove as removed
from cloud_removal.inference.settings import Settings
from tests.dated_scenes import cloud, dated, seen
from tests.small_model import as_type, cloudy, read, write_raster

HEIGHT, WIDTH = 60, 70
CLOUD, SHADE, EMPTY = np.s_[40:50, 5:15], np.s_[40:50, 25:35], np.s_[52:58, 40:60]
"""Where the scene is clear to the model, and the mask says otherwise."""


@pytest.fixture
def scene(tmp_path):
    return write_raster(tmp_path / "in.tif", as_type(cloudy(HEIGHT, WIDTH), "uint8"))


@pytest.fixture
def mask(tmp_path):
    values = np.zeros((1, HEIGHT, WIDTH), np.uint8)
    values[0][CLOUD], values[0][SHADE] = 4, 2
    return write_raster(tmp_path / "mask.tif", values)


@pytest.fixture
def remove(tmp_path, scene, model_folder, capfd):
    """Runs the command; returns exit code, stdout and stderr."""

    def run(*words, output="out.tif"):
        capfd.readouterr()
        beside = ["--provenance", tmp_path / f"p_{output}", "--cloud", tmp_path / f"c_{output}"]
        places = [scene, tmp_path / output, "--model", model_folder, "--no-inpaint"]
        code = main(["remove", *map(str, [*places, *beside, *words])])
        return (code, *capfd.readouterr())

    return run


def test_the_command_knows_the_kinds_that_there_are():
    assert get_args(MaskKind) == tuple(KINDS)


def test_what_the_mask_calls_cloud_is_opaque_and_the_rest_as_without_it(tmp_path, mask, remove):
    remove(output="plain.tif")
    code, _, err = remove("--mask", mask, "--mask-kind", "fmask")
    assert code == 0 and "mask mask.tif (fmask): 2.4 % cloud, 2.4 % shadow" in err
    plain, masked = read(tmp_path / "p_plain.tif")[0], read(tmp_path / "p_out.tif")[0]
    assert (plain[CLOUD] == 1).all() and (masked[CLOUD] == 4).all() and (masked[SHADE] == 1).all()
    elsewhere = np.ones_like(plain, bool)
    elsewhere[CLOUD] = False
    np.testing.assert_array_equal(masked[elsewhere], plain[elsewhere])
    np.testing.assert_array_equal(read(tmp_path / "out.tif")[:, elsewhere], read(tmp_path / "plain.tif")[:, elsewhere])


def test_what_the_mask_calls_fill_counts_as_no_data_and_stays_as_it_is(tmp_path, scene, mask, remove):
    values = read(mask)
    values[0][EMPTY] = 255
    _, _, err = remove("--mask", write_raster(mask, values), "--mask-kind", "fmask")
    assert "2.9 % no data" in err
    provenance, opacity = read(tmp_path / "p_out.tif")[0], read(tmp_path / "c_out.tif")[0]
    assert (provenance[EMPTY] == 0).all() and np.isnan(opacity[EMPTY]).all()
    np.testing.assert_array_equal(read(tmp_path / "out.tif")[:, *EMPTY], read(scene)[:, *EMPTY])


def test_the_opacity_that_is_written_is_the_larger_of_both(tmp_path, mask, remove):
    remove("--mask", mask, "--mask-kind", "fmask")
    remove(output="plain.tif")
    plain, masked = read(tmp_path / "c_plain.tif")[0], read(tmp_path / "c_out.tif")[0]
    assert (masked[CLOUD] == 1).all() and (plain[CLOUD] < 0.05).all()
    np.testing.assert_array_equal(masked[:40], plain[:40])


def test_cloud_taken_for_thin_is_restored_and_not_opaque(tmp_path, mask, remove):
    remove("--mask", mask, "--mask-kind", "fmask", "--mask-cloud", "thin")
    assert (read(tmp_path / "p_out.tif")[0][CLOUD] == 2).all()


def test_the_provenance_says_which_mask_it_was(tmp_path, mask, remove):
    remove("--mask", mask, "--mask-kind", "fmask", "--mask-dilate", "2")
    with rasterio.open(tmp_path / "p_out.tif") as source:
        assert source.tags()["MASK"] == "mask.tif (fmask), its cloud taken as opaque cloud"
        assert source.tags()["MASK_DILATE"] == "2"
    assert (read(tmp_path / "p_out.tif")[0][40:50, 3:17] == 4).all()


def test_tiled_equals_whole(tmp_path, mask, remove):
    options = ("--mask", mask, "--mask-kind", "fmask", "--mask-dilate", "4")
    remove(*options, "--window", 16, output="tiled.tif")
    remove(*options, output="whole.tif")
    np.testing.assert_array_equal(read(tmp_path / "p_tiled.tif"), read(tmp_path / "p_whole.tif"))
    assert np.abs(read(tmp_path / "tiled.tif").astype(int) - read(tmp_path / "whole.tif")).max() <= 1


def test_a_run_that_was_stopped_goes_on_only_with_the_same_mask(tmp_path, scene, mask, model_folder):
    model, settings = Model.load(model_folder), Settings(window=16, mask=Mask(mask, "fmask"))
    whole = tmp_path / "whole.tif"
    removed(scene, whole, model, settings)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        removed(scene, tmp_path / "out.tif", model, settings, advance=stop)
    assert list((tmp_path / ".out.tif.partial").glob("*.block"))
    other = dataclasses.replace(settings, mask=Mask(mask, "fmask", dilate="1"))
    with pytest.raises(Exception, match="other settings .*fmask 1 opaque"):
        removed(scene, tmp_path / "out.tif", model, other)
    removed(scene, tmp_path / "out.tif", model, settings)
    assert (tmp_path / "out.tif").read_bytes() == whole.read_bytes()


def test_a_folder_takes_a_folder_of_masks_of_the_same_names(tmp_path, scene, mask, model_folder, capfd):
    for folder, file in (("in", scene), ("masks", mask)):
        (tmp_path / folder).mkdir()
        file.rename(tmp_path / folder / "a.tif")
    write_raster(tmp_path / "in" / "b.tif", as_type(cloudy(HEIGHT, WIDTH), "uint8"))
    words = [tmp_path / "in", tmp_path / "out", "--provenance", tmp_path / "p", "--model", model_folder, "--no-inpaint"]
    code = main(["remove", *map(str, [*words, "--mask", tmp_path / "masks", "--mask-kind", "fmask"])])
    assert code == 1 and "holds none for b.tif" in capfd.readouterr().err
    assert (read(tmp_path / "p" / "a.tif")[0][CLOUD] == 4).all() and not (tmp_path / "out" / "b.tif").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mask", "MASK"], "--mask-kind"),
        (["--mask-kind", "scl"], "without --mask FILE"),
        (["--mask-dilate", "3"], "without --mask FILE"),
        (["--mask", "MASK", "--mask-kind", "omnicloudmask"], "mask.tif holds 4 in rows 0 to 59, not known"),
        (["--mask", "MASK", "--mask-kind", "fmask", "--mask-dilate", "far"], "--mask-dilate far"),
        (["--mask", "NONE", "--mask-kind", "fmask"], "There is no file"),
        (["--mask", "TEXT", "--mask-kind", "fmask"], "is not a picture"),
        (["--mask", "VRT", "--mask-kind", "fmask"], "is not a picture"),
        (["--mask", "/vsicurl/http://localhost:1/mask.tif", "--mask-kind", "fmask"], "There is no file"),
    ],
)
def test_masks_that_cannot_be_used_are_refused_and_nothing_is_left(tmp_path, mask, remove, options, words):
    (tmp_path / "text.tif").write_text("not a mask")
    (tmp_path / "vrt.tif").write_text(virtual(mask))
    names = {"MASK": mask, "NONE": tmp_path / "none.tif", "TEXT": tmp_path / "text.tif", "VRT": tmp_path / "vrt.tif"}
    before = sorted(tmp_path.iterdir())
    code, out, err = remove("--quiet", *(names.get(word, word) for word in options))
    assert (code, out) == (1, "") and err.startswith("error: ") and err.count("\n") == 1 and words in err
    assert sorted(tmp_path.iterdir()) == before


def virtual(file: Path) -> str:
    return (
        f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}"><VRTRasterBand dataType="Byte" band="1">'
        f"<SimpleSource><SourceFilename>{file}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )


def test_a_mask_of_another_date_is_taken_as_that_of_the_scene_and_told(tmp_path, model_folder, capfd):
    first = dated(tmp_path / "first.tif", seen(cloud((60, 40))))
    second = dated(tmp_path / "second.tif", seen(np.zeros((120, 150)), 1.1))
    values = np.zeros((1, 120, 150), np.uint8)
    values[0, :60] = 4
    words = [first, tmp_path / "out.tif", "--other-date", second, "--provenance", tmp_path / "codes.tif"]
    mask = ["--other-mask", dated(tmp_path / "mask.tif", values), "--mask-kind", "fmask"]
    options = ["--model", model_folder, "--no-inpaint", "--scale", 30000]
    assert main(["remove", *map(str, [*words, *mask, *options])]) == 0
    codes = read(tmp_path / "codes.tif")[0]
    assert not (codes[:60] == 3).any() and (codes[60:] == 3).any()
    assert "mask.tif (fmask): 50.0 % cloud" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--other-mask", "m.tif", "--mask-kind", "scl"], "--other-mask without --other-date"),
        (["--other-mask", "m.tif", "--other-date", "o.tif"], "m.tif: say with --mask-kind"),
    ],
)
def test_a_mask_of_another_date_needs_the_date_and_its_kind(tmp_path, scene, capfd, words, message):
    assert main(["remove", str(scene), str(tmp_path / "out.tif"), *words]) == 1
    assert message in capfd.readouterr().err and not (tmp_path / "out.tif").exists()


def test_a_mask_is_never_replaced(tmp_path, scene, mask, model_folder):
    before = mask.read_bytes()
    with pytest.raises(OutputError, match="is an input itself, which is never replaced"):
        removed(
            scene, tmp_path / "out.tif", model_folder, Settings(mask=Mask(mask, "fmask")), cloud=mask, overwrite=True
        )
    assert mask.read_bytes() == before
