"""The command archive: many scenes through the workers of a dask cluster."""

import importlib.util
import os
import shutil

import pytest
from distributed import LocalCluster

from cloud_removal.cli import archive_cluster, archive_workers, main, remove_one
from cloud_removal.errors import InputError
from tests.small_model import as_type, cloudy, read, write_raster

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def cluster():
    """A scheduler with two workers in this process, so that nothing has to be imported again."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as running:
        yield running


@pytest.fixture
def archive(model_folder, cluster, capfd):
    """Runs the command on the cluster with the small model; returns exit code, stdout and stderr."""

    def run(*words):
        capfd.readouterr()
        where = ["--scheduler", cluster.scheduler_address, "--model", str(model_folder)]
        code = main(["archive", *map(str, words), *where])
        return (code, *capfd.readouterr())

    return run


@pytest.fixture
def scenes(tmp_path):
    """A folder of three small scenes."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    for seed, name in enumerate(NAMES):
        write_raster(folder / f"{name}.tif", as_type(cloudy(40, 50, seed), "uint8"))
    return folder


@pytest.fixture
def failing(monkeypatch):
    """Lets the first so many attempts at a scene fail; returns the attempts that were made."""
    attempts = []

    def arrange(times):
        whole = remove_one.Remover.removed

        def removed(self, source, results, say, advance=lambda done, total: None):
            attempts.append(source.stem)
            if attempts.count("b") <= times and source.stem == "b":
                raise InputError(f"{source} cannot be read just now.")
            return whole(self, source, results, say, advance)

        monkeypatch.setattr(remove_one.Remover, "removed", removed)
        return attempts

    return arrange


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_results_of_an_archive_are_those_of_single_scenes_byte_for_byte(tmp_path, scenes, archive, model_folder):
    beside = {"--cloud": "clouds", "--provenance": "codes"}
    code, out, _ = archive(scenes, tmp_path / "out", *(w for o, n in beside.items() for w in (o, tmp_path / n)))
    assert code == 0 and out.count("\n") == 3
    single = [tmp_path / "b.tif", "--cloud", tmp_path / "cloud.tif", "--provenance", tmp_path / "code.tif"]
    main(["remove", *map(str, [scenes / "b.tif", *single]), "--model", str(model_folder), "--quiet"])
    for one, many in (("b.tif", "out"), ("cloud.tif", "clouds"), ("code.tif", "codes")):
        assert (tmp_path / one).read_bytes() == (tmp_path / many / "b.tif").read_bytes()


def test_a_model_is_loaded_once_for_all_scenes_of_a_process(tmp_path, scenes, archive):
    archive_workers.ready.cache_clear()
    archive(scenes, tmp_path / "out")
    assert (archive_workers.ready.cache_info().misses, archive_workers.ready.cache_info().hits) == (1, 2)


def test_a_model_exchanged_under_its_name_is_loaded_anew(tmp_path, scenes, cluster, model_folder):
    own = shutil.copytree(model_folder, tmp_path / "own")

    def run(output):
        words = [str(scenes / "a.tif"), str(output), "--model", str(own), "--scheduler", cluster.scheduler_address]
        assert main(["archive", *words]) == 0
        return archive_workers.ready.cache_info().misses

    before = run(tmp_path / "before")
    (own / "variables" / "more").write_bytes(b"another")
    assert run(tmp_path / "after") == before + 1


def test_one_bad_scene_is_reported_and_does_not_stop_the_others(tmp_path, scenes, archive):
    (scenes / "bad.tif").write_bytes(b"nothing")
    code, out, err = archive(scenes, tmp_path / "out")
    assert code == 1 and out.count("\n") == 3
    assert err.count(f"error: {scenes / 'bad.tif'} is not a picture") == 1
    assert "error: 1 of 4 scenes failed; the others are done." in err
    assert names(tmp_path / "out") == ["a.tif", "b.tif", "c.tif"]


def test_a_scene_that_fails_is_tried_once_more(tmp_path, scenes, archive, failing):
    attempts = failing(times=1)
    code, _, err = archive(scenes, tmp_path / "out")
    assert (code, attempts.count("b")) == (0, 2) and "error" not in err


def test_a_scene_that_fails_twice_is_given_up(tmp_path, scenes, archive, failing):
    attempts = failing(times=9)
    code, _, err = archive(scenes, tmp_path / "out")
    assert (code, attempts.count("b")) == (1, 2) and err.count("cannot be read just now") == 1


def test_what_is_done_already_is_skipped_and_said(tmp_path, scenes, archive, failing):
    attempts = failing(times=0)
    archive(scenes / "a.tif", tmp_path / "out")
    code, out, err = archive(scenes, tmp_path / "out")
    assert (code, out.count("\n")) == (0, 2) and "a.tif exists already" in err
    assert sorted(attempts) == ["a", "b", "c"]


def test_nothing_is_started_where_all_is_done(tmp_path, scenes, model_folder, archive, capfd):
    archive(scenes, tmp_path / "out")
    nowhere = ["--scheduler", "tcp://127.0.0.1:1", "--model", str(model_folder)]
    assert main(["archive", str(scenes), str(tmp_path / "out"), *nowhere]) == 0


