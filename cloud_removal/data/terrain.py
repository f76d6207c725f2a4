"""Procedural ground: land seen from above, made of nothing but a seed."""

import functools
import math
import threading

import cv2
import numpy as np

from cloud_removal.data.farmland import ASPHALT, Biome, farmland, line, rgb
from cloud_removal.data.fractal import fractal
from cloud_removal.data.ground import Pictures

WORLDS = 8
"""How many landscapes training pictures are cut from."""
WORLD_SIDE = 1536

TEMPERATE = Biome(
    crops=(
        (92, 118, 62), (116, 138, 76), (74, 100, 54), (168, 156, 104), (140, 122, 92), (186, 172, 122), (106, 128, 84)
    ),
    meadow=(104, 124, 74), wood=(46, 66, 42), soil=(156, 136, 108), rock=(138, 132, 122), water=(44, 66, 78),
    wooded=(0.12, 0.5), pivots=0.03,
)  # fmt: skip
DRY = Biome(
    crops=((176, 150, 112), (190, 168, 130), (156, 130, 96), (110, 124, 76), (84, 110, 62), (204, 184, 146)),
    meadow=(168, 148, 112), wood=(86, 90, 62), soil=(184, 156, 118), rock=(158, 128, 100), water=(64, 92, 96),
    wooded=(0.0, 0.15), pivots=0.5,
)  # fmt: skip
TROPICAL = Biome(
    crops=((98, 132, 64), (128, 148, 76), (150, 116, 84), (118, 140, 92), (84, 116, 60)),
    meadow=(112, 136, 74), wood=(36, 66, 36), soil=(164, 112, 78), rock=(130, 112, 92), water=(112, 98, 72),
    wooded=(0.35, 0.8), pivots=0.0,
)  # fmt: skip
NORTHERN = Biome(
    crops=((112, 118, 84), (132, 128, 92), (96, 104, 74), (152, 144, 112)),
    meadow=(122, 120, 88), wood=(50, 60, 48), soil=(140, 128, 108), rock=(146, 144, 140), water=(30, 42, 54),
    wooded=(0.35, 0.75), pivots=0.0,
)  # fmt: skip
BIOMES = (TEMPERATE, TEMPERATE, DRY, TROPICAL, NORTHERN)


def terrain(rng: np.random.Generator, shape: int | tuple[int, int]) -> np.ndarray:
    """A landscape from above, float32 (H, W, 3) in [0, 1]: relief, woods, fields, villages, roads and water.

    Climate, relief and pixel size (houses from two to about fifteen pixels) differ from one to the next.
    """
    height, width = (shape, shape) if isinstance(shape, int) else shape
    shape, side = (height, width), max(height, width)
    biome = BIOMES[int(rng.integers(len(BIOMES)))]
    detail = 2.0 ** rng.uniform(-1.3, 1.3)
    hilly = 2.0 ** rng.uniform(-2.5, 1.0)
    relief = _relief(rng, shape)
    water = _water(rng, relief, detail)
    land, wild = _laid_out(rng, shape, biome, detail)
    land = _wooded(rng, land, wild, relief, water, biome, detail, hilly)
    light = _light(relief, hilly * side / 40.0, rng.uniform(0, 2 * math.pi))
    land = _flooded(rng, land * light[..., None], water, biome, detail)
    _highways(rng, land, detail)
    land *= 1.0 + 0.03 * rng.standard_normal(shape, np.float32)[..., None]
    return np.clip(cv2.GaussianBlur(land, (0, 0), 0.55) / np.float32(255), 0.0, 1.0)


