"""Scenes of `archive` in worker processes: what a worker does with one, and all of them, each tried twice at most."""

import dataclasses
import functools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cloud_removal.cli.remove_folder import loaded, with_mask
from cloud_removal.cli.remove_one import Remover
from cloud_removal.errors import CloudRemovalError, OutputError
from cloud_removal.inference.holes.completer import read_completer_card
from cloud_removal.inference.model import fingerprint, read_card
from cloud_removal.inference.targets import Targets

if TYPE_CHECKING:
    from distributed import Client, Future

Job = tuple[Path, Targets]
"""A scene and the files to write for it."""
_alone = threading.Lock()
"""One scene at a time in a process: more would share its standard error, and need twice the memory."""


@dataclass(frozen=True)
class Outcome:
    """What became of a scene."""

    line: str = ""
    """Its summary."""
    error: str | None = None
    """What went wrong, on one line; None: nothing."""
    notes: tuple[str, ...] = ()
    """What a user should know."""


def shipped(remover: Remover) -> tuple[Remover, str]:
    """The same with paths that hold in any process, and a hash of what its models compute with.

    Raises ModelError where there is no such model.
    """
    if not isinstance(remover.model, Path):
        raise TypeError("Models that are loaded already do not go to other processes.")
    card = read_card(remover.model)
    content, model, inpaint = fingerprint(card), card.folder.absolute(), None
    if isinstance(remover.inpaint, Path):
        filling = read_completer_card(remover.inpaint)
        content, inpaint = f"{content} {filling.fingerprint}", filling.folder.absolute()
    settings = remover.settings
    if settings.mask is not None:
        settings = dataclasses.replace(
            settings, mask=dataclasses.replace(settings.mask, path=settings.mask.path.absolute())
        )
    return dataclasses.replace(remover, model=model, inpaint=inpaint, settings=settings), content


@functools.lru_cache(maxsize=1)
def ready(remover: Remover, content: str) -> Remover:
    """The same with its models in memory, loaded once a process.

    `content` tells apart models that were exchanged under the same name while a cluster goes on.
    """
    return loaded(remover)


def scene(remover: Remover, content: str, source: Path, results: Targets) -> Outcome:
    """Takes the clouds off one scene, in a worker."""
    notes: list[str] = []
    with _alone:
        try:
            summary = with_mask(ready(remover, content), source).removed(source, results, notes.append)
        except CloudRemovalError as error:
            return Outcome(error=_on_one_line(error))
    return Outcome(summary.line(), notes=tuple(notes))


def outcomes(client: "Client", remover: Remover, content: str, jobs: Sequence[Job], at_once: int) -> Iterator[Outcome]:
    """What became of each of `jobs`, as they finish, at most `at_once` given out; what fails is tried once more.

    Raises OutputError where the scheduler is lost.
    """
    from distributed import as_completed

    waiting, given = iter(jobs), dict["Future", tuple[Job, bool]]()

    def give(job: Job, again: bool = False) -> "Future":
        source, results = job
        future = client.submit(scene, remover, content, source, _absolute(results), pure=False)
        given[future] = job, again
        return future

    finished = as_completed([give(job) for job in islice(waiting, at_once)])
    for future in finished:
        job, again = given.pop(future)
        outcome = outcome_of(future, job[0])
        if outcome.error is not None and not again:
            finished.add(give(job, again=True))
            continue
        for another in islice(waiting, 1):
            finished.add(give(another))
        yield outcome


def outcome_of(future: "Future", source: Path) -> Outcome:
    """What became of `source`, once `future` is done. Raises OutputError where the scheduler is lost."""
    from distributed.scheduler import KilledWorker

    try:
        return future.result()
    except CancelledError as error:
        raise OutputError("The dask scheduler is gone. Start it again; the same command goes on from here.") from error
    except KilledWorker:
        return Outcome(error=f"{source}: the process that worked on it died; was its memory enough?")
    except Exception as error:  # Whatever it is, it is this scene's; the worker has logged the traceback.
        return Outcome(error=f"{source}: unexpected {type(error).__name__}: {_on_one_line(error)}")


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _absolute(results: Targets) -> Targets:
    """The same with paths that hold in any process."""
    every = {name: path.absolute() for name, path in results.wanted().items()}
    return dataclasses.replace(results, **every)  # type: ignore[arg-type]  # They are all paths.
