"""What a search is asked: a filter, an order and a limit, of names that somebody may know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lading import catalogue as room
from lading.errors import InvalidInput
from lading.expressions import (
    MOMENT,
    NUMBER,
    TRUTH,
    Kind,
    Name,
    Query,
    Truth,
    demand_possible,
    nobody_knows,
    parse_order,
    parse_query,
)
from lading.operations.searching.rows import BESIDE, is_measured
from lading.spec.evidence import VERDICTS

# What a document says under names of its own, and what evaluations say.
_GROUPS: Final = (*room.GROUPS, "evaluation")
# What values can be; marks and hyperparameters are whatever somebody wrote.
_KINDS: Final[Mapping[str, Kind]] = {
    "created": MOMENT,
    "deprecated": TRUTH,
    "parameters": NUMBER,
    "scan": VERDICTS,
    "size": NUMBER,
}


@dataclass(frozen=True, slots=True)
class Asking:
    """One search."""

    query: Query
    names: tuple[str, ...]
    evaluations: bool
    anew: bool


def query_of(
    expression: str | None, order_by: str | Sequence[str] | None, limit: int | None
) -> Query:
    """The query that is written, wherever its parts are.

    Raises:
        InvalidInput: it is none, or asks for what nothing is called or what could never be.
    """
    query = parse_query(expression or "")
    if isinstance(query.expression, Truth) and "/" in (name := query.expression.name[0]):
        raise InvalidInput(
            f"{name} is no filter",
            cause="repositories come after the filter",
            hint=f"lading search '' {name}",
        )
    sorting = order_by if isinstance(order_by, str) or order_by is None else ", ".join(order_by)
    if sorting and query.order_by:
        raise InvalidInput("the order is given twice", hint="in the filter, or as order_by")
    if limit is not None and query.limit is not None:
        raise InvalidInput("the limit is given twice", hint="in the filter, or as limit")
    if limit is not None and limit < 1:
        raise InvalidInput(f"cannot show {limit} versions", hint="--limit 1 or more")
    return _of_known_names(
        Query(
            query.expression,
            parse_order(sorting) if sorting else query.order_by,
            query.limit if limit is None else limit,
        )
    )


def _of_known_names(query: Query) -> Query:
    """A query that asks for nothing which no version could ever say.

    Stages are no closed set: a registry may have some that no policy here declares.

    Raises:
        InvalidInput: it does; says for what, and what is meant perhaps.
    """
    known = sorted({*room.NAMES, *BESIDE})
    for name in names_in(query):
        is_member = len(name) > 1 and name[0] in _GROUPS
        if not is_member and ".".join(name) not in known:
            raise nobody_knows(name, known, _GROUPS, who="a search")
    if query.expression is not None:
        demand_possible(query.expression, _kind)
    return query


def _kind(name: Name) -> Kind | None:
    return NUMBER if is_measured(name) else _KINDS.get(".".join(name))


def names_in(query: Query) -> tuple[Name, ...]:
    """The names that a query asks for, those of its filter first."""
    names = sorted(query.expression.names) if query.expression else []
    return tuple(dict.fromkeys([*names, *(order.name for order in query.order_by)]))
