"""Find versions by what is said of them, over many repositories."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

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
    compared,
    demand_possible,
    nobody_knows,
    parse_order,
    parse_query,
)
from lading.operations import stores
from lading.operations.searching.refresh import Looked
from lading.operations.searching.refresh import refresh as refreshed
from lading.operations.searching.rows import (
    BESIDE,
    Columns,
    Later,
    Possible,
    Row,
    Rows,
    is_measured,
)
from lading.operations.searching.searched import is_place, person_name, searched
from lading.spec.evidence import VERDICTS
from lading.spec.plain import text, texts

if TYPE_CHECKING:
    from lading.catalogue import Catalogue
    from lading.expressions import Expression, Value
    from lading.settings import Settings
    from lading.spec.reference import Reference

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
_NAME: Final = Name.of("name")
_STAGE: Final = Name.of("stage")


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A version that was found, and what its document says of it, or evaluations of its metrics."""

    reference: str
    name: str
    version: str
    digest: str
    stage: tuple[str, ...]
    deprecated: bool
    # As it was when its registry could last be asked.
    stale: bool
    created: str | None
    description: str | None
    authors: tuple[str, ...]
    licenses: tuple[str, ...]
    framework: str | None
    framework_version: str | None
    format: tuple[str, ...]
    parameters: float | None
    size: float | None
    scan: str | None
    datasets: tuple[str, ...]
    parents: tuple[str, ...]
    metrics: dict[str, float]
    params: dict[str, str | float | bool]
    tags: dict[str, str]
    # The digest of the evaluation that says a metric; the document says those that are not here.
    evidence: dict[str, str]


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


@dataclass(frozen=True, slots=True)
class _Asking:
    query: Query
    names: tuple[str, ...]
    evaluations: bool
    anew: bool


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
    query = _query(expression, order_by, limit)
    asking = _Asking(query, names, evaluations, refresh)
    work = partial(_answer, asking=asking, settings=settings)
    return room.using(settings.cache, work)


def _query(
    expression: str | None, order_by: str | Sequence[str] | None, limit: int | None
) -> Query:
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
    for name in _asked(query):
        is_member = len(name) > 1 and name[0] in _GROUPS
        if not is_member and ".".join(name) not in known:
            raise nobody_knows(name, known, _GROUPS, who="a search")
    if query.expression is not None:
        demand_possible(query.expression, _kind)
    return query


def _kind(name: Name) -> Kind | None:
    return NUMBER if is_measured(name) else _KINDS.get(".".join(name))


def _answer(catalogue: Catalogue, *, asking: _Asking, settings: Settings) -> SearchResult:
    query = asking.query
    known = catalogue.repositories() if settings.offline else ()
    places = searched(asking.names, settings, known)
    possible = Possible(query.expression, settings)
    chosen = [place for place in places if possible.repository(place)]
    now = refreshed(catalogue, chosen, settings, anew=asking.anew, wanted=possible.version)
    rows = Rows.of(now.repositories, settings)
    notes = [*now.notes, *_not_models(now.repositories)]
    columns = _columns(catalogue, rows, asking, settings, notes)
    matching = columns.matching(query.expression)
    shown = columns.sorted(matching, query.order_by)[: query.limit]
    found, cut = _found(catalogue, shown, columns.later(shown))
    passed_over = sum(looked.passed_over for looked in now.repositories)
    if not passed_over:
        notes += _unknown(columns, asking, rows)
    if not matching and not asking.evaluations:
        notes += _not_asked(columns, query.expression)
    if not matching and query.expression is not None:
        notes += _no_such_stage(query.expression, now.repositories, settings)
    if query.expression is not None and places and not chosen:
        notes += _excluded(places, query.expression, settings)
    if asking.names:
        notes += (f"{each.place.base} has no versions" for each in _empty(now.repositories))
    return SearchResult(
        versions=found,
        asked=tuple(".".join(name) for name in _asked(query)),
        repositories=len(now.repositories) + len(places) - len(chosen),
        looked_at=len(rows.all) + passed_over,
        matched=len(matching),
        notes=(*notes, *cut),
    )


