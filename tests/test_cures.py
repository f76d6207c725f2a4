"""`make experiments`, small: what comes out says what the logs and samples of the runs say."""

import contextlib
import dataclasses
import io
import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.cures import __main__ as command
from benchmarks.cures import numbers, page, results, sheets
from benchmarks.cures.runs import BASELINE, CURES, OBJECTIVES, VARIANTS, Experiment, chosen, finished, run_of
from cloud_removal import plots
from cloud_removal.cli import quiet  # noqa: F401 - TensorFlow is imported quietly.
from cloud_removal.errors import CheckpointError, OptionError
from cloud_removal.systems.inpaint import InpaintSystem

SIDE, ALONE, STEPS = 32, 2, 4
"""Of the pictures, and of the discriminator alone and of both."""
TOTAL = ALONE + STEPS
NAMES = ("completion", "completion-only", "baseline", "without-history")
SMALL = (
    "--size", SIDE, "--width", 2, "--discriminator-width", 2, "--batch-size", 2, "--steps", STEPS,
    "--completion-steps", 2, "--discriminator-steps", ALONE, "--snapshots", 2, "--judged", 3, "--only", *NAMES[1:],
)  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(folder of the experiment, what it printed), after four runs on procedural ground.

    Their few steps are not compiled, which would take longer than all else.
    """
    output, printed = tmp_path_factory.mktemp("cures") / "out", io.StringIO()
    tf.config.run_functions_eagerly(True)
    try:
        with contextlib.redirect_stdout(printed):
            code = command.main([str(word) for word in ("--output", output, *SMALL)])
    finally:
        tf.config.run_functions_eagerly(False)
    return (output, printed.getvalue()) if code == 0 else pytest.fail(f"exit code {code}")


@pytest.fixture
def found(done):
    return json.loads((done[0] / "numbers.json").read_text())


def log(done, name):
    return plots.read_log(done[0] / name / "log.jsonl")


def shown(picture):
    return cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB)


def cells_of(text):
    """Rows of all tables of a page: {first cell: the others}."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0].strip(): row[1:] for row in rows}


def test_every_run_starts_from_the_weights_of_the_first_and_sees_the_same_pictures(done):
    starts = {name: log(done, name)[0]["reconstruction"] for name in NAMES[1:]}
    assert len(set(starts.values())) == 1
    shown = [sheets.samples(done[0] / name, SIDE) for name in NAMES[1:]]
    grounds = [pictures[max(pictures)][numbers.GROUND] for pictures in shown]
    assert all(np.array_equal(grounds[0], other) for other in grounds)


def test_the_numbers_are_those_of_the_logs(done, found):
    for name in NAMES[2:]:
        lines, values = log(done, name)[ALONE:], found["runs"][name]
        assert values["loss_G"] == pytest.approx(np.mean([line["adversarial"] for line in lines]))
        assert values["loss_D_last"] == lines[-1]["discriminator"]
        assert values["gate_flips"] == lines[-1]["gate_flips"]
        assert values["generator_updates"] == STEPS


def test_the_discriminator_is_given_a_start_in_which_completions_stay_as_they_are(done, found):
    folder = done[0] / "baseline"
    lines, shown = log(done, "baseline"), sheets.samples(folder, SIDE)
    assert [line["adversarial"] is None for line in lines] == [True] * ALONE + [False] * STEPS
    first = sheets.snapshots({"completion": done[0] / "completion", "baseline": folder}, "baseline", SIDE)[ALONE]
    np.testing.assert_array_equal(shown[ALONE][numbers.COMPLETED], first[numbers.COMPLETED])
    assert len(found["runs"]["baseline"]["changes"]) == 2


def test_completion_only_has_no_adversary(found):
    assert found["runs"]["completion-only"]["loss_D"] is found["runs"]["completion-only"]["gate_flips"] is None


def test_the_time_of_a_step_is_put_in_proportion_to_that_of_dcgan(found):
    runs = found["runs"]
    assert runs["baseline"]["to_dcgan"] == 1.0
    ratio = runs["without-history"]["ms_per_step"] / runs["baseline"]["ms_per_step"]
    assert runs["without-history"]["to_dcgan"] == pytest.approx(ratio)


def test_the_snapshots_begin_with_what_the_run_started_from(done, found):
    assert found["runs"]["baseline"]["snapshots"] == [ALONE, 4, TOTAL]
    runs = {name: done[0] / name for name in NAMES}
    first = sheets.snapshots(runs, "baseline", SIDE)[ALONE]
    np.testing.assert_array_equal(first, sheets.samples(runs["completion"], SIDE)[2])


def test_the_table_that_is_printed_says_what_the_numbers_say(done, found):
    folder, printed = done
    assert (folder / "table.md").read_text() in printed
    row = cells_of(printed)["without the history of fakes: `--history 0`"]
    scores = found["runs"]["without-history"]["scores"]
    assert row[:2] == [f"{scores['mae']:.2f}", f"{scores['ssim']:.3f}"]
    assert f"{found['methods']['Telea']['mae']:.2f}" == cells_of(printed)["Telea"][0]


