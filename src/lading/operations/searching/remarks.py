"""What a person ought to know of a search that found little, or could not look at everything."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lading.expressions import Name, compared
from lading.operations.searching.asking import Asking, names_in
from lading.operations.searching.refresh import Looked
from lading.operations.searching.rows import Columns, Row, Rows, is_measured
from lading.operations.searching.searched import person_name

if TYPE_CHECKING:
    from lading.expressions import Expression
    from lading.settings import Settings
    from lading.spec.reference import Reference

_NAME: Final = Name.of("name")
_STAGE: Final = Name.of("stage")


@dataclass(frozen=True, slots=True)
class Look:
    """What was looked at for a search, and what of it was found."""

    asking: Asking
    places: Collection[Reference]
    repositories: Collection[Looked]
    rows: Rows
    columns: Columns
    matching: Collection[Row]
    # Of the places, those that the filter does not exclude.
    chosen: Collection[Reference]
    # How many versions need not be read.
    passed_over: int


def remarks(look: Look, settings: Settings) -> Iterator[str]:
    """Everything that ought to be said, each in one sentence."""
    expression = look.asking.query.expression
    if not look.passed_over:
        yield from _unknown(look.columns, look.asking, look.rows)
    if expression is not None and not look.matching:
        if not look.asking.evaluations:
            yield from _not_asked(look.columns, expression)
        yield from _no_such_stage(expression, look.repositories, settings)
    if expression is not None and look.places and not look.chosen:
        yield from _excluded(look.places, expression, settings)
    if look.asking.names:
        yield from (f"{each.place.base} has no versions" for each in _empty(look.repositories))


def _unknown(columns: Columns, asking: Asking, rows: Rows) -> Iterator[str]:
    for name in names_in(asking.query):
        if rows.all and columns.is_empty(name):
            # Where the rest of the filter decides, nobody asked what is attached.
            later = asking.evaluations and is_measured(name)
            which = "no version or evaluation that was looked at" if later else "no version"
            yield f"{which} says anything of {name}"


def _not_asked(columns: Columns, expression: Expression) -> Iterator[str]:
    """A note where evaluations could have made the difference between nothing and something."""
    if columns.decided_by_metrics(expression):
        yield "evaluations that were attached were not looked at: --evaluations counts them"


def _excluded(
    places: Collection[Reference], expression: Expression, settings: Settings
) -> Iterator[str]:
    """A note that the filter's own name rules out every repository, so that nobody was asked."""
    names = [person_name(place, settings) for place in places]
    asked = [str(value) for name, how, value in compared(expression) if (name, how) == (_NAME, "=")]
    # A name that is only short of its host is what is meant; of others the nearest may be.
    meant = [name for name in names for short in asked if name.endswith(f"/{short}")]
    if not meant:
        from lading.spec.nearest import near

        meant = [found for short in asked for found in near(short, names, cutoff=0.6)]
    hint = f': did you mean name = "{meant[0]}"?' if meant else ""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    yield f"the filter's name excludes {names[0]}{more}, so nothing was looked at{hint}"


def _no_such_stage(
    expression: Expression, repositories: Collection[Looked], settings: Settings
) -> Iterator[str]:
    """Notes on the stages that are asked for and that nothing that was looked at has."""
    asked = [
        str(value) for name, how, value in compared(expression) if (name, how) == (_STAGE, "=")
    ]
    if not asked or not repositories:
        return
    from lading.operations.lifecycle.policy_file import load_policy
    from lading.spec.nearest import nearest

    policy = load_policy(settings)
    declared = (
        stage for looked in repositories for stage in policy.for_model(looked.place.repository)
    )
    seen = (stage for looked in repositories for stage in looked.repository.state.stages.stages)
    known = dict.fromkeys([*declared, *seen])
    for stage in dict.fromkeys(asked):
        if stage not in known:
            yield f"nothing that was looked at has a stage {stage[:80]!r}: {nearest(stage, known)}"


def _empty(repositories: Iterable[Looked]) -> list[Looked]:
    return [looked for looked in repositories if not looked.repository.versions]


def not_models(repositories: Iterable[Looked]) -> Iterator[str]:
    """A note for each repository that holds what is no model."""
    for looked in repositories:
        strange = [version for version in looked.repository.versions if version.document is None]
        if strange:
            more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
            where = looked.place.with_tag(strange[0].tag)
            yield f"{where}{more} cannot be searched: {strange[0].note}"
