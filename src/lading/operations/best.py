"""The best version of a model by a metric, and why it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from lading import catalogue as room
from lading.errors import InvalidInput, NotFound
from lading.operations import stores
from lading.operations.lifecycle.policy_file import load_policy
from lading.operations.searching.claims import Claim, evaluated, standing, stated
from lading.operations.searching.refresh import refresh as refreshed
from lading.operations.searching.rows import Columns, Row, Rows
from lading.spec.direction import Direction, direction_of

if TYPE_CHECKING:
    from lading.catalogue import Catalogue
    from lading.settings import Settings
    from lading.spec.reference import Reference

_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class RankedVersion:
    """A version with the value that it was ranked by."""

    reference: str
    version: str
    digest: str
    stage: tuple[str, ...]
    value: float
    split: str | None
    dataset: str | None
    # The digest of the evaluation that says so; None where the version's own document does.
    evidence: str | None


@dataclass(frozen=True, slots=True)
class BestResult:
    """The best version, and those after it."""

    reference: str
    name: str
    version: str
    digest: str
    metric: str
    value: float
    split: str | None
    dataset: str | None
    evidence: str | None
    direction: Direction
    # Why that direction was taken.
    why: str
    # All that have the metric, the best first.
    ranking: tuple[RankedVersion, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    metric: str
    split: str | None
    dataset: str | None
    stage: str | None
    direction: Direction | None


def best(
    model: str,
    metric: str,
    *,
    split: str | None = None,
    dataset: str | None = None,
    stage: str | None = None,
    maximize: bool | None = None,
    refresh: bool = False,
    settings: Settings | None = None,
) -> BestResult:
    """The version whose metric is the highest, or the lowest where less is better.

    ``metric`` may name the split, too: ``auc@test``. Without a split, versions are compared by the
    value that names none, else by the only split that there is. Evaluations that were attached
    count before the document's own word, the newest of them. Deprecated versions are left out.
    Which way is better: ``maximize`` says; else the metric itself; else its name, where that is
    known.

    Raises:
        InvalidInput: it is not clear which values are to be compared, or which way is better; or
            no version is in the stage, and no such stage is declared.
        NotFound: no version has such a metric.
        LadingError: the repository cannot be read, and nothing is known of it.
    """
    settings = stores.settled(settings)
    place = stores.locate(model, settings)
    if place.name:
        raise InvalidInput(f"best takes a model, not {place}", hint=f"lading best {place.base} …")
    name, _, named_split = metric.partition("@")
    if named_split and split not in (None, named_split):
        raise InvalidInput(f"the split is given twice: {named_split} and {split}")
    direction: Direction | None = None
    if maximize is not None:
        direction = "maximize" if maximize else "minimize"
    question = _Question(name, split or named_split or None, dataset, stage, direction)
    work = partial(_answer, place=place, question=question, anew=refresh, settings=settings)
    return room.using(settings.cache, work)


def _answer(
    catalogue: Catalogue, *, place: Reference, question: _Question, anew: bool, settings: Settings
) -> BestResult:
    now = refreshed(catalogue, [place], settings, anew=anew)
    notes = list(now.notes)
    rows = _eligible(Rows.of(now.repositories, settings), question, notes)
    claims = stated(catalogue, rows)
    claims += evaluated(rows, settings, notes)
    named = [claim for claim in claims if claim.measured.name == question.metric]
    if not named:
        if not rows and question.stage:
            # Of a stage that nobody declared nothing is known but its name.
            load_policy(settings).rules(place.repository, question.stage)
        raise _nothing(place, question, claims, rows, notes)
    compared = _comparable(_measured_on(named, question), question, notes)
    direction, why = _direction(compared, question)
    ranking = _ranked(compared, direction)
    first = ranking[0]
    return BestResult(
        reference=first.reference,
        name=rows[0].name,
        version=first.version,
        digest=first.digest,
        metric=question.metric,
        value=first.value,
        split=first.split,
        dataset=first.dataset,
        evidence=first.evidence,
        direction=direction,
        why=why,
        ranking=ranking,
        notes=tuple(notes),
    )


def _eligible(rows: Rows, question: _Question, notes: list[str]) -> list[Row]:
    chosen = [row for row in rows.all if question.stage in (None, *row.stage)]
    left_out = [row for row in chosen if row.deprecated]
    if left_out:
        names = ", ".join(row.number for row in left_out[:_SHOWN])
        notes.append(f"left out, because deprecated: {names}")
    return [row for row in chosen if not row.deprecated]


def _nothing(
    place: Reference,
    question: _Question,
    claims: Iterable[Claim],
    rows: list[Row],
    notes: list[str],
) -> NotFound:
    where = f"{place.base} in {question.stage}" if question.stage else place.base
    if not rows:
        cause = notes[-1] if notes else None
        hint = f"lading list {place.base}"
        return NotFound(f"there is no version of {where}", cause=cause, hint=hint)
    known = sorted({claim.measured.name for claim in claims})[:_SHOWN]
    return NotFound(
        f"no version of {where} has a metric {question.metric!r}",
        hint=f"there are: {', '.join(known)}" if known else f"lading evaluate {place.base}:VERSION",
    )


def _measured_on(claims: list[Claim], question: _Question) -> list[Claim]:
    """The values on the dataset that is asked for, each version's that count."""
    if question.dataset is None:
        return standing(claims)
    chosen = [claim for claim in claims if claim.measured.dataset == question.dataset]
    if not chosen:
        known = sorted({c.measured.dataset for c in claims if c.measured.dataset})[:_SHOWN]
        raise NotFound(
            f"no version has {question.metric} on {question.dataset}",
            hint=f"there is: {', '.join(known)}" if known else "no value names a dataset",
        )
    return standing(chosen)