def test_whole_batches_of_held_out_pictures_are_judged(found):
    counts = {
        found["methods"]["truth"]["pictures"],
        *(values["scores"]["pictures"] for values in found["runs"].values()),
    }
    assert counts == {4}


def test_the_curves_are_those_of_the_logs(done):
    logs = {VARIANTS[name].title: log(done, name) for name in CURES if name in NAMES}
    assert (done[0] / "cures.png").read_bytes() == plots.duels(logs)


def test_changes_are_drawn_over_the_steps_of_the_completion_network(found):
    assert [results.since_the_start(found["runs"][name]["snapshots"]) for name in NAMES[1:3]] == [[2, 4], [2, 4]]


@pytest.fixture
def objectives(done):
    """Runs by name, as if one of them had been trained under another objective."""
    return {
        "completion": done[0] / "completion",
        "baseline": done[0] / "baseline",
        "lsgan": done[0] / "without-history",
    }


def test_the_curves_of_the_objectives_are_those_of_their_logs(done, found, objectives):
    drawn = results.draw(objectives, {"baseline": found["runs"]["baseline"]})["objectives"]
    assert drawn == plots.duels({"dcgan": log(done, "baseline"), "lsgan": log(done, "without-history")})


def test_the_objectives_stand_beside_each_other_in_table_and_picture(found, objectives, tmp_path):
    runs = found["runs"] | {"lsgan": found["runs"]["without-history"] | {"ms_per_step": 150.0, "to_dcgan": 1.5}}
    rows = cells_of(page.section(found | {"runs": runs}, {}))
    assert rows["lsgan"][-3:] == ["150", "1.50", str(STEPS)] and rows["dcgan"][-2:] == ["1.00", str(STEPS)]
    sheets.write(objectives, SIDE, tmp_path)
    cells = plots.cells(shown(tmp_path / "objectives.png"), 2 * SIDE)[:, :, ::2, ::2]
    for number, name in enumerate(("baseline", "lsgan")):
        samples = sheets.samples(objectives[name], SIDE)[TOTAL]
        np.testing.assert_array_equal(cells[number], samples[numbers.COMPLETED])


def test_a_strip_shows_the_completions_of_each_snapshot_beside_each_other(done):
    cells = plots.cells(shown(done[0] / "pictures" / "over_time_without-history.png"), 2 * SIDE)
    samples = sheets.samples(done[0] / "without-history", SIDE)
    assert len(cells) == 3 + 2
    for number, step in enumerate((4, TOTAL), start=1):
        np.testing.assert_array_equal(cells[number][:, ::2, ::2], samples[step][numbers.COMPLETED])


def test_the_sheet_shows_completion_only_beside_completion_and_discriminator(done):
    cells = plots.cells(shown(done[0] / "pictures" / "discriminator.png"), 2 * SIDE)[:, :, ::2, ::2]
    alone, both = (
        sheets.samples(done[0] / name, SIDE)[step] for name, step in (("completion-only", STEPS), ("baseline", TOTAL))
    )
    ragged = np.where(both[numbers.HOLE] > 0, 0, both[numbers.GROUND])
    expected = [alone[numbers.COMPLETED], both[numbers.COMPLETED], both[numbers.GROUND], ragged]
    np.testing.assert_array_equal(cells, np.stack(expected))
    outside = both[numbers.HOLE] == 0
    np.testing.assert_array_equal(both[numbers.COMPLETED][outside], both[numbers.GROUND][outside])


def test_the_same_command_trains_nothing_again(done):
    experiment = Experiment(
        output=done[0], size=SIDE, width=2, discriminator_width=2, batch_size=2, steps=STEPS, completion_steps=2,
        discriminator_steps=ALONE, snapshots=2,
    )  # fmt: skip
    assert [name for name in VARIANTS if finished(run_of(name, experiment))] == list(NAMES)
    with pytest.raises(CheckpointError, match=r"trained with other settings \(--steps was 6, now 9"):
        finished(run_of("baseline", dataclasses.replace(experiment, steps=7)))


def test_each_run_but_the_first_two_differs_from_the_baseline_in_what_its_title_says():
    baseline = run_of(BASELINE, Experiment()).options
    for name in (*CURES, *OBJECTIVES):
        options = run_of(name, Experiment()).options
        different = {f for f in vars(options) if getattr(options, f) != getattr(baseline, f)}
        assert different == set(VARIANTS[name].changes)


@pytest.mark.parametrize("name", list(VARIANTS)[1:])
def test_the_weights_of_the_first_run_fit_each_that_starts_from_them(name):
    experiment = Experiment(size=SIDE, width=2, discriminator_width=2)
    first, run = run_of("completion", experiment), run_of(name, experiment)
    shapes = [
        {variable.path: tuple(variable.shape) for variable in InpaintSystem(own).networks["discriminator"].variables}
        for own in (first, run)
    ]
    assert run.init_partly or shapes[0] == shapes[1]


