"""Where a version comes from, and what was made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput
from lading.operations import stores
from lading.operations.ancestry.result import Direction, LineageResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lading.settings import Settings
    from lading.spec.reference import Reference

# Deeper than anybody's fine-tuning of fine-tunings.
DEEPEST: Final = 32


def lineage(
    reference: str | Reference,
    *,
    direction: Direction = "up",
    depth: int | None = None,
    within: Iterable[str | Reference] = (),
    settings: Settings | None = None,
) -> LineageResult:
    """What a version was made from (``up``), or what was made from it (``down``).

    Upwards, parents are followed wherever they are, by digest first; one that cannot be reached
    is in the answer with the reason. Downwards, versions are looked through that name this one as
    a parent: in its own repository, in ``within``, and in every repository that its place can
    list. ``depth`` is how many steps are followed.

    Raises:
        NotFound: there is no such version.
        InvalidInput: it is no model, or the depth is none.
    """
    if direction not in ("up", "down"):
        raise InvalidInput(f"direction cannot be {direction!r}"[:200], hint="up or down")
    if depth is not None and depth < 1:
        raise InvalidInput(f"depth cannot be {depth}", hint="1 is the parents alone")
    settings = stores.settled(settings)
    place = stores.with_name(stores.locate(reference, settings))
    steps = DEEPEST if depth is None else min(depth, DEEPEST)
    if direction == "up":
        from lading.operations.ancestry.upstream import upstream

        return upstream(place, steps, settings)
    from lading.operations.ancestry.downstream import downstream

    others = [stores.locate(other, settings) for other in within]
    return downstream(place, steps, others, settings)