def _comparable(claims: list[Claim], question: _Question, notes: list[str]) -> list[Claim]:
    """The values of one split; values on training data are no match for those on test data.

    Raises:
        InvalidInput: there are several splits, and none is named.
        NotFound: there is no such split.
    """
    splits = {claim.measured.split for claim in claims}
    wanted = question.split
    if wanted is None and None not in splits:
        if len(splits) > 1:
            known = sorted(split for split in splits if split)
            raise InvalidInput(
                f"{question.metric} was measured on several splits",
                cause=", ".join(known[:_SHOWN]),
                hint=f"--split {known[0]}",
            )
        (wanted,) = splits
        notes.append(f"every {question.metric} is of the split {wanted}")
    chosen = [claim for claim in claims if claim.measured.split == wanted]
    if not chosen:
        known = sorted(split or "none" for split in splits)
        raise NotFound(
            f"no version has {question.metric} of the split {wanted}",
            hint=f"there are: {', '.join(known[:_SHOWN])}",
        )
    datasets = {claim.measured.dataset for claim in chosen}
    if len(datasets) > 1:
        notes.append(
            f"{question.metric} was measured on {len(datasets)} different datasets, or not always"
            " with one named: --dataset compares on one"
        )
    return chosen


def _direction(claims: list[Claim], question: _Question) -> tuple[Direction, str]:
    """Which way is better, and how that is known.

    Raises:
        InvalidInput: the values contradict each other.
    """
    if question.direction:
        return question.direction, "as was asked"
    said = {claim.measured.higher_is_better for claim in claims} - {None}
    if len(said) > 1:
        raise InvalidInput(
            f"some say that higher is better for {question.metric}, some that lower is",
            hint="--maximize or --minimize",
        )
    if said:
        higher = said.pop()
        which = "higher" if higher else "lower"
        return "maximize" if higher else "minimize", f"its values say that {which} is better"
    if known := direction_of(question.metric):
        which = "higher" if known == "maximize" else "lower"
        return known, f"by its name, {which} is better"
    return "maximize", "nothing says which way is better, so the highest was taken"


def _ranked(claims: list[Claim], direction: Direction) -> tuple[RankedVersion, ...]:
    """The best first; of equal ones the newest version."""
    order = Columns.newest_first([claim.row for claim in claims])
    place = {row: at for at, row in enumerate(order)}
    claims = sorted(claims, key=lambda claim: place[claim.row])
    claims.sort(key=lambda claim: claim.measured.value, reverse=direction == "maximize")
    return tuple(
        RankedVersion(
            reference=claim.row.reference,
            version=claim.row.number,
            digest=claim.row.digest,
            stage=claim.row.stage,
            value=claim.measured.value,
            split=claim.measured.split,
            dataset=claim.measured.dataset,
            evidence=claim.evidence,
        )
        for claim in claims
    )
