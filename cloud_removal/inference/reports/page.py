"""A result as one page for a browser: before and after under a divider, layers, summary, settings. It loads nothing."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

import cv2
import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from cloud_removal.inference.compose import KEPT, NO_DATA
from cloud_removal.inference.reports.pictures import NO_DATA_COLOUR, Pictures

ENLARGED = 256
"""Pictures up to this side are shown with their pixels to be seen, and are not JPEG-compressed."""
QUALITY = 92
"""Of JPEG; the other pictures are PNG."""
ROOM = 0.08
"""Of the opacity's scale, for a number under it; where a threshold lies nearer to an end, that has no number."""


@dataclass(frozen=True)
class Row:
    """What became of the pixels of a provenance code."""

    code: int
    meaning: str
    share: str
    area: str | None = None
    """On the ground, None where that is not known."""


@dataclass(frozen=True)
class Section:
    """A table of names and values, all of them plain text."""

    title: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """What a page says beside its pictures. Nothing of it may hold HTML: it is shown as it stands."""

    title: str
    subtitle: str
    thresholds: tuple[float, float]
    """Opacity under which pixels are kept, and from which they count as opaque."""
    rows: Sequence[Row]
    sections: Sequence[Section] = ()
    notes: Sequence[str] = ()
    warnings: Sequence[str] = field(default_factory=tuple)


def page(told: Page, pictures: Pictures) -> str:
    """The whole page as HTML, pictures and all."""
    height, width = pictures.opacity.shape
    script = _part("page.js")
    texts = {
        "title": told.title,
        "subtitle": told.subtitle,
        "bar_label": _bar_label(told.thresholds),
        "scale_note": _scale_note(pictures),
    }
    pieces = {
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "width": str(width),
        "height": str(height),
        "no_data": NO_DATA_COLOUR,
        "rendering": "pixelated" if max(height, width) <= ENLARGED else "auto",
        "before": _picture(pictures.before, np.isnan(pictures.opacity)),
        "after": _picture(pictures.after, pictures.shares.get(NO_DATA, np.zeros((height, width))) > 0.5),
        "layers": _layers(pictures),
        "bar": _bar(told.thresholds),
        "area_head": '<th scope="col" class="number">Area</th>' if _with_area(told.rows) else "",
        "rows": "\n".join(_row(row, row.code in pictures.shares, _with_area(told.rows)) for row in told.rows),
        "remarks": "\n".join(f'<p class="warning">{escape(line)}</p>' for line in told.warnings),
        "sections": "\n".join([*map(_section, told.sections), *([_notes(told.notes)] if told.notes else [])]),
    }
    return Template(_part("page.html")).substitute(pieces | {name: escape(text) for name, text in texts.items()})


def write(file: Path, told: Page, pictures: Pictures) -> None:
    """Writes the page. Raises OSError where that cannot be done."""
    file.write_text(page(told, pictures), encoding="utf-8")


def _part(name: str) -> str:
    return resources.files("cloud_removal.inference.reports").joinpath(name).read_text(encoding="utf-8")


def _layers(pictures: Pictures) -> str:
    shares = {f"{code}": (f"c{code}", share) for code, share in sorted(pictures.shares.items())}
    every = {"cloud": ("cloud", np.nan_to_num(pictures.opacity)), **shares}
    return "\n".join(
        f'<div class="layer {kind}" id="layer-{name}" hidden aria-hidden="true" style="--mask:url({_mask(share)})">'
        "</div>"
        for name, (kind, share) in every.items()
    )


def _row(row: Row, shown: bool, with_area: bool) -> str:
    changed = "" if row.code in (NO_DATA, KEPT) else " data-changed"
    box = f'<input type="checkbox" data-layer="{row.code}"{changed}> ' if shown else ""
    swatch = f'<span class="swatch c{row.code}" aria-hidden="true"></span>'
    name = f"{box}{swatch} <span>{escape(row.meaning)}</span>"
    named = f'<label class="choice">{name}</label>' if shown else f'<span class="choice">{name}</span>'
    area = f'<td class="number">{escape(row.area or "")}</td>' if with_area else ""
    return f'<tr><th scope="row">{named}</th><td class="number">{escape(row.share)}</td>{area}</tr>'


def _with_area(rows: Sequence[Row]) -> bool:
    return any(row.area for row in rows)


def _section(section: Section) -> str:
    facts = "".join(f'<tr><th scope="row">{escape(n)}</th><td>{escape(value)}</td></tr>' for n, value in section.facts)
    title = escape(section.title)
    table = f'<table class="facts" aria-label="{title}"><tbody>{facts}</tbody></table>'
    return f"<section><h2>{title}</h2>{table}</section>"


def _notes(notes: Sequence[str]) -> str:
    return f"<section><h2>Notes</h2><ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul></section>"


def _bar(thresholds: tuple[float, float]) -> str:
    """The ends of the opacity's scale and the thresholds between them."""
    marks = [f'<span style="left:{100 * at:g}%">{at:g}</span>' for at in thresholds if 0.0 < at < 1.0]
    ends = {
        end: f'<span class="{name}">{end}</span>'
        for end, name in ((0, "low"), (1, "high"))
        if all(abs(at - end) >= ROOM for at in thresholds)
    }
    return ends.get(0, "") + "".join(marks) + ends.get(1, "")


def _bar_label(thresholds: tuple[float, float]) -> str:
    keep, opaque = thresholds
    return f"From opacity 0, not coloured, to 1; under {keep:g} pixels are kept, from {opaque:g} they count as opaque"


def _scale_note(pictures: Pictures) -> str:
    if pictures.scale >= 1.0:
        return ""
    return f" One pixel here stands for {1 / pictures.scale:.1f} of the scene's."


def _picture(values: NDArray[np.float32], missing: NDArray[np.bool_]) -> str:
    """A picture (H, W, 3) in [0, 1] as a data URL; the colour of no data where it is `missing` (H, W)."""
    shown = np.where(missing[..., None], np.array(to_rgb(NO_DATA_COLOUR), np.float32), values)
    eight = np.rint(255.0 * np.clip(shown, 0.0, 1.0)).astype(np.uint8)[..., ::-1]
    if max(eight.shape) <= ENLARGED:
        return _url("png", eight)
    return _url("jpeg", eight, cv2.IMWRITE_JPEG_QUALITY, QUALITY)


def _mask(share: NDArray) -> str:
    """Where a layer shows: (H, W) in [0, 1] as a data URL of a transparent picture."""
    opaque = np.zeros((*share.shape, 4), np.uint8)
    opaque[..., 3] = np.rint(255.0 * np.clip(share, 0.0, 1.0))
    return _url("png", opaque)


def _url(kind: str, picture: NDArray[np.uint8], *options: int) -> str:
    done, coded = cv2.imencode(f".{kind}", np.ascontiguousarray(picture), list(options))
    assert done
    return f"data:image/{kind};base64,{base64.b64encode(coded.tobytes()).decode()}"
