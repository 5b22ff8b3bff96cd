"""Find versions by what is said of them, over many repositories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lading import catalogue as room
from lading.operations import stores
from lading.operations.searching.asking import Asking, names_in, query_of
from lading.operations.searching.found import FoundVersion, in_full
from lading.operations.searching.refresh import refresh as refreshed
from lading.operations.searching.remarks import Look, not_models, remarks
from lading.operations.searching.rows import Columns, Possible, Rows
from lading.operations.searching.searched import is_place, searched

if TYPE_CHECKING:
    from lading.catalogue import Catalogue
    from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found, in order, and among how many."""

    versions: tuple[FoundVersion, ...]
    # The names that were filtered and sorted by: what a table shows.
    asked: tuple[str, ...]
    repositories: int
    looked_at: int
    # How many there were before the limit.
    matched: int
    notes: tuple[str, ...]


def search(
    expression: str | None = None,
    repositories: str | Iterable[str] = (),
    *,
    order_by: str | Sequence[str] | None = None,
    limit: int | None = None,
    evaluations: bool = False,
    refresh: bool = False,
    settings: Settings | None = None,
) -> SearchResult:
    """The versions for which an expression holds; all of them without one.

    In the repositories that are given; else in those that the settings name; else in all of the
    default registry's catalogue, or on this machine. ``HOST/PREFIX/*`` stands for all below. What
    plainly is a repository may stand where the expression does, which then is none. By
    name and version, highest first, unless ``order_by`` or the expression itself says otherwise;
    what is not known comes last. With ``refresh`` nothing that earlier searches read is believed.

    With ``evaluations``, those that were attached count for metrics before the document's own word,
    the newest of them, and ``evaluation.NAME`` is what they alone say. That is a request for each
    version that the rest of the expression does not exclude, or that is shown.

    Raises:
        InvalidInput: the expression is none or asks for what nothing is called, or a repository's
            name is none.
        Unsupported: a registry would have to list what is on it, and does not.
        LadingError: no repository can be read, and nothing is known of any.
    """
    settings = stores.settled(settings)
    names = (repositories,) if isinstance(repositories, str) else tuple(repositories)
    if expression is not None and is_place(expression):
        names = (expression, *names)
        expression = None
    query = query_of(expression, order_by, limit)
    asking = Asking(query, names, evaluations, refresh)
    work = partial(_answer, asking=asking, settings=settings)
    return room.using(settings.cache, work)


def _answer(catalogue: Catalogue, *, asking: Asking, settings: Settings) -> SearchResult:
    query = asking.query
    known = catalogue.repositories() if settings.offline else ()
    places = searched(asking.names, settings, known)
    possible = Possible(query.expression, settings)
    chosen = [place for place in places if possible.repository(place)]
    now = refreshed(catalogue, chosen, settings, anew=asking.anew, wanted=possible.version)
    rows = Rows.of(now.repositories, settings)
    notes = [*now.notes, *not_models(now.repositories)]
    columns = _columns(catalogue, rows, asking, settings, notes)
    matching = columns.matching(query.expression)
    shown = columns.sorted(matching, query.order_by)[: query.limit]
    versions, cut = in_full(catalogue, shown, columns.later(shown))
    passed_over = sum(looked.passed_over for looked in now.repositories)
    look = Look(asking, places, now.repositories, rows, columns, matching, chosen, passed_over)
    return SearchResult(
        versions=versions,
        asked=tuple(".".join(name) for name in names_in(query)),
        repositories=len(now.repositories) + len(places) - len(chosen),
        looked_at=len(rows.all) + passed_over,
        matched=len(matching),
        notes=(*notes, *remarks(look, settings), *cut),
    )


def _columns(
    catalogue: Catalogue, rows: Rows, asking: Asking, settings: Settings, notes: list[str]
) -> Columns:
    asked = names_in(asking.query)
    if not asking.evaluations:
        return Columns(catalogue, rows, asked)
    # Most searches do not ask for them, and start without what reads them.
    from lading.operations.searching.evaluated import EvaluatedColumns

    return EvaluatedColumns(catalogue, rows, asked, settings, notes)