def test_patterns_lists_and_files_together_are_each_scene_once(tmp_path, scenes, archive, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("# of today\nscenes/c.tif\n\nscenes/a.tif\n")
    code, out, _ = archive("scenes/[ab].tif", "list.txt", "scenes/a.tif", "out")
    assert (code, out.count("\n")) == (0, 3)
    assert names(tmp_path / "out") == ["a.tif", "b.tif", "c.tif"]


def test_a_file_that_a_list_names_but_is_not_there_fails_alone(tmp_path, scenes, archive):
    (tmp_path / "list.txt").write_text(f"{scenes / 'a.tif'}\n{scenes / 'gone.tif'}\n")
    code, _, err = archive(tmp_path / "list.txt", tmp_path / "out")
    assert code == 1 and f"There is no file {scenes / 'gone.tif'}" in err
    assert names(tmp_path / "out") == ["a.tif"]


def test_each_scene_takes_its_own_mask_out_of_the_folder_of_masks(tmp_path, scenes, archive):
    (tmp_path / "masks").mkdir()
    for name, code in (("a", 0), ("b", 1), ("c", 0)):
        write_raster(tmp_path / "masks" / f"{name}.tif", as_type(cloudy(40, 50), "uint8")[:1] * 0 + code)
    options = (
        "--mask",
        tmp_path / "masks",
        "--mask-kind",
        "binary",
        "--provenance",
        tmp_path / "codes",
        "--no-inpaint",
    )
    assert archive(scenes, tmp_path / "out", *options)[0] == 0
    assert [bool((read(tmp_path / "codes" / f"{name}.tif") == 4).all()) for name in NAMES] == [False, True, False]


def test_notes_of_workers_are_told(tmp_path, archive):
    write_raster(tmp_path / "in.tif", as_type(cloudy(40, 50), "uint16"))
    assert "note: in.tif: brightness by percentiles" in archive(tmp_path / "in.tif", tmp_path / "out")[2]


def test_quiet_says_nothing_on_stderr(tmp_path, scenes, archive):
    assert archive(scenes, tmp_path / "out", "--quiet")[::2] == (0, "")


@pytest.mark.parametrize(
    "words, message",
    [
        (["in.tif"], "expected scenes, and last the folder"),
        (["gone.tif", "out"], "There is no gone.tif. Expected a scene, a folder of scenes, a pattern"),
        (["*.jp2", "out"], "No scene matches *.jp2"),
        (["empty.txt", "out"], "empty.txt lists no files"),
        (["in.tif", "more/in.tif", "out"], "Several pictures of in.tif, more/in.tif would become"),
        (["in.tif", "out", "--other-date", "more/in.tif"], "--other-date: that is for one place"),
        (["in.tif", "out", "--workers", "2"], "--workers and --scheduler: give one of them"),
        (["in.tif", "out", "--window", "0"], "--window 0"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line_before_any_work(words, message, tmp_path, archive, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more").mkdir()
    for folder in (tmp_path, tmp_path / "more"):
        write_raster(folder / "in.tif", as_type(cloudy(40, 50), "uint8"))
    (tmp_path / "empty.txt").write_text("# nothing\n")
    code, out, err = archive(*words)
    assert (code, out, err.count("\n")) == (1, "", 1) and message in err
    assert not (tmp_path / "out").exists()


def test_fewer_workers_than_one_are_refused(tmp_path, scenes, capfd):
    assert main(["archive", str(scenes), str(tmp_path / "out"), "--workers", "0"]) == 1
    assert capfd.readouterr().err == "error: --workers 0: expected 1 or more.\n"


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, scenes, model_folder, capfd, monkeypatch):
    monkeypatch.setattr("cloud_removal.cli.archive_cluster.PATIENCE", "1s")
    words = ["--scheduler", "tcp://127.0.0.1:1", "--model", str(model_folder)]
    assert main(["archive", str(scenes), str(tmp_path / "out"), *words]) == 1
    assert "error: --scheduler tcp://127.0.0.1:1: no dask scheduler answers there." in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_dask_the_command_that_installs_it_is_said(tmp_path, scenes, monkeypatch, capfd):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["archive", str(scenes), str(tmp_path / "out")]) == 1
    assert "python -m pip install 'dask[distributed]'" in capfd.readouterr().err


def test_the_processes_of_this_machine_do_an_archive_with_their_share_of_the_cores(tmp_path, scenes, model_folder):
    words = ["--workers", "2", "--model", str(model_folder), "--quiet"]
    assert main(["archive", str(scenes / "a.tif"), str(scenes / "b.tif"), str(tmp_path / "out"), *words]) == 0
    main(["remove", str(scenes), str(tmp_path / "folder"), "--model", str(model_folder), "--quiet"])
    for name in ("a.tif", "b.tif"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "folder" / name).read_bytes()


def test_a_process_that_dies_is_that_scenes_failure_and_is_replaced(tmp_path):
    with archive_cluster.local(1) as client:
        outcome = archive_workers.outcome_of(client.submit(os._exit, 9), tmp_path / "large.tif")
        assert outcome.error == f"{tmp_path / 'large.tif'}: the process that worked on it died; was its memory enough?"
        environment = client.submit(lambda: dict(os.environ)).result()
    assert environment["TF_NUM_INTRAOP_THREADS"] == str(os.cpu_count())
