"""`make systems-table`, small: what is trained alike, judged alike, and what the table says of it."""

import contextlib
import dataclasses
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.comparison import runs, scores
from benchmarks.comparison.described import folders_in_words
from benchmarks.cures.page import BEGIN, END
from benchmarks.systems_table import __main__ as command
from benchmarks.systems_table import page
from benchmarks.systems_table.variants import VARIANTS, Systems
from cloud_removal.cli import quiet  # noqa: F401 - TensorFlow is imported quietly.
from cloud_removal.data.batches import restoration_batches
from cloud_removal.errors import CheckpointError
from cloud_removal.evaluation.evaluate import Pair, read_pairs
from cloud_removal.evaluation.metrics import psnr, to_8_bit
from cloud_removal.inference.model import Model
from cloud_removal.inference.picture import restore_picture

SIDE, STEPS, JUDGED = 64, 2, 3
SMALL = ("--size", SIDE, "--width", 2, "--judged", JUDGED)
TWO = ("--only", "pix2pix-l1", "pix2pix")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs") / "real"
    for kind, seed in (("cloud", 0), ("clear", 1)):
        (folder / kind).mkdir(parents=True)
        rng = np.random.default_rng(seed)
        for name in ("a.png", "b.png"):
            cv2.imwrite(str(folder / kind / name), rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    return folder


@pytest.fixture(scope="module")
def words(pairs, tmp_path_factory):
    output = tmp_path_factory.mktemp("table") / "out"
    asked = (*SMALL, *TWO, "--steps", STEPS, "--pairs", pairs, "--pairs-only", "b", "--output", output)
    return [str(word) for word in asked]


@pytest.fixture(scope="module")
def done(words):
    """(folder of the comparison, what it printed), after two runs on procedural ground."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = command.main(words)
    return (Path(words[-1]), printed.getvalue()) if code == 0 else pytest.fail(f"exit code {code}")


@pytest.fixture
def found(done):
    return json.loads((done[0] / "numbers.json").read_text())


def cells_of(text):
    """Rows of all tables of a page, in order."""
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]


def test_every_run_is_trained_on_the_same_ground_and_clouds():
    alike = [Systems(size=SIDE, seed=3).run_of(name, steps=7) for name in VARIANTS]
    for name in ("data", "simulation", "augmentation", "steps", "size", "seed", "schedule"):
        assert all(getattr(run, name) == getattr(alike[0], name) for run in alike), name


def test_the_two_pix2pix_differ_in_nothing_but_the_discriminator():
    one, other = (vars(Systems().run_of(name).options) for name in ("pix2pix", "pix2pix-l1"))
    assert {name for name in one if one[name] != other[name]} == {"adversarial_weight"}
    assert other["adversarial_weight"] == 0.0


def test_the_runs_are_of_the_steps_that_were_asked_for(found):
    for values in found["runs"].values():
        assert (values["steps"], values["pictures"]) == (STEPS, 4 * STEPS) and values["weights"] > 0
    assert list(found["runs"]) == ["pix2pix-l1", "pix2pix"]


def test_a_discriminator_is_no_weight_of_what_is_compared(found):
    assert found["runs"]["pix2pix"]["weights"] == found["runs"]["pix2pix-l1"]["weights"]


def test_the_scores_are_those_of_the_exported_models_worked_out_by_hand(done, found, pairs):
    (pair,) = read_pairs(pairs, ["b.png"])
    for name in found["runs"]:
        model = Model.load(done[0] / "models" / name)
        for way, raw in (("network alone", True), ("remove", False)):
            by_hand = psnr(restore_picture(model, pair.cloudy, raw=raw)[0], pair.clear)
            assert found["scores"]["real"][f"{name}, {way}"]["whole"]["psnr"] == pytest.approx(by_hand, abs=1e-3)
    assert found["scores"]["real"]["do nothing"]["whole"]["psnr"] == pytest.approx(psnr(pair.cloudy, pair.clear))


def test_the_simulated_pictures_are_held_out_and_the_same_whatever_is_trained(found):
    comparison = Systems(size=SIDE, judged=JUDGED)
    first = list(scores.simulated_pairs(comparison))
    assert len(first) == JUDGED == found["scores"]["simulated"]["do nothing"]["whole"]["pictures"]
    run = dataclasses.replace(comparison.run_of("pix2pix-l1"), batch_size=8)
    batch = next(iter(restoration_batches(run, "validation")))
    for number, pair in enumerate(first):
        np.testing.assert_array_equal(pair.cloudy, to_8_bit(batch["aerial"][number].numpy()))
        lit = batch["ground"][number].numpy() * (1 - batch["shadow"][number].numpy())
        np.testing.assert_array_equal(pair.clear, to_8_bit(lit))
    idle = np.mean([psnr(pair.cloudy, pair.clear) for pair in first])
    assert found["scores"]["simulated"]["do nothing"]["whole"]["psnr"] == pytest.approx(idle)


def test_the_table_that_is_printed_says_what_the_numbers_say(done, found):
    folder, printed = done
    assert (folder / "table.md").read_text() in printed
    row = next(row for row in reversed(cells_of(printed)) if row[0] == "pix2pix")
    alone, removed = (found["scores"]["real"][f"pix2pix, {way}"]["whole"] for way in ("network alone", "remove"))
    assert row[1:3] == [f"{alone['psnr']:.2f}", f"{alone['ssim']:.3f}"]
    assert row[5:] == [f"{removed['psnr']:.2f}", f"{removed['ssim']:.3f}"]
    both = [found["scores"]["real"][f"{name}, network alone"]["whole"]["psnr"] for name in ("pix2pix", "pix2pix-l1")]
    assert f"pix2pix beside pix2pix, L1 alone: {both[0] - both[1]:+.2f} dB" in printed


def test_the_pictures_show_what_each_network_made(done, found):
    height, width = cv2.imread(str(done[0] / "simulated.png")).shape[:2]
    assert (height // 256, width // 256) == (JUDGED, 4)


def test_the_same_command_trains_and_exports_nothing_twice(done, words, found):
    trained = {path: path.stat().st_mtime_ns for path in done[0].glob("*/log.jsonl")}
    assert len(trained) == 2 and command.main(words) == 0
    assert {path: path.stat().st_mtime_ns for path in trained} == trained
    assert [path.name for path in (done[0] / "models" / "pix2pix").iterdir() if path.is_dir()] == ["1"]
    assert json.loads((done[0] / "numbers.json").read_text())["scores"] == found["scores"]


def test_what_was_trained_with_other_settings_is_not_compared(done, words, capsys):
    assert command.main([*words, "--seed", "1"]) == 1
    assert "--seed was 0, now 1" in capsys.readouterr().err


def test_minutes_become_steps_once_and_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "TRIED_SECONDS", 0.0)
    comparison = Systems(size=SIDE, width=2, minutes=0.5, output=tmp_path)
    steps = runs.settled_steps("pix2pix-l1", comparison)
    budget = json.loads((tmp_path / "pix2pix-l1" / "budget.json").read_text())
    assert steps == runs.known_steps("pix2pix-l1", comparison) == round(30.0 / budget["seconds_per_step"]) >= 1
    assert runs.known_steps("pix2pix", comparison) is None
    with pytest.raises(CheckpointError, match=r"0\.5 minutes were set, now 2"):
        runs.known_steps("pix2pix-l1", Systems(minutes=2.0, output=tmp_path))


def test_a_budget_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "budget.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"budget\.json cannot be read"):
        runs.known_steps("unet", Systems(output=tmp_path))


def test_a_run_of_so_many_steps_is_not_taken_for_one_of_minutes(done, words, capsys):
    without = [word for number, word in enumerate(words) if "--steps" not in (word, words[number - 1])]
    assert command.main(without) == 1
    assert "was trained for a number of steps, not of minutes" in capsys.readouterr().err


def test_a_page_has_every_row_and_keeps_what_is_around_it(found):
    everything = {name: found["runs"]["pix2pix"] for name in VARIANTS}
    judged = {
        title: {key: values for name in VARIANTS for key, values in renamed(one, name).items()}
        for title, one in found["scores"].items()
    }
    text = page.section(found | {"runs": everything, "scores": judged})
    titles = [row[0] for row in cells_of(text)]
    assert [titles.count(variant.title) for variant in VARIANTS.values()] == [2, 2, 2, 2]
    assert text.count("pix2pix beside U-Net: +0.00 dB") == 2


def renamed(one, name):
    """The scores of pix2pix as those of another run."""
    return {key.replace("pix2pix,", f"{name},"): value for key, value in one.items() if "l1" not in key}


@pytest.mark.parametrize(("text", "words", "message"), [
    (None, ("--only", "gan"), "--only gan: there is no such run; there are unet,"),
    (None, ("--minutes", "0"), "--minutes 0.0: expected more than 0"),
    (None, ("--only", "unet", "cyclegan", "--size", "64"), "--size 64: with these options unet takes"),
    (None, ("--judged", "0"), "--judged 0: expected 1 or more"),
    (None, ("--data.pairs", "x"), "to judge on real pairs give --pairs"),
    (None, ("--data.a", "x"), "--data.a: not all that is compared learns from it"),
    (None, ("--pairs", "x/same", "y/same"), "two folders have the same name"),
    (None, ("--pairs", "nowhere"), "nowhere"),
    ("no marks", (), "has no place for results"),
    (f"{BEGIN}\n{END}", ("--only", "unet"), "a page shows all runs"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused_before_the_work(text, words, message, tmp_path, capsys):
    asked = ["--output", str(tmp_path / "out"), *words]
    if text is not None:
        (tmp_path / "page.md").write_text(text)
        asked += ["--page", str(tmp_path / "page.md")]
    assert command.main(asked) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_the_page_on_systems_has_a_place_for_the_table():
    text = (Path(__file__).parents[1] / "docs" / "systems.md").read_text()
    assert text.index(BEGIN) < text.index(END)


def test_the_panel_shows_the_networks_alone():
    grey = np.full((SIDE, SIDE, 3), 90, np.uint8)

    def shown(level):
        return scores.Restored(np.full_like(grey, level))

    judges = {"pix2pix, network alone": lambda _: shown(200), "pix2pix, remove": lambda _: shown(10)}
    _, rows = scores.judged([Pair("x", grey, grey)], judges)
    picture = cv2.imdecode(np.frombuffer(scores.panel(rows, {"pix2pix": "pix2pix"}), np.uint8), cv2.IMREAD_COLOR)
    assert 200 in picture and 10 not in picture


def test_ground_that_counts_more_than_once_is_said_to():
    assert folders_in_words(["a/naip", "b/towns", "a/naip"]) == "`naip` (counting 2 times) and `towns`"
