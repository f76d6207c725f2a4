"""The part of procedural ground that people laid out: fields with crop rows, tracks, villages of houses.

Everything is painted on a straight canvas; `terrain` turns and bends it into the landscape.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from cloud_removal.data.fractal import fractal

Colour = tuple[int, int, int]
Plot = tuple[int, int, int, int]
"""top, left, bottom, right"""

ROOFS: tuple[Colour, ...] = (
    (150, 88, 68), (128, 80, 66), (150, 148, 146), (190, 186, 180), (104, 100, 98), (84, 76, 72)
)  # fmt: skip
ASPHALT: Colour = (128, 126, 124)
WILD = 255
"""Greatest readiness of a plot to be left to wood or grass; 0 never is (houses)."""


@dataclass(frozen=True)
class Biome:
    """Colours of a kind of land (8-bit RGB) and how much of it is wood and hills."""

    crops: tuple[Colour, ...]
    meadow: Colour
    wood: Colour
    soil: Colour
    rock: Colour
    water: Colour
    wooded: tuple[float, float]
    """Share of the land under trees (range)."""
    pivots: float
    """Share of the large fields watered by a turning arm: discs."""


@dataclass(frozen=True)
class Farmland:
    """A painted canvas: colours uint8 (H, W, 3), and how ready each plot is to be left wild, uint8 (H, W)."""

    colours: np.ndarray
    wild: np.ndarray


def rgb(colour: Colour) -> np.ndarray:
    """A colour to reckon with, float32 (3,)."""
    return np.array(colour, np.float32)


def farmland(rng: np.random.Generator, side: int, biome: Biome, detail: float) -> Farmland:
    """A square of farmland; `detail` is pixels per length: fields are about 70·detail, houses 6·detail across."""
    colours = np.zeros((side, side, 3), np.float32)
    wild = np.zeros((side, side), np.uint8)
    lines: list[tuple[Plot, int]] = []
    plots = _split(rng, (0, 0, side, side), 70.0 * detail, 0, lines)
    towns = [(*rng.uniform(0.0, side, 2), detail * rng.uniform(60.0, 260.0)) for _ in range(_towns(rng, side, detail))]
    built = []
    for plot in plots:
        nearness = _nearness(rng, plot, towns)
        top, left, bottom, right = plot
        wild[top:bottom, left:right] = 0 if nearness > 0 else rng.integers(1, WILD)
        if nearness > 0:
            built.append((plot, nearness))
        else:
            _field(rng, colours, plot, biome, detail)
    colours *= 1.0 + 0.09 * fractal(rng, (side, side), 60.0 * detail, 0.7)[..., None]
    painted = np.clip(colours, 0.0, 255.0).astype(np.uint8)
    _tracks(rng, painted, lines, biome, detail)
    for plot, nearness in built:
        _village(rng, painted, plot, nearness, biome, detail)
    return Farmland(painted, wild)


def _towns(rng: np.random.Generator, side: int, detail: float) -> int:
    return int(rng.poisson(min((side / detail / 900.0) ** 2, 40.0)))


def _split(
    rng: np.random.Generator, plot: Plot, wanted: float, depth: int, lines: list[tuple[Plot, int]]
) -> list[Plot]:
    """Plots of about `wanted` pixels by cutting in two again and again; adds each cut and its depth to `lines`."""
    top, left, bottom, right = plot
    height, width = bottom - top, right - left
    if max(height, width) < wanted * rng.uniform(1.0, 2.6) or min(height, width) < 6:
        return [plot]
    share = rng.uniform(0.35, 0.65)
    if height * rng.uniform(0.7, 1.4) > width:
        cut = top + round(height * share)
        lines.append(((cut, left, cut, right), depth))
        parts = [(top, left, cut, right), (cut, left, bottom, right)]
    else:
        cut = left + round(width * share)
        lines.append(((top, cut, bottom, cut), depth))
        parts = [(top, left, bottom, cut), (top, cut, bottom, right)]
    return [piece for part in parts for piece in _split(rng, part, wanted, depth + 1, lines)]


def _nearness(rng: np.random.Generator, plot: Plot, towns: list[tuple[float, float, float]]) -> float:
    """How far inside a town the plot lies: 1 in its middle, 0 or less outside."""
    y, x = (plot[0] + plot[2]) / 2, (plot[1] + plot[3]) / 2
    return max((1.0 - math.hypot(y - t, x - s) / (r * rng.uniform(0.6, 1.3)) for t, s, r in towns), default=0.0)


def _field(rng: np.random.Generator, colours: np.ndarray, plot: Plot, biome: Biome, detail: float) -> None:
    """One field: a crop, sown in rows along its longer side, sometimes a watered disc in it."""
    top, left, bottom, right = plot
    area = colours[top:bottom, left:right]
    crop = _shade(rng, biome.crops[int(rng.integers(len(biome.crops)))], 0.12)
    area[:] = crop
    height, width = area.shape[:2]
    if rng.random() < biome.pivots and min(height, width) > 24 and max(height, width) < 1.6 * min(height, width):
        area[:] = _shade(rng, biome.soil, 0.1)
        disc = np.zeros((height, width), np.uint8)
        cv2.circle(disc, (width // 2, height // 2), int(0.48 * min(height, width)), 255, -1, cv2.LINE_AA)
        area += (crop - area) * (disc[..., None] / np.float32(255))
    if min(height, width) < 10:
        return
    along = np.arange(height if width >= height else width, dtype=np.float32)
    rows = np.float32(rng.uniform(0.0, 0.10)) * np.cos(along * (2 * math.pi / rng.uniform(2.5, 4.0 + 4.0 * detail)))
    rows += np.float32(rng.uniform(0.0, 0.06)) * np.cos(along * (2 * math.pi / rng.uniform(10.0, 14.0 + 20.0 * detail)))
    area *= 1.0 + (rows[:, None, None] if width >= height else rows[None, :, None])


def _shade(rng: np.random.Generator, colour: Colour, spread: float) -> np.ndarray:
    """The colour a little brighter or darker and off its hue, float32 (3,)."""
    return rgb(colour) * np.float32(1 + rng.normal(0, spread)) * (1 + rng.normal(0, spread / 4, 3)).astype("f4")


def _tracks(
    rng: np.random.Generator, painted: np.ndarray, lines: list[tuple[Plot, int]], biome: Biome, detail: float
) -> None:
    """Between fields: roads along the first cuts, then tracks, hedges, or nothing."""
    for (top, left, bottom, right), depth in sorted(lines, key=lambda line: -line[1]):
        if depth < 6:
            colour, width = _shade(rng, ASPHALT, 0.05), 3.4 * detail
        elif rng.random() < 0.3:
            colour, width = 1.15 * _shade(rng, biome.soil, 0.08), 1.6 * detail
        elif rng.random() < 0.5:
            colour, width = 1.05 * _shade(rng, biome.wood, 0.1), rng.uniform(1.0, 3.0) * detail
        else:
            continue
        line(painted, np.array([[left, top], [right, bottom]], float), colour, width)


def line(painted: np.ndarray, points: np.ndarray, colour: np.ndarray, width: float) -> None:
    """Draws a smooth line through `points` (N, 2; x, y); one thinner than a pixel shines through by its width."""
    left, top = np.maximum(np.floor(points.min(axis=0)).astype(int) - 2 - round(width), 0)
    right, bottom = np.maximum(np.ceil(points.max(axis=0)).astype(int) + 3 + round(width), 0)
    part = painted[top:bottom, left:right]
    if not part.size:
        return
    ends = np.rint((points - (left, top)) * 16).astype(np.int32)
    drawn = part.copy()
    cv2.polylines(drawn, [ends], False, tone(colour), max(1, round(width)), cv2.LINE_AA, 4)
    part[:] = cv2.addWeighted(drawn, min(width, 1.0), part, 1.0 - min(width, 1.0), 0.0).reshape(part.shape)


def _village(
    rng: np.random.Generator, painted: np.ndarray, plot: Plot, nearness: float, biome: Biome, detail: float
) -> None:
    """Blocks of houses with gardens and trees between streets; denser and greyer towards the middle of the town."""
    top, left, bottom, right = plot
    area = painted[top:bottom, left:right]
    green = 0.65 * rgb(biome.meadow) + 0.35 * rgb(biome.soil)
    area[:] = np.clip(green * (1 - 0.5 * nearness) + rgb(ASPHALT) * 0.5 * nearness, 0, 255)
    house = max(1.5, detail * rng.uniform(5.0, 7.0) * (1.0 + 1.2 * max(0.0, nearness - 0.4)))
    lot = house * rng.uniform(1.45, 1.9)
    rows, columns = max(1, int(area.shape[0] / lot)), max(1, int(area.shape[1] / lot))
    for row in range(rows):
        street = row % 3 == 2
        y = (row + 0.5) * area.shape[0] / rows
        if street:
            line(area, np.array([[0, y], [area.shape[1], y]], float), rgb(ASPHALT), 0.45 * lot)
        for column in range(columns if not street else 0):
            x = (column + 0.5) * area.shape[1] / columns
            if rng.random() < 0.85:
                _house(rng, area, x, y, house * rng.uniform(0.7, 1.15, 2))
            elif rng.random() < 0.7:
                crown = tone(_shade(rng, biome.wood, 0.1))
                cv2.circle(area, (round(x), round(y)), max(1, round(house * 0.4)), crown, -1)
    cv2.rectangle(area, (0, 0), (area.shape[1] - 1, area.shape[0] - 1), ASPHALT, max(1, round(2.2 * detail)))


def _house(rng: np.random.Generator, area: np.ndarray, x: float, y: float, sides: np.ndarray) -> None:
    """A roof of two sides, one in the light, and its shadow."""
    roof = _shade(rng, ROOFS[int(rng.integers(len(ROOFS)))], 0.1)
    half = sides / 2
    fall = max(1.0, 0.25 * float(sides.min()))
    for shift, box, colour in (
        (fall, (-half[0], -half[1], half[0], half[1]), rgb((40, 42, 40))),
        (0.0, (-half[0], -half[1], half[0], half[1]), roof),
        (0.0, (-half[0], 0.0, half[0], half[1]), 0.82 * roof),
    ):
        corner = (round((x + box[0] + shift) * 16), round((y + box[1] + shift) * 16))
        across = (round((x + box[2] + shift) * 16), round((y + box[3] + shift) * 16))
        cv2.rectangle(area, corner, across, tone(colour), -1, cv2.LINE_AA, 4)


def tone(colour: np.ndarray) -> tuple[int, ...]:
    """A colour as OpenCV draws it."""
    return tuple(int(c) for c in np.clip(colour, 0, 255))
