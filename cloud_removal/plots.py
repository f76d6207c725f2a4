"""Pictures for people: curves of a run, grids of samples, panels beside each other."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cloud_removal.errors import InputError

GAP, BAR = 4, 20
"""Pixels between the pictures of a grid, and of the title bar above it."""
APART = (
    "step", "time", "seconds", "images_per_second", "data_wait", "learning_rate",
    "gate_flips", "collapse_alarm", "phase", "loss_scale",
)  # fmt: skip
"""What a line of the log holds beside what is drawn in the upper parts, or how its name begins."""
NORM = "gradient_norm"
SCORE = "validation_psnr"
"""On the real pairs kept from training, in decibel, where there are any."""
STATES = ("gate_generator", "gate_discriminator", "diversity")
"""Of two networks that train against each other: whether each may (1) or waits (0), and how varied the pictures are."""
WAITING = {"generator": "tab:blue", "discriminator": "tab:orange"}
"""Colours behind the losses while a network waits: those of its own loss."""


def grid(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Columns of images (B, H, W, 1 or 3) in [0, 1] by title, as one uint8 RGB picture with the titles above."""
    parts = []
    for title, images in columns.items():
        column = np.concatenate([_framed(image) for image in images])
        parts.append(np.concatenate([_title(title, column.shape[1]), column]))
    return np.concatenate(parts, axis=1)


def sheet(images: Sequence[np.ndarray], across: int) -> np.ndarray:
    """Images (H, W, 1 or 3) in [0, 1], all of a size, `across` a row, as one uint8 RGB picture without titles."""
    framed = [_framed(image) for image in images]
    framed += [np.full_like(framed[0], 32)] * (-len(framed) % across)
    rows = [np.concatenate(framed[start : start + across], axis=1) for start in range(0, len(framed), across)]
    return np.concatenate(rows)


