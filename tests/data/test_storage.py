"""Ground, pairs and layers from elsewhere, over fsspec's own protocols."""

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import cv2
import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from cloud_removal.config import Data, Run, Url, location
from cloud_removal.data import storage
from cloud_removal.data.batches import make_batch, open_sources, restoration_batches
from cloud_removal.data.ground import open_ground
from cloud_removal.data.pairs import open_pairs
from cloud_removal.data.record_index import INDEX
from cloud_removal.data.storage import Kept, Remote, open_storage
from cloud_removal.data.store import read_store
from cloud_removal.data.tiles import cut
from cloud_removal.errors import InputError, OptionError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures, a tile store and shards of them, shards without an index, layers and pairs."""
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for name in ("ground/b", "ground/b-c", "layers", "pairs/cloud", "pairs/clear"):
        (root / name).mkdir(parents=True)
        for number in range(2):
            small = random.integers(30, 220, (6, 6, 1 if name == "layers" else 3), np.uint8)
            cv2.imwrite(str(root / name / f"{number}.png"), cv2.resize(small, (40, 40)))
    cut(root / "ground", root / "store", 16)
    cut(root / "ground", root / "shards", 16, kind="tfrecord", shard=2000)
    shutil.copytree(root / "shards", root / "foreign", ignore=shutil.ignore_patterns("index.json", INDEX))
    return root


@pytest.fixture(scope="module")
def memory(folder):
    """The same in a file system of fsspec that has no disk."""
    fsspec.filesystem("memory").put(str(folder), "/large-data", recursive=True)
    return Url("memory://large-data")


class Ranged(SimpleHTTPRequestHandler):
    """Serves parts of files, as object stores do."""

    def do_GET(self):
        wanted = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if not wanted or not path.is_file():
            return super().do_GET()
        first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        content = path.read_bytes()[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{path.stat().st_size}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def web(folder):
    pytest.importorskip("aiohttp", reason="fsspec speaks HTTP by aiohttp, which is not installed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranged, directory=str(folder)))
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Url(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def run_of(root, kind):
    data = Data(ground=(root / kind,), clouds=(root / "layers",), pairs=root / "pairs", validation_share=0.25)
    return Run(system="unet", data=data, batch_size=3, size=24, seed=7)


def assert_alike(one, other):
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("protocol", ["memory", "file"])
@pytest.mark.parametrize("kind", ["ground", "store", "shards", "foreign"])
def test_a_batch_from_elsewhere_is_that_of_the_folder_here(folder, memory, protocol, kind):
    there = run_of(memory if protocol == "memory" else Url(f"file://{folder}"), kind)
    here = run_of(folder, kind)
    batches = [make_batch(open_sources(run, "training"), run, "training", 3) for run in (here, there)]
    assert_alike(*batches)


@pytest.mark.parametrize("kind", ["ground", "store", "shards", "foreign"])
def test_a_batch_over_http_is_that_of_the_folder_here(folder, web, kind):
    runs = [Run("unet", data=Data(ground=(root / kind,)), batch_size=2, size=24) for root in (folder, web)]
    assert_alike(*(make_batch(open_sources(run, "training"), run, "training", 3) for run in runs))


def test_batches_made_side_by_side_come_in_order(folder, memory):
    run = run_of(memory, "shards")
    here = run_of(folder, "store")
    sources = open_sources(here, "training")
    for index, batch in enumerate(restoration_batches(run, "training").take(5)):
        assert_alike(make_batch(sources, here, "training", index), {n: v.numpy() for n, v in batch.items()})


def test_a_single_picture_elsewhere_is_ground(folder, memory):
    here, there = (open_ground([root / "ground/b/0.png"]) for root in (folder, memory))
    rngs = np.random.default_rng(0), np.random.default_rng(0)
    np.testing.assert_array_equal(here.crop(0, rngs[0], 16), there.crop(0, rngs[1], 16))


def test_what_is_typed_with_a_protocol_is_an_address():
    assert location("s3://bucket/a") == Url("s3://bucket/a") and isinstance(location("s3://bucket/a"), Url)
    assert location("a/b") == Path("a/b") and Url("s3://bucket/") / "a" == "s3://bucket/a"


def test_a_protocol_whose_package_is_missing_says_which(monkeypatch):
    monkeypatch.setitem(storage.PACKAGES, "gone", "gonefs")
    fsspec.register_implementation("gone", "no_such_module.FileSystem", clobber=True, errtxt="Install gonefs")
    with pytest.raises(OptionError, match="gone:// needs a package that is not installed: pip install gonefs"):
        open_storage(Url("gone://bucket/a"))


def test_an_unknown_protocol_is_refused():
    with pytest.raises(OptionError, match="Protocol not known: nothing"):
        open_storage(Url("nothing://bucket/a"))


def test_an_address_without_anything_is_refused():
    with pytest.raises(InputError, match="memory://nowhere/at-all: no such folder, or nothing in it"):
        open_ground([Url("memory://nowhere/at-all")])


def test_a_missing_picture_of_a_pair_elsewhere_is_named(memory):
    fsspec.filesystem("memory").put_file(__file__, "/half/cloud/a.png")
    fsspec.filesystem("memory").put_file(__file__, "/half/clear/b.png")
    with pytest.raises(InputError, match="memory://half/clear/a.png is missing"):
        open_pairs(Url("memory://half"), 0.1, "training")


def test_a_damaged_picture_elsewhere_is_named_by_its_address():
    fsspec.filesystem("memory").pipe_file("/bad/a.png", b"no picture")
    with pytest.raises(InputError, match="^memory://bad/a.png: not a JPEG or PNG"):
        open_ground([Url("memory://bad")])


def test_a_store_elsewhere_that_is_cut_off_says_which_tile(folder):
    memory = fsspec.filesystem("memory")
    memory.put(str(folder / "store"), "/cut-off", recursive=True)
    memory.pipe_file("/cut-off/tiles.npy", memory.cat_file("/cut-off/tiles.npy")[:-1])
    tiles = read_store(Url("memory://cut-off")).tiles
    with pytest.raises(InputError, match=f"tiles.npy: cut off in tile {len(tiles) - 1}"):
        tiles[len(tiles) - 1]


class Troubled(MemoryFileSystem):
    """Fails as often as it is told to, then answers."""

    protocol = "troubled"
    cachable = False
    errors: list[Exception] = []

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("troubled://", "memory://"))

    def cat_file(self, path, start=None, end=None, **kwargs):
        if self.errors:
            raise self.errors.pop()
        return super().cat_file(path, start, end, **kwargs)


@pytest.fixture
def troubled(monkeypatch):
    """A folder with the file `a`; what it fails with is to be added to."""
    fsspec.register_implementation("troubled", Troubled, clobber=True)
    fsspec.filesystem("memory").pipe_file("/trouble/a", b"0123456789")
    monkeypatch.setattr(storage, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(Troubled, "errors", [])
    return Remote(Url("troubled://trouble"))


def test_what_fails_in_passing_is_asked_again(troubled):
    Troubled.errors += [TimeoutError(), ConnectionResetError("reset by peer")]
    assert troubled.read("a", 2, 5) == b"234"


def test_what_keeps_failing_is_told_in_one_line(troubled):
    Troubled.errors += [ConnectionResetError("reset by peer")] * 3
    with pytest.raises(InputError, match="troubled://trouble/a: cannot be read .*reset by peer"):
        troubled.read("a")


class NoCredentialsError(Exception):
    """As botocore calls it."""


class HttpError(Exception):
    """As gcsfs calls it, with its status."""

    code = 403


@pytest.mark.parametrize("error", [PermissionError("Access Denied"), NoCredentialsError("Unable"), HttpError("no")])
def test_a_refusal_is_told_at_once_and_says_to_sign_in(troubled, error):
    Troubled.errors += [ValueError("asked twice"), error]
    with pytest.raises(InputError, match="troubled://trouble/a: access refused .*Sign in"):
        troubled.read("a")


def test_a_file_that_is_not_there_is_told_at_once(troubled):
    with pytest.raises(InputError, match="troubled://trouble/b: no such file or folder there"):
        troubled.read("b")


def test_what_was_read_last_is_kept_up_to_so_many_bytes():
    kept = Kept(10)
    for name in "abc":
        kept.put(name, b"1234")
    assert kept.get("a") is None and kept.get("b") == kept.get("c") == b"1234"
    kept.get("b")
    kept.put("d", b"1234")
    assert kept.get("c") is None and kept.held == 8


def test_a_record_is_fetched_once_while_it_is_kept(troubled):
    assert troubled.read("a", 0, 4) == b"0123"
    Troubled.errors += [ValueError("asked twice")]
    assert troubled.read("a", 0, 4) == b"0123"
