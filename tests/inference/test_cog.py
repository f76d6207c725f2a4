"""Cloud-optimised GeoTIFFs hold what the plain ones hold, and are what validators call so."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image, ImageCms
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from cloud_removal.errors import OptionError, OutputError
from cloud_removal.inference import assemble, cog, targets
from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.blocks import Partial
from cloud_removal.inference.compose import Piece
from cloud_removal.inference.raster import open_scene, quiet_gdal
from cloud_removal.inference.targets import Targets
from cloud_removal.inference.windows import Grid, plan
from tests.small_model import as_type, cloudy, write_raster

HEIGHT, WIDTH = 700, 1100
RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
IMAGE_STRUCTURE = ("IMAGE_STRUCTURE", "DERIVED_SUBDATASETS")


def picture(dtype: str = "uint16", height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return as_type(cloudy(height, width), dtype)


@dataclass(frozen=True)
class Pair:
    plain: Path
    optimised: Path

    def same(self, *names: str) -> None:
        with rasterio.open(self.plain) as before, rasterio.open(self.optimised) as after:
            for name in names:
                assert getattr(after, name) == getattr(before, name), name


@pytest.fixture
def written(tmp_path):
    """Assembles a result of a raster, half of which has changed, as plain and as cloud-optimised GeoTIFF."""

    def run(source: Path, bands=(1, 2, 3)) -> Pair:
        pair = Pair(tmp_path / "plain.tif", tmp_path / "optimised.tif")
        with quiet_gdal(), open_scene(source, bands) as scene:
            blocks = finished(scene, tmp_path / "blocks")
            assemble.result(scene, blocks, pair.plain)
            assemble.result(scene, blocks, pair.optimised, optimised=True)
        assert_identical(pair)
        return pair

    return run


def finished(scene, folder: Path) -> Blocks:
    folder.mkdir(exist_ok=True)
    partial = Partial(folder, scene.dtype, with_opacity=True)
    windows = plan(scene.height, scene.width, 256, Grid(8, 24, 8, True))
    for window in windows:
        values, present = scene.read(window.core)
        shape = values.shape[1:]
        values[:, : shape[0] // 2] = np.where(present, values // 2 + 3, values)[:, : shape[0] // 2]
        codes = np.where(present.any(axis=0), np.uint8(1 + 3 * (window.index % 2)), np.uint8(0))
        partial.save(window, Piece(values, codes, np.full(shape, window.index / 100, np.float32)))
    return Blocks(partial, windows)


def assert_identical(pair: Pair) -> None:
    with rasterio.open(pair.plain) as before, rasterio.open(pair.optimised) as after:
        assert after.read().tobytes() == before.read().tobytes()
        assert after.read_masks().tobytes() == before.read_masks().tobytes()
        assert after.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def everything(file: Path) -> dict:
    with rasterio.open(file) as raster:
        spaces = [None, *(s for s in raster.tag_namespaces() if s not in IMAGE_STRUCTURE)]
        bands = [
            {space: raster.tags(band, ns=space) for space in (None, *raster.tag_namespaces(band))}
            for band in raster.indexes
        ]
        return {"tags": {space: raster.tags(ns=space) for space in spaces}, "bands": bands}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_pixels_are_those_of_the_plain_raster(tmp_path, written, dtype):
    pair = written(write_raster(tmp_path / "in.tif", picture(dtype)))
    pair.same("dtypes", "crs", "transform", "shape", "nodatavals")


def test_it_is_valid_by_the_validator_of_rio_cogeo(tmp_path, written):
    validator = pytest.importorskip("rio_cogeo.cogeo", reason="rio-cogeo is not installed (requirements-dev.txt)")
    pair = written(write_raster(tmp_path / "in.tif", picture()))
    assert validator.cog_validate(pair.optimised, strict=True, quiet=True) == (True, [], [])
    assert not validator.cog_validate(pair.plain, strict=True, quiet=True)[0]


def test_it_has_overviews_down_to_one_tile(tmp_path, written):
    pair = written(write_raster(tmp_path / "in.tif", picture()))
    with rasterio.open(pair.optimised) as after:
        assert after.overviews(1) == [2, 4] and after.block_shapes == [(cog.TILE, cog.TILE)] * 3
        assert after.compression.name == "deflate"


def test_tags_of_the_raster_and_its_bands_come_through_whatever_namespace_they_are_in(tmp_path, written):
    source = write_raster(tmp_path / "in.tif", picture(), nodata=7)
    with rasterio.open(source, "r+") as target:
        target.update_tags(ACQUIRED="2024-05-01", AREA_OR_POINT="Point", TIFFTAG_SOFTWARE="camera", NAME='ä < & "b"')
        target.update_tags(ns="MINE", orbit="12")
        target.update_tags(1, wavelength="660", note=f' domain="{cog.MARK}"')
        target.update_tags(2, wavelength="560")
        target.update_tags(2, ns="MINE", detector="3")
    pair = written(source)
    assert everything(pair.optimised) == everything(pair.plain)
    assert everything(pair.optimised)["bands"][0][None]["wavelength"] == "660"


def test_names_units_scales_offsets_and_nodata_come_through(tmp_path, written):
    source = write_raster(tmp_path / "in.tif", picture(), nodata=7)
    with rasterio.open(source, "r+") as target:
        target.descriptions, target.units = ("red", "green", "blue"), ("1", "m", "")
        target.scales, target.offsets = (4e-5,) * 3, (-0.1,) * 3
    written(source).same("descriptions", "units", "scales", "offsets", "nodata")


@pytest.mark.parametrize("colours", [RGB, RGB[::-1], (ColorInterp.gray, ColorInterp.undefined, ColorInterp.undefined)])
def test_colour_interpretation_comes_through(tmp_path, written, colours):
    source = write_raster(tmp_path / "in.tif", picture("uint8", 40, 50))
    with rasterio.open(source, "r+") as target:
        target.colorinterp = colours
    pair = written(source)
    pair.same("colorinterp")
    assert not list(tmp_path.glob("*.aux.xml"))


def test_transparency_comes_through(tmp_path, written):
    alpha = np.full((1, HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, :, :300] = 0
    values = np.concatenate([picture("uint8"), alpha])
    pair = written(write_raster(tmp_path / "in.tif", values, photometric="RGB", alpha="YES"))
    pair.same("colorinterp", "count", "mask_flag_enums")


def test_an_internal_mask_comes_through(tmp_path, written):
    source, mask = write_raster(tmp_path / "in.tif", picture()), np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[:, :300] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(source, "r+") as target:
        target.write_mask(mask)
    pair = written(source)
    pair.same("mask_flag_enums")
    with rasterio.open(pair.optimised) as after:
        assert (after.read_masks(1) == mask).all() and not list(tmp_path.glob("*.msk"))


def test_further_bands_come_through(tmp_path, written):
    values = np.concatenate([picture("int16"), picture("int16")[::-1]])
    written(write_raster(tmp_path / "in.tif", values, nodata=-1), (6, 2, 1)).same("count", "colorinterp", "nodatavals")


def test_ground_control_points_come_through(tmp_path, written):
    points = [GroundControlPoint(r, c, 3 + c / 100, 48 - r / 100) for r, c in ((0, 0), (0, 49), (39, 0))]
    source = write_raster(tmp_path / "in.tif", picture("uint8", 40, 50), transform=None, crs=None)
    with rasterio.open(source, "r+") as target:
        target.gcps = (points, "EPSG:4326")
    with rasterio.open(written(source).optimised) as after:
        assert [(p.row, p.col, p.x, p.y) for p in after.gcps[0]] == [(p.row, p.col, p.x, p.y) for p in points]


def test_the_colour_profile_comes_through(tmp_path, written):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    values = np.ascontiguousarray(picture("uint8", 40, 50).transpose(1, 2, 0))
    Image.fromarray(values).save(tmp_path / "in.tif", icc_profile=profile)
    with Image.open(written(tmp_path / "in.tif").optimised) as result:
        assert result.info["icc_profile"] == profile


def test_overviews_of_the_opacity_are_means_and_those_of_provenance_codes_that_occur(tmp_path):
    source = write_raster(tmp_path / "in.tif", picture())
    with quiet_gdal(), open_scene(source) as scene:
        blocks = finished(scene, tmp_path / "blocks")
        for window in blocks.windows:
            piece = blocks.partial.load(window)
            rows, columns = np.indices(piece.provenance.shape)
            codes = np.where((rows + columns) % 4 == 0, np.uint8(4), np.uint8(1))
            blocks.partial.save(window, Piece(piece.values.copy(), codes, (codes == 4).astype(np.float32)))
        assemble.opacity(scene, blocks, tmp_path / "opacity.tif", optimised=True)
        assemble.provenance(scene, blocks, tmp_path / "codes.tif", {"PROVENANCE_1": "kept"}, optimised=True)
    with rasterio.open(tmp_path / "opacity.tif") as opacity:
        quarter = opacity.read(1, out_shape=(opacity.height // 4, opacity.width // 4))
        assert np.abs(quarter - 0.25).max() < 1e-6 and np.isnan(opacity.nodata)
    with rasterio.open(tmp_path / "codes.tif") as codes:
        quarter = codes.read(1, out_shape=(codes.height // 4, codes.width // 4))
        assert set(np.unique(quarter)) == {1} and codes.nodata == 0 and codes.tags()["PROVENANCE_1"] == "kept"


def test_overviews_are_means_of_what_holds_data(tmp_path, written):
    values = np.full((3, HEIGHT, WIDTH), 1000, np.uint16)
    values[:, :, ::2] = 0
    with rasterio.open(written(write_raster(tmp_path / "in.tif", values, nodata=0)).optimised) as after:
        half = after.read(out_shape=(3, HEIGHT // 2, WIDTH // 2))
        assert set(np.unique(half)) == {503, 1000}


def test_what_a_killed_run_left_of_it_does_not_matter(tmp_path, written):
    source = write_raster(tmp_path / "in.tif", picture())
    whole = written(source).optimised.read_bytes()
    for left in ("optimised.tif", "optimised.plain.tif", "optimised.tif.ovr.tmp", "optimised.tif.msk.ovr.tmp"):
        (tmp_path / left).write_bytes(b"unfinished" * 100)
    assert written(source).optimised.read_bytes() == whole
    assert not (tmp_path / "optimised.plain.tif").exists()


def test_pixels_that_change_while_it_is_copied_are_found(tmp_path, monkeypatch):
    source, optimise = write_raster(tmp_path / "in.tif", picture()), cog.optimise

    def damaging(plain: Path, file: Path, overviews: str) -> None:
        with rasterio.open(plain, "r+") as target:
            target.write(np.full((1, 1), 9, np.uint16), 1, window=((600, 601), (5, 6)))
        optimise(plain, file, overviews)

    monkeypatch.setattr(cog, "optimise", damaging)
    with quiet_gdal(), open_scene(source) as scene:
        blocks = finished(scene, tmp_path / "blocks")
        with pytest.raises(OutputError, match="reads back differently at row 512"):
            assemble.result(scene, blocks, tmp_path / "out.tif", optimised=True)


@pytest.mark.parametrize("name", ["output", "cloud"])
def test_a_png_is_refused_before_any_work(tmp_path, name):
    files = {"output": tmp_path / "out.tif"} | {name: tmp_path / "a.png"}
    with pytest.raises(OptionError, match=r"a PNG cannot be cloud-optimised\. Give .* a name that ends in \.tif"):
        targets.check(Targets(**files, cog=True), tmp_path / "in.tif", overwrite=False)