def cells(picture: np.ndarray, side: int) -> np.ndarray:
    """The inverse of `grid`: its pictures of `side` pixels, uint8 (columns, rows, side, side, 3)."""
    step = side + GAP
    inside = picture[BAR:].reshape(-1, step, picture.shape[1] // step, step, 3)
    return inside.transpose(2, 0, 1, 3, 4)[:, :, :side, :side]


def png(picture: np.ndarray) -> bytes:
    """uint8 (H, W, 3) RGB as the bytes of a PNG."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def curves(run_dir: Path) -> bytes:
    """PNG of the run's log: losses, the state of two networks' balance where there is one, norms of the gradients,
    speed and learning rate over the steps.

    InputError where there is no log.
    """
    lines = read_log(run_dir / "log.jsonl")
    steps = [line["step"] for line in lines]
    names = [name for name in (lines[-1] if lines else {}) if not name.startswith((*APART, SCORE))]
    norms, states = [name for name in names if name.startswith(NORM)], [name for name in names if name in STATES]
    parts = {
        "loss": [name for name in names if name not in (*norms, *states)],
        "balance": states,
        "gradient norm": norms,
    }
    if not states:
        del parts["balance"]
    judged = [line for line in lines if SCORE in line]
    rows = len(parts) + bool(judged)
    figure = _figure(7 + rows)
    top, *others = figure.subplots(rows + 1, 1, height_ratios=(4, *[1] * rows), sharex=True)
    top.set(title=str(run_dir))
    for axes, (label, drawn) in zip((top, *others), parts.items(), strict=False):
        axes.set(ylabel=label)
        _curves(axes, steps, {name: _values(lines, name) for name in drawn})
    if judged:
        others[-2].plot([line["step"] for line in judged], _values(judged, SCORE), marker=".")
        others[-2].set(ylabel="PSNR of pairs kept")
        others[-2].grid(alpha=0.3)
    _speed(others[-1], steps, lines)
    return _bytes(figure)


def duels(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """PNG: for each log, by title, loss_G and loss_D in one part, coloured behind while either network waits.

    `logs` are lines of runs in which a generator and a discriminator train against each other (`read_log`).
    """
    figure = _figure(2.2 * len(logs))
    for axes, (title, lines) in zip(figure.subplots(len(logs), 1, squeeze=False)[:, 0], logs.items(), strict=True):
        steps = [line["step"] for line in lines]
        for name, colour in WAITING.items():
            waits = _values(lines, f"gate_{name}") == 0
            axes.stairs(waits, [0, *steps], fill=True, color=colour, alpha=0.25, transform=axes.get_xaxis_transform(),
                        label=f"{name} waits")  # fmt: skip
        losses = {"loss_G": "adversarial", "loss_D": "discriminator"}
        _curves(axes, steps, {label: _values(lines, name) for label, name in losses.items()})
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        axes.set(title=title, xlabel="step", xlim=(0, steps[-1]))
    return _bytes(figure)


def over_steps(curves: Mapping[str, tuple[Sequence[int], Sequence[float]]], label: str) -> bytes:
    """PNG: the values of each (steps, values), by title, in one part; `label` says what they are."""
    figure = _figure(4.0)
    axes = figure.subplots()
    for title, (steps, values) in curves.items():
        axes.plot(steps, values, label=title)
    axes.set(xlabel="step", ylabel=label, ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return _bytes(figure)


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log.jsonl; one torn by a crash is left out. InputError where the file is missing."""
    if not path.exists():
        raise InputError(f"{path} is missing. Expected the --run-dir of a training script.")
    lines = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def _figure(height: float) -> Figure:
    figure = Figure(figsize=(10, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _bytes(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()


def _framed(image: np.ndarray) -> np.ndarray:
    """uint8 RGB with a dark gap to the right and below."""
    rgb = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
    picture = np.round(255.0 * np.clip(np.nan_to_num(rgb.astype(np.float32)), 0.0, 1.0)).astype(np.uint8)
    return cv2.copyMakeBorder(picture, 0, GAP, 0, GAP, cv2.BORDER_CONSTANT, value=(32, 32, 32))


def _title(text: str, width: int) -> np.ndarray:
    """A dark bar with `text`, made small enough to fit."""
    bar = np.full((BAR, width, 3), 32, np.uint8)
    (long, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    size = 0.45 * min(1.0, (width - GAP) / max(long, 1))
    return cv2.putText(bar, text, (2, BAR - 6), cv2.FONT_HERSHEY_SIMPLEX, size, (230, 230, 230), 1, cv2.LINE_AA)


def _values(lines: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    """One name over the lines, NaN where it is not there."""
    return np.array([np.nan if line.get(name) is None else line[name] for line in lines], np.float64)


def _curves(axes: Any, steps: Sequence[int], curves: Mapping[str, np.ndarray]) -> None:
    """Each curve pale, and its running mean over a fiftieth of the run; logarithmic where all is above zero."""
    span = max(len(steps) // 50, 1)
    for name, values in curves.items():
        (pale,) = axes.plot(steps, values, alpha=0.25 if span > 1 else 1.0, label=name if span == 1 else None)
        if span > 1:
            axes.plot(steps[span - 1 :], _running_mean(values, span), color=pale.get_color(), label=name)
    drawn = np.concatenate([values[np.isfinite(values)] for values in curves.values()] or [np.zeros(0)])
    if drawn.size:
        axes.set_yscale("log" if (drawn > 0).all() else "linear")
        axes.legend(loc="upper right")
        axes.grid(alpha=0.3, which="both")


def _running_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Mean of each `span` values that follow each other, as far as they are there: NaN where all are missing."""
    windows = np.lib.stride_tricks.sliding_window_view(values, span)
    count = np.isfinite(windows).sum(axis=-1)
    return np.where(count > 0, np.nansum(windows, axis=-1) / np.maximum(count, 1), np.nan)


def _speed(axes: Any, steps: Sequence[int], lines: Sequence[Mapping[str, Any]]) -> None:
    """Pictures per second, and the learning rate on an axis of its own."""
    (left,) = axes.plot(steps, _values(lines, "images_per_second"), label="images per second")
    axes.set(xlabel="step", ylabel="images per second", ylim=(0, None))
    rate = axes.twinx()
    (right,) = rate.plot(steps, _values(lines, "learning_rate"), color="tab:orange", label="learning rate")
    rate.set(ylabel="learning rate", ylim=(0, None))
    axes.legend(handles=[left, right], loc="lower left")