def test_all_objectives_that_can_be_trained_are_compared():
    from cloud_removal.adversarial import OBJECTIVES as THERE

    assert set(page.of_objectives()) == set(THERE) and run_of(BASELINE, Experiment()).options.adversarial == "dcgan"


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(OptionError, match="--only nope: there is no such run; there are completion, completion-only,"):
        chosen(Experiment(only=("nope",)))


def test_the_run_that_all_start_from_is_always_trained():
    assert chosen(Experiment(only=("wgan",))) == ["completion", "wgan"]


def test_steps_that_compiled_saved_or_were_stopped_do_not_count_in_the_time():
    run = dataclasses.replace(run_of(BASELINE, Experiment()), sample_every=4, checkpoint_every=4)
    times = [90.0, 1.0, 1.0, 1.0, 50.0, 1.0, 70.0, 3.0]  # Compiled, -, -, -, after a save, -, resumed, -.
    lines = [{"step": i + 1, "seconds": float(t)} for i, t in enumerate(np.cumsum(times))]
    assert numbers.ms_per_step(lines, run, starts=[0, 6]) == pytest.approx(1000 * (1 + 1 + 1 + 1 + 3) / 5)
    assert numbers.ms_per_step(lines[:1], run, starts=[0]) is None


def test_the_end_of_a_loss_is_its_last_tenth():
    line = {"gate_generator": 1.0, "gate_discriminator": 0.0, "gate_flips": 3.0, "collapse_alarm": 0.0, "phase": 2.0}
    lines = [line | {"step": i, "seconds": i, "adversarial": float(i), "discriminator": 1.0} for i in range(1, 21)]
    lines = [own | {"gradient_norm_generator": 1.0 if own["step"] % 5 == 0 else None} for own in lines]
    values = numbers.of_log(lines, run_of(BASELINE, Experiment()), [0])
    assert (values["loss_G"], values["loss_G_last"]) == (10.5, 19.5)
    assert (values["generator_waits"], values["discriminator_waits"], values["generator_updates"]) == (0.0, 1.0, 4)


@pytest.mark.parametrize(("values", "swing"), [((10, 20, 30, 40), 1.0), ((10, 30, 10, 30), -1.0)])
def test_completions_that_swing_are_told_from_those_that_go_one_way(values, swing):
    completed = np.zeros((4, 1, 4, 4, 3), np.uint8)
    hole = np.zeros((1, 4, 4), bool)
    hole[0, 1, 1] = True
    completed[:, 0, 1, 1] = np.array(values)[:, None]
    completed[1, 0, 3, 3] = 255  # Outside of the hole.
    found = numbers.restlessness(completed, hole)
    assert found["swing"] == pytest.approx(swing)
    assert found["changes"] == [abs(a - b) for a, b in itertools.pairwise(values)]
    assert found["change"] == np.mean(found["changes"])


def test_a_page_gets_the_results_between_its_marks_and_the_curves_beside_it(done, found, tmp_path):
    target = tmp_path / "page.md"
    target.write_text(f"above\n\n{page.BEGIN}\nold\n{page.END}\n\nbelow\n")
    results.publish(target, found, {"cures": b"png"})
    text = target.read_text()
    assert text.startswith(f"above\n\n{page.BEGIN}") and text.endswith(f"{page.END}\n\nbelow\n") and "old" not in text
    assert "](page_cures.png)" in text and (tmp_path / "page_cures.png").read_bytes() == b"png"
    assert cells_of(text) == cells_of((done[0] / "table.md").read_text())


def test_the_page_on_inpainting_lists_every_run_with_its_options_and_has_a_place_for_results():
    text = (Path(__file__).parents[1] / "docs" / "inpainting.md").read_text()
    listed = cells_of(text)
    assert {name for row in listed for name in VARIANTS if f"`{name}`" in row} == set(VARIANTS)
    assert all(listed[f"`{name}`"][0].startswith(f"`{CURES[name].words}`") for name in list(CURES)[1:])
    assert page.BEGIN in page.between_marks(text, "", Path("docs/inpainting.md"))


@pytest.mark.parametrize(("text", "words", "message"), [
    ("no marks", (), "has no place for results"),
    (f"{page.BEGIN}\n{page.END}", ("--only", "wgan"), "a page shows all runs"),
    (None, (), "there is no such file"),
    (f"{page.BEGIN}\n{page.END}", ("--steps", "0"), "--steps 0: expected 1 or more"),
    (f"{page.BEGIN}\n{page.END}", ("--discriminator-steps", "-1"), "--discriminator-steps -1: expected 0 or more"),
])  # fmt: skip
def test_what_could_not_be_written_in_the_end_is_refused_before_the_work(text, words, message, tmp_path, capsys):
    target = tmp_path / "page.md"
    if text is not None:
        target.write_text(text)
    assert command.main(["--output", str(tmp_path / "out"), "--page", str(target), *words]) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()