def _relief(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Heights (H, W) of mean 0 and deviation 1: a random surface whose amplitude falls as frequency^-2.2.

    Made of waves, not of grids laid over each other: light from the side would show any grid.
    """
    height, width = (cv2.getOptimalDFTSize(side + side // 4) for side in shape)
    waves = np.fft.rfft2(rng.standard_normal((height, width), np.float32))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * max(shape), np.fft.rfftfreq(width)[None, :] * max(shape))
    surface = np.fft.irfft2(waves * np.maximum(frequency, 1.5) ** -2.2, (height, width))[: shape[0], : shape[1]]
    surface -= surface.mean()
    return (surface / max(float(surface.std()), 1e-12)).astype(np.float32)


def _laid_out(
    rng: np.random.Generator, shape: tuple[int, int], biome: Biome, detail: float
) -> tuple[np.ndarray, np.ndarray]:
    """Farmland turned and gently bent: colours float32 (H, W, 3) and readiness to go wild (H, W) in [0, 1]."""
    height, width = shape
    side = math.ceil(1.1 * math.hypot(height, width)) + 16
    plots = farmland(rng, side, biome, detail)
    angle, bend = rng.uniform(0, 2 * math.pi), rng.uniform(0.0, 0.04) * max(shape)
    y, x = np.meshgrid(np.arange(height) - height / 2, np.arange(width) - width / 2, indexing="ij")
    places = []
    for cos, sin in ((math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))):
        flow = bend * _smooth(rng, shape, max(shape) / 2)
        places.append((cos * x + sin * y + flow + side / 2).astype(np.float32))
    land = cv2.remap(plots.colours, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    wild = cv2.remap(plots.wild, *places, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
    return land.astype(np.float32), wild / np.float32(255)


def _smooth(rng: np.random.Generator, shape: tuple[int, int], largest: float) -> np.ndarray:
    """Noise (H, W) of about unit deviation that varies over `largest` pixels only."""
    step = max(1, int(largest / 8))
    coarse = fractal(rng, (shape[0] // step + 2, shape[1] // step + 2), largest / step, 0.4)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _wooded(
    rng: np.random.Generator,
    land: np.ndarray,
    wild: np.ndarray,
    relief: np.ndarray,
    water: np.ndarray,
    biome: Biome,
    detail: float,
    hilly: float,
) -> np.ndarray:
    """`land` with wood, scrub and rock where nobody farms: on heights, along water, and on plots left wild."""
    shape = wild.shape
    lonely = fractal(rng, shape, max(shape) / 4, 0.55) + 0.6 * relief * min(hilly, 1.0) + 1.6 * wild
    lonely += 2.5 * cv2.GaussianBlur(water, (0, 0), 2.0 + 6.0 * detail)
    lonely[wild == 0] = -9.0
    wooded = _where_highest(lonely, rng.uniform(*biome.wooded), 0.08)
    land = _over(land, _canopy(rng, shape, biome, detail), wooded)
    bare = relief + 0.35 * fractal(rng, shape, max(shape) / 8, 0.65)
    bare[wild == 0] = -9.0
    share = float(np.clip(rng.uniform(-0.2, 0.35) * hilly, 0.0, 0.7))
    return _over(land, _rock(rng, relief, biome), _where_highest(bare, share, 0.25))


def _where_highest(field: np.ndarray, share: float, softness: float) -> np.ndarray:
    """1 in the highest `share` of `field` (H, W), falling to 0 over `softness` of its units."""
    if share <= 0.0:
        return np.zeros_like(field)
    base = np.quantile(field[::4, ::4], 1.0 - share)
    return np.clip((field - base) / softness, 0.0, 1.0)


def _over(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return below + (above - below) * mask[..., None]


def _canopy(rng: np.random.Generator, shape: tuple[int, int], biome: Biome, detail: float) -> np.ndarray:
    """Tree tops (H, W, 3): crowns lit from one side, stands of different kinds."""
    crown = max(1.5, 4.5 * detail)
    tops = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), crown / 3.0)
    tops /= max(float(tops.std()), 1e-6)
    shade = 1.0 + 0.16 * tops + 0.22 * _slope(np.maximum(tops, -0.7), 0.8) * crown / 3.0
    stands = fractal(rng, shape, max(shape) / 6, 0.6)
    hue = rgb(biome.wood) + stands[..., None] * np.array([5.0, 5.5, 2.5], np.float32)
    return hue * np.clip(shade, 0.35, 1.9)[..., None]


def _rock(rng: np.random.Generator, relief: np.ndarray, biome: Biome) -> np.ndarray:
    """Open heights (H, W, 3): soil, dry grass and rock in streaks."""
    mix = np.clip(0.5 + 0.4 * fractal(rng, relief.shape, 96.0, 0.7), 0.0, 1.0)[..., None]
    ground = rgb(biome.soil) * mix + rgb(biome.rock) * (1.0 - mix)
    green = np.clip(0.4 * fractal(rng, relief.shape, 200.0, 0.6), 0.0, 0.7)[..., None]
    return ground * (1.0 - green) + rgb(biome.meadow) * green


def _slope(height: np.ndarray, azimuth: float) -> np.ndarray:
    """Rise of `height` (H, W) per pixel towards `azimuth` (radians)."""
    x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return math.cos(azimuth) * x + math.sin(azimuth) * y


def _light(relief: np.ndarray, steepness: float, azimuth: float) -> np.ndarray:
    """Factor (H, W) on the colours: slopes towards the sun are brighter (Lambert), the others darker."""
    rise = steepness * _slope(relief, azimuth)
    return np.clip((1.0 + 0.9 * rise) / np.sqrt(1.0 + rise * rise), 0.3, 1.6)


def _highways(rng: np.random.Generator, land: np.ndarray, detail: float) -> None:
    """A few long roads in wide bends, laid over what is there."""
    for _ in range(int(rng.integers(0, 3))):
        path = _path(rng, land.shape[:2], 0.035, 6)
        line(land, path, 1.25 * rgb(ASPHALT), 9.0 * detail)
        line(land, path, rgb(ASPHALT) * 0.85, 6.0 * detail)
        if detail > 0.8:
            line(land, path, rgb((200, 198, 190)), 1.0)


def _path(rng: np.random.Generator, shape: tuple[int, int], winding: float, bends: int) -> np.ndarray:
    """Points (N, 2; x, y) of a line across the picture, in ever smaller bends of `winding` of its length."""
    length = 1.6 * math.hypot(*shape)
    along = np.linspace(-0.5, 0.5, 1000)
    aside = np.zeros(1000)
    for order in range(1, bends + 1):
        swing = winding * rng.normal() / order**1.05
        aside += swing * np.sin(2 * math.pi * (order * along * rng.uniform(0.7, 1.3) + rng.uniform()))
    angle = rng.uniform(0, math.pi)
    x, y = rng.uniform(0.25, 0.75, 2) * (shape[1], shape[0])
    cos, sin = math.cos(angle), math.sin(angle)
    return np.stack((x + length * (cos * along - sin * aside), y + length * (sin * along + cos * aside)), axis=-1)


def _water(rng: np.random.Generator, relief: np.ndarray, detail: float) -> np.ndarray:
    """Share of water (H, W) in [0, 1]: rivers of changing width, lakes in the hollows, or neither."""
    shape = relief.shape
    river = np.zeros(shape, np.uint8)
    for _ in range(int(rng.choice(3, p=(0.35, 0.5, 0.15)))):
        width = max(1.5, detail * 2.0 ** rng.uniform(1.5, 5.0))
        path = _path(rng, shape, 0.09, 24)
        reaches = width * np.exp(0.35 * np.sin(np.linspace(0, rng.uniform(9, 30), 100) + rng.uniform(0, 6)))
        for number, reach in enumerate(reaches):
            line(river, path[10 * number : 10 * number + 11], np.array([255.0]), float(max(reach, 1.0)))
    ragged = cv2.GaussianBlur(river, (0, 0), 0.7 + 0.8 * detail) / np.float32(255)
    ragged += 0.12 * fractal(rng, shape, 32.0 * detail, 0.6) * (ragged > 0.02)
    lake = _where_highest(-relief - 0.06 * fractal(rng, shape, 64.0, 0.6), rng.uniform(-0.08, 0.14), 0.02)
    return np.maximum(np.clip((ragged - 0.4) * 6.0, 0.0, 1.0), lake)


def _flooded(rng: np.random.Generator, land: np.ndarray, water: np.ndarray, biome: Biome, detail: float) -> np.ndarray:
    """`land` with its water, of slowly changing colour, between banks of sand or reed."""
    bank = np.clip(cv2.GaussianBlur(water, (0, 0), 0.8 + 1.6 * detail) * 2.0, 0.0, 0.75)
    shore = biome.soil if rng.random() < 0.5 else biome.wood
    land = _over(land, np.broadcast_to(1.05 * rgb(shore), land.shape), bank * (1 - water))
    depth = 1.0 + 0.12 * _smooth(rng, water.shape, max(water.shape) / 3)
    muddy = rgb(biome.water) * (1 + rng.normal(0, 0.12, 3)).astype(np.float32)
    return _over(land, muddy * depth[..., None], water)


class ProceduralGround:
    """A few landscapes as a GroundSource, each made when it is first needed; smaller ones for small pictures."""

    def __init__(self, seed: int, split: str, size: int):
        self.seed, self.split = seed & (2**64 - 1), split
        self.side = int(np.clip(6 * size, 64, WORLD_SIDE))
        self._lock = threading.Lock()
        self._world = functools.lru_cache(maxsize=None)(self._make)

    def __len__(self) -> int:
        return WORLDS

    def crop(self, index: int, rng: np.random.Generator, size: int) -> np.ndarray:
        """uint8 (size, size, 3) from landscape `index`."""
        with self._lock:
            world = self._world(index)
        return world.crop(0, rng, size)

    def gamma(self, index: int) -> float:
        """1: painted as it is displayed."""
        return 1.0

    def _make(self, index: int) -> Pictures:
        key = np.array([self.seed, index + WORLDS * (self.split == "validation")], np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key))
        return Pictures([np.rint(terrain(rng, self.side) * 255).astype(np.uint8)])