def _columns(
    catalogue: Catalogue, rows: Rows, asking: _Asking, settings: Settings, notes: list[str]
) -> Columns:
    asked = _asked(asking.query)
    if not asking.evaluations:
        return Columns(catalogue, rows, asked)
    # Most searches do not ask for them, and start without what reads them.
    from lading.operations.searching.evaluated import EvaluatedColumns

    return EvaluatedColumns(catalogue, rows, asked, settings, notes)


def _asked(query: Query) -> tuple[Name, ...]:
    names = sorted(query.expression.names) if query.expression else []
    return tuple(dict.fromkeys([*names, *(order.name for order in query.order_by)]))


def _unknown(columns: Columns, asking: _Asking, rows: Rows) -> Iterator[str]:
    for name in _asked(asking.query):
        if rows.all and columns.is_empty(name):
            # Where the rest of the filter decides, nobody asked what is attached.
            later = asking.evaluations and is_measured(name)
            which = "no version or evaluation that was looked at" if later else "no version"
            yield f"{which} says anything of {name}"


def _not_asked(columns: Columns, expression: Expression | None) -> Iterator[str]:
    """A note where evaluations could have made the difference between nothing and something."""
    if expression is not None and columns.decided_by_metrics(expression):
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


def _not_models(repositories: Iterable[Looked]) -> Iterator[str]:
    for looked in repositories:
        strange = [version for version in looked.repository.versions if version.document is None]
        if strange:
            more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
            where = looked.place.with_tag(strange[0].tag)
            yield f"{where}{more} cannot be searched: {strange[0].note}"


def _found(
    catalogue: Catalogue, rows: list[Row], later: Mapping[Row, Mapping[str, Later]]
) -> tuple[tuple[FoundVersion, ...], tuple[str, ...]]:
    """The versions in full, and notes on those of which something was left out."""
    documents = {row.document for row in rows}
    said, cut = catalogue.facts(documents), catalogue.notes(documents)
    found = tuple(_full(row, said.get(row.document, {}), later.get(row, {})) for row in rows)
    notes = (f"{row.reference} {cut[row.document]}" for row in rows if row.document in cut)
    return found, tuple(notes)


def _full(row: Row, said: Mapping[str, Value], later: Mapping[str, Later]) -> FoundVersion:
    stated = _below(said, "metrics.", _number)
    measured = {label: told.value for label, told in later.items()}
    return FoundVersion(
        reference=row.reference,
        name=row.name,
        version=row.number,
        digest=row.digest,
        stage=row.stage,
        deprecated=row.deprecated,
        stale=row.looked.stale,
        created=text(said.get("created")),
        description=text(said.get("description")),
        authors=_texts(said, "authors"),
        licenses=_texts(said, "licenses"),
        framework=text(said.get("framework")),
        framework_version=text(said.get("framework.version")),
        format=_texts(said, "format"),
        parameters=_number(said.get("parameters")),
        size=_number(said.get("size")),
        scan=text(said.get("scan")),
        datasets=_texts(said, "datasets"),
        parents=_texts(said, "parents"),
        metrics={label: v for label, v in (stated | measured).items() if v is not None},
        params=_below(said, "params.", lambda v: None if isinstance(v, tuple) else v),
        tags=_below(said, "tags.", text),
        evidence={label: told.evidence for label, told in later.items() if told.value is not None},
    )


def _texts(said: Mapping[str, Value], name: str) -> tuple[str, ...]:
    return tuple(texts(list(value))) if isinstance(value := said.get(name), tuple) else ()


def _number(value: Value | None) -> float | None:
    return value if isinstance(value, int | float) else None


def _below(said: Mapping[str, Value], group: str, kind: Callable[[Value], Any]) -> dict[str, Any]:
    """The values of a group by their own names."""
    return {
        name.removeprefix(group): value
        for name, raw in said.items()
        if name.startswith(group) and (value := kind(raw)) is not None
    }
