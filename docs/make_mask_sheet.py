"""`python -m docs.make_mask_sheet`: docs/masks.png, holes of each kind in procedural ground, a row each."""

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from cloud_removal.data.masks import MASKS, SOFT, draw_holes
from cloud_removal.data.terrain import terrain

SHEET = Path(__file__).with_name("masks.png")
SIDE, COLUMNS, GAP, LABEL = 128, 6, 4, 72
PAPER, INK = 255, (40, 40, 40)
HOLE, WINDOW = np.array([230, 40, 160], np.float32) / 255, (255, 230, 0)
COLOURS = 128
"""Of the written picture: a palette keeps it small."""


def main() -> int:
    """Draws the sheet and writes it."""
    rows = [(kind, kind, False) for kind in MASKS] + [("poly", f"poly, soft {SOFT}x{SOFT}", True)]
    ground = terrain(np.random.Generator(np.random.Philox(5)), (len(rows) * SIDE, COLUMNS * SIDE))
    sheet = np.full((len(rows) * (SIDE + GAP) - GAP, LABEL + COLUMNS * (SIDE + GAP) - GAP, 3), PAPER, np.uint8)
    for row, (kind, label, soft) in enumerate(rows):
        top = row * (SIDE + GAP)
        for line, words in enumerate(label.split(", ")):
            cv2.putText(sheet, words, (4, top + 20 + 18 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
        for column in range(COLUMNS):
            place = ground[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
            left = LABEL + column * (SIDE + GAP)
            sheet[top : top + SIDE, left : left + SIDE] = example(place, kind, soft, 100 * row + column)
    Image.fromarray(sheet).quantize(COLOURS).save(SHEET, optimize=True)
    print(f"{SHEET}: {SHEET.stat().st_size / 1024:.0f} KiB")
    return 0


def example(ground: np.ndarray, kind: str, soft: bool, seed: int) -> np.ndarray:
    """uint8 (SIDE, SIDE, 3): `ground` with a hole in a colour of its own and the local window outlined."""
    holes = draw_holes(kind, np.random.Generator(np.random.Philox(seed)), 1, SIDE, soft=soft)
    mask = holes.masks[0, ..., None].astype(np.float32)
    picture = np.ascontiguousarray(np.rint(255 * (ground * (1 - mask) + HOLE * mask)), np.uint8)
    (top, left), side = holes.windows[0].tolist(), SIDE // 2
    cv2.rectangle(picture, (left, top), (left + side - 1, top + side - 1), WINDOW, 1)
    return picture


if __name__ == "__main__":
    sys.exit(main())
