"""Moving content whose digest is found out on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lading.errors import Unsupported
from lading.ports import Absorber, Content
from lading.spec.descriptor import Descriptor
from lading.transfer.pool import run
from lading.transfer.progress import Meter, counted


@dataclass(frozen=True, slots=True)
class Cargo:
    """Content and what a person would call it."""

    label: str
    content: Content


def absorb(
    target: Absorber,
    cargo: Sequence[Cargo],
    *,
    media_type: str,
    jobs: int,
    meter: Meter,
    on_found: Callable[[int, Descriptor], object] = lambda place, descriptor: None,
) -> list[Descriptor | None]:
    """Store every piece, the largest first; None for each that the target would not take so.

    ``on_found`` is told of each piece when it is stored, from several threads.

    Raises:
        LadingError: the first failure; the transfers beside it are stopped.
    """
    found: list[Descriptor | None] = [None] * len(cargo)

    def move(place: int) -> None:
        piece = cargo[place]
        track = meter.track(piece.label, None, piece.content.size)
        track.start()
        try:
            descriptor = target.absorb(counted(piece.content, track), media_type)
        except Unsupported:
            track.at(0)
        else:
            found[place] = descriptor
            on_found(place, descriptor)
            track.finish()

    order = sorted(range(len(cargo)), key=lambda place: -cargo[place].content.size)
    run(move, order, jobs=jobs, on_failure=meter.cancel)
    return found
