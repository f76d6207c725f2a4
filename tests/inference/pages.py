"""A page about a made-up scene with every provenance code in it."""

import numpy as np

from cloud_removal.inference.reports.page import Page, Row, Section
from cloud_removal.inference.reports.pictures import Pictures

NASTY = '<script>alert("x")</script> & </style> https://example.org/a.png \' $title'
MEANINGS = ("no data", "kept", "thin cloud removed", "taken from another date", "generated", "shadow brightened")


def pictures(height: int = 60, width: int = 90) -> Pictures:
    """Six columns, one of each code; red before, green after, opacity from 0 to 1 from top to bottom."""
    codes = np.broadcast_to(np.arange(width) * 6 // width, (height, width))
    opacity = np.broadcast_to(np.linspace(0, 1, height, dtype=np.float32)[:, None], codes.shape).copy()
    opacity[codes == 0] = np.nan
    before, after = (np.zeros((height, width, 3), np.float32) for _ in range(2))
    before[..., 0] = after[..., 1] = 1.0
    return Pictures(before, after, opacity, {code: (codes == code).astype(np.float32) for code in range(6)}, 0.125)


def told(text: str = "scene.tif") -> Page:
    """A page that says `text` wherever it says something of files."""
    rows = [Row(code, f"{code} {MEANINGS[code]} {text}", f"{10 + code}.0 %", f"{code}.5 km²") for code in range(6)]
    sections = (Section(f"Settings {text}", [("input", text), (text, "0.05")]), Section("Model", [("name", text)]))
    return Page(text, f"90 × 60 px · {text}", (0.05, 0.75), rows, sections, [text], [f"do not trust {text}"])
