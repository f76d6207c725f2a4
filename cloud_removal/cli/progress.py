"""What commands that go through many pictures show on stderr meanwhile."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def with_bar(items: Iterable[Item], count: int, unit: str = "picture") -> Iterator[Item]:
    """The same `items`, of which there are `count`, with a progress line; in a log one every half minute."""
    from tqdm import tqdm

    interval = 0.2 if sys.stderr.isatty() else 30.0
    return iter(tqdm(items, total=count, unit=unit, file=sys.stderr, mininterval=interval))
