"""Scores of the finished runs on held-out pictures, inside the holes; the same pictures and holes for all."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cloud_removal.evaluation.fillers import PEERS
from cloud_removal.evaluation.inpaint import TRUTH, Holed, means, scores
from cloud_removal.evaluation.metrics import Picture, to_8_bit

if TYPE_CHECKING:
    from cloud_removal.systems.base import Batch


def held_out(run_dir: Path, count: int) -> "list[Batch]":
    """The first `count` held-out pictures of run `run_dir`, in its batches: whole ones, so perhaps a few more."""
    from cloud_removal.training.checkpoint import restore_run

    run, system, _ = restore_run(run_dir, lambda line: None)
    return list(system.batches("validation", 0).take(-(-count // run.batch_size)))


def judged(run_dir: Path, batches: "Sequence[Batch]") -> dict[str, Any]:
    """Mean scores of the network that run `run_dir` ended with: its raw answer on all pictures of `batches`."""
    from cloud_removal.systems.base import Completer
    from cloud_removal.training.checkpoint import restore_run

    _, system, _ = restore_run(run_dir, lambda line: None)
    assert isinstance(system, Completer)
    found = []
    for batch in batches:
        completed = to_8_bit(system.complete(batch["ground"], batch["hole"]).numpy())
        found += [scores(result, picture) for result, picture in zip(completed, holed(batch), strict=True)]
    return means(found)


def judged_without_network(batches: "Sequence[Batch]") -> dict[str, dict[str, Any]]:
    """The same of the truth itself and of simple methods."""
    pictures = [picture for batch in batches for picture in holed(batch)]
    found = {TRUTH: means([scores(picture.clear, picture) for picture in pictures])}
    for name, fill in PEERS.items():
        found[name] = means([scores(fill(ragged(picture), picture.hole), picture) for picture in pictures])
    return found


def holed(batch: "Batch") -> list[Holed]:
    """The pictures of a batch, in 8 bits."""
    grounds, holes = to_8_bit(batch["ground"].numpy()), batch["hole"].numpy()[..., 0] > 0
    return [Holed(str(number), *pair) for number, pair in enumerate(zip(grounds, holes, strict=True))]


def ragged(picture: Holed) -> Picture:
    """The picture, its hole black."""
    return np.where(picture.hole[..., None], np.uint8(0), picture.clear)
