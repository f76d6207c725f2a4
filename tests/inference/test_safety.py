"""Rasters that claim to be huge, and rasters that would make other files be read."""

import http.server
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
import rasterio

from cloud_removal.errors import InputError, OptionError
from cloud_removal.inference.masks.foreign import Mask
from cloud_removal.inference.raster import open_raster, open_scene, quiet_gdal
from cloud_removal.inference.safety import check_most
from tests.small_model import write_raster

GREY = np.full((3, 40, 40), 90, np.uint8)


def sparse(file: Path, side: int, **profile) -> Path:
    """A GeoTIFF of `side` x `side` px without any pixel in it."""
    kind = {"driver": "GTiff", "count": 3, "height": side, "width": side, "dtype": "uint8", "compress": "deflate"}
    kind |= {"tiled": True, "blockxsize": 4096, "blockysize": 4096, "SPARSE_OK": True}
    with rasterio.open(file, "w", **(kind | profile)):
        return file


def png(file: Path, width: int, height: int) -> Path:
    """The first bytes of a PNG that claims a size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))))
    return file


def opens(file: Path, most: float | None = None) -> bool:
    with quiet_gdal(), open_scene(file, most=most) as scene:
        return scene.height > 0


def test_a_tiled_geotiff_that_claims_more_than_20_gigapixels_is_refused(tmp_path):
    file = sparse(tmp_path / "in.tif", 150_000)
    assert file.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"150000x150000 px \(22.5 gigapixels\); at most 20 .* --max-pixels 23e9"):
        opens(file)
    assert opens(file, 23e9)


def test_a_png_that_claims_more_than_2_gigapixels_is_refused(tmp_path):
    file = png(tmp_path / "in.png", 50_000, 50_000)
    with pytest.raises(InputError, match="2.5 gigapixels.*at most 2 gigapixels"):
        opens(file)
    assert opens(file, 3e9)


def test_a_geotiff_of_one_huge_tile_is_refused(tmp_path):
    file = sparse(tmp_path / "in.tif", 9600, blockxsize=9600, blockysize=9600)
    with pytest.raises(InputError, match="at most 0.064 gigapixels are read where 92 megapixels have to be decoded at"):
        opens(file)
    assert opens(file, 1e8)


def test_a_limit_may_be_lower_than_usual(tmp_path):
    file = write_raster(tmp_path / "in.tif", GREY)
    assert opens(file, 1600)
    with pytest.raises(InputError, match="at most 1.6e-06 gigapixels are read, for"):
        opens(file, 1599)


@pytest.mark.parametrize("most", [0.0, -1.0, float("nan"), float("inf")])
def test_limits_that_cannot_be_meant_are_refused(most):
    with pytest.raises(OptionError, match="--max-pixels"):
        check_most(most)


def test_a_mask_has_the_limit_of_its_scene(tmp_path):
    scene, mask = write_raster(tmp_path / "in.tif", GREY), sparse(tmp_path / "mask.tif", 150_000, count=1)
    for most in (None, 1e9):
        with quiet_gdal(), open_scene(scene, most=most) as place, pytest.raises(InputError, match="22.5 gigapixels"):
            Mask(mask, "binary").opened(place).__enter__()


def virtual(other: str) -> str:
    """A raster in which GDAL would read another file."""
    band = '<VRTRasterBand dataType="Byte" band="{}"><SimpleSource><SourceFilename>{}</SourceFilename></SimpleSource>'
    bands = "".join(band.format(number, other) + "</VRTRasterBand>" for number in (1, 2, 3))
    return f'<VRTDataset rasterXSize="40" rasterYSize="40">{bands}</VRTDataset>'


@pytest.mark.parametrize("name", ["in.vrt", "in.tif", "in.png", "in.jp2"])
def test_a_virtual_raster_is_refused_whatever_its_name(tmp_path, name):
    write_raster(tmp_path / "other.tif", GREY)
    (tmp_path / name).write_text(virtual(str(tmp_path / "other.tif")))
    with rasterio.open(tmp_path / name) as source:
        assert source.read().min() == 90  # GDAL would read it.
    with pytest.raises(InputError, match="is not a picture that can be read"):
        opens(tmp_path / name)


@pytest.mark.parametrize("name", ["/vsicurl/http://127.0.0.1:9/a.tif", "/vsizip/{}/a.tif", "GTIFF_DIR:1:{}"])
def test_names_that_only_gdal_understands_are_no_files(tmp_path, name):
    with pytest.raises(InputError, match="There is no file"):
        opens(Path(name.format(write_raster(tmp_path / "in.tif", GREY))))


@pytest.mark.parametrize("suffix", [".ovr", ".msk", ".MSK"])
def test_files_beside_a_raster_that_could_name_others_are_refused(tmp_path, suffix):
    file = write_raster(tmp_path / "in.tif", GREY)
    (tmp_path / f"in.tif{suffix}").write_text(virtual("/vsicurl/http://127.0.0.1:9/a.tif"))
    with pytest.raises(InputError, match=f"in.tif{suffix}, which GDAL would read with in.tif, is no GeoTIFF"):
        opens(file)


def test_overviews_and_masks_beside_a_raster_are_read_as_before(tmp_path):
    file = write_raster(tmp_path / "in.tif", GREY)
    with rasterio.Env(TIFF_USE_OVR=True, GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(file, "r+") as target:
        target.build_overviews([2])
        target.write_mask(np.zeros((40, 40), bool))
    assert {path.name for path in tmp_path.iterdir()} >= {"in.tif.ovr", "in.tif.msk"}
    assert opens(file)


@pytest.fixture
def asked():
    """A server that notes what it is asked for, and its address."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_error(404)

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *words):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"/vsicurl/http://127.0.0.1:{server.server_port}/{{}}.tif", paths
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("where", ["inside", "beside"])
def test_overviews_in_another_place_are_refused_and_not_asked_for(tmp_path, asked, where):
    address, paths = asked
    file = write_raster(tmp_path / "in.tif", GREY)
    if where == "inside":
        with rasterio.open(file, "r+") as target:
            target.update_tags(ns="OVERVIEWS", overview_file=address.format("a"))
    else:
        item = f'<MDI key="OVERVIEW_FILE">{address.format("a")}</MDI>'
        text = f'<PAMDataset><Metadata domain="OVERVIEWS">{item}</Metadata></PAMDataset>'
        (tmp_path / "in.tif.aux.xml").write_text(text)
    with pytest.raises(InputError, match="names another file as its overviews"):
        opens(file)
    assert paths == []
    with rasterio.open(file) as source:
        assert source.files and paths  # GDAL would ask for it.


def test_a_raster_that_names_no_other_file_is_opened(tmp_path):
    with quiet_gdal(), open_raster(write_raster(tmp_path / "in.tif", GREY)) as source:
        assert source.count == 3
