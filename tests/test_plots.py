"""Pictures for people."""

import json

import cv2
import numpy as np
import pytest

from cloud_removal import plots
from cloud_removal.cli import call
from cloud_removal.errors import InputError


def decoded(content):
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def log(folder, *lines):
    folder.mkdir(exist_ok=True)
    (folder / "log.jsonl").write_text(
        "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    )
    return folder


def line(step, **losses):
    return {"step": step, "images_per_second": 2.0, "learning_rate": 1e-4, "data_wait": 0.0, "seconds": 1.0} | losses


def duel(step, **changes):
    return {
        "step": step,
        "adversarial": 1.0,
        "discriminator": 0.5,
        "gate_generator": 1.0,
        "gate_discriminator": 1.0,
    } | changes


def test_a_grid_shows_the_pixels_of_each_picture():
    picture = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    grid = plots.grid({"picture": picture, "cloud": picture[..., :1]})
    second = grid[plots.BAR + 16 + plots.GAP :][:16, :16]
    np.testing.assert_array_equal(second, np.round(255 * picture[1]).astype(np.uint8))


def test_a_grid_shows_one_channel_as_grey():
    grid = plots.grid({"cloud": np.full((1, 16, 16, 1), 0.5, np.float32)})
    np.testing.assert_array_equal(grid[plots.BAR, 0], [128, 128, 128])


def test_a_grid_shows_what_is_out_of_range_or_no_number():
    grid = plots.grid({"ground": np.stack([np.full((16, 16, 3), v, np.float32) for v in (2.0, -1.0, np.nan)])})
    assert [grid[plots.BAR + row * (16 + plots.GAP), 0, 0] for row in range(3)] == [255, 0, 0]


def test_the_pictures_of_a_grid_can_be_had_back():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 2, 16, 16, 3))
    grid = plots.grid(dict(zip("abc", pictures / np.float32(255.0), strict=True)))
    np.testing.assert_array_equal(plots.cells(grid, 16), pictures)


def test_a_sheet_lays_pictures_out_in_rows_and_leaves_the_rest_dark():
    pictures = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3))
    sheet = plots.sheet(list(pictures / np.float32(255.0)), 3)
    step = 16 + plots.GAP
    assert sheet.shape == (2 * step, 3 * step, 3) and np.all(sheet[step:, 2 * step :] == 32)
    np.testing.assert_array_equal(sheet[step : step + 16, step : step + 16], pictures[4])


def test_a_png_keeps_red_red():
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 200
    np.testing.assert_array_equal(decoded(plots.png(red)), red)


def test_curves_differ_where_the_losses_differ(tmp_path):
    one = plots.curves(log(tmp_path, line(1, ground=0.5), line(2, ground=0.4)))
    assert one != plots.curves(log(tmp_path, line(1, ground=0.5), line(2, ground=0.1)))


def test_curves_of_a_log_with_a_torn_line_leave_it_out(tmp_path):
    whole = plots.curves(log(tmp_path, line(1, ground=0.5), line(2, ground=0.4)))
    assert whole == plots.curves(log(tmp_path, line(1, ground=0.5), line(2, ground=0.4), '{"step": 3, "gro'))


def test_curves_of_a_loss_that_overflowed_can_be_drawn(tmp_path):
    lines = [line(step, ground=None if step == 70 else 0.5) for step in range(1, 120)]
    assert decoded(plots.curves(log(tmp_path, *lines))).shape == (900, 1000, 3)


def test_the_balance_of_two_networks_has_a_part_of_its_own(tmp_path):
    one, other = (line(1, discriminator=0.5, gate_discriminator=gate, diversity=0.9) for gate in (1.0, 0.0))
    assert decoded(plots.curves(log(tmp_path, one))).shape == (1000, 1000, 3)
    assert plots.curves(log(tmp_path, one)) != plots.curves(log(tmp_path, other))


def test_a_duel_shows_when_a_network_waits():
    lines = [duel(step) for step in (1, 2, 3)]
    assert plots.duels({"a": lines}) != plots.duels({"a": [*lines[:1], duel(2, gate_generator=0.0), lines[2]]})


def test_a_duel_has_a_part_for_each_run():
    lines = [duel(1), duel(2)]
    heights = [decoded(plots.duels(dict.fromkeys(titles, lines))).shape[0] for titles in ("a", "ab", "abcde")]
    assert heights == [220, 440, 1100]


def test_values_over_steps_are_drawn_where_they_are():
    one, other = (plots.over_steps({"a": ([1, 2], [1.0, last])}, "change") for last in (2.0, 3.0))
    assert one != other and decoded(one).shape == (400, 1000, 3)


def test_a_running_mean_bridges_steps_that_have_no_value():
    values = np.array([1.0, np.nan, 3.0, np.nan, np.nan])
    np.testing.assert_array_equal(plots._running_mean(values, 2), [1.0, 3.0, 3.0, np.nan])


def test_a_folder_without_a_log_is_said(tmp_path):
    with pytest.raises(InputError, match=r"log.jsonl is missing"):
        plots.curves(tmp_path)


def test_the_command_plot_prints_where_the_picture_is(tmp_path, capsys):
    assert call("plot", [str(log(tmp_path, line(1, ground=0.5)))]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "curves.png")


def test_the_command_plot_says_where_it_cannot_write(tmp_path, capsys):
    run_dir = log(tmp_path / "run", line(1, ground=0.5))
    assert call("plot", [str(run_dir), "--output", str(tmp_path / "no" / "c.png")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_the_command_plot_draws_the_curves_of_the_run_folder_anew(tmp_path):
    call("plot", [str(log(tmp_path, line(1, ground=0.5), line(2, ground=0.4)))])
    before = (tmp_path / "curves.png").read_bytes()
    assert call("plot", [str(log(tmp_path, line(1, ground=0.5), line(2, ground=0.1)))]) == 0
    assert (tmp_path / "curves.png").read_bytes() != before


def test_the_command_plot_replaces_another_file_only_if_told(tmp_path, capsys):
    run_dir, output = log(tmp_path / "run", line(1, ground=0.5)), tmp_path / "mine.png"
    output.write_bytes(b"mine")
    assert call("plot", [str(run_dir), "--output", str(output)]) == 1
    assert "--overwrite" in capsys.readouterr().err and output.read_bytes() == b"mine"
    assert call("plot", [str(run_dir), "--output", str(output), "--overwrite"]) == 0
    assert decoded(output.read_bytes()).shape == (900, 1000, 3)


def test_the_command_plot_refuses_a_picture_of_another_kind(tmp_path, capsys):
    run_dir = log(tmp_path / "run", line(1, ground=0.5))
    assert call("plot", [str(run_dir), "--output", str(tmp_path / "c.pdf")]) == 1
    assert "ends in .png" in capsys.readouterr().err and [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_plot_that_cannot_take_its_place_leaves_nothing_half_written(tmp_path, capsys):
    run_dir = log(tmp_path / "run", line(1, ground=0.5))
    (tmp_path / "c.png").mkdir()
    assert call("plot", [str(run_dir), "--output", str(tmp_path / "c.png"), "--overwrite"]) == 1
    assert "Is a directory" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.png", "run"]
