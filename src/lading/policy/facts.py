"""What the names in a gate stand for.

======================  =========================================================================
``metrics.NAME``        a metric: NAME, NAME@SPLIT or NAME@DATASET. The newest evaluation that says
                        it wins over the document; with a maximum age, only evaluations count
``evaluation.NAME``     the same, from evaluations only
``params.NAME``         a hyperparameter; dots go down into nested ones
``tags.NAME``           a free mark
``name version created authors licenses``  fields of the document
``framework``           its name; ``framework.name``, ``framework.version``
``parameters``          how many, as the headers say
``schema.present``      there is a signature
``schema.compatible``   who uses the version that the stage names now can go on; true where there is
                        none
``scan``                the verdict of the newest scan: the document's, or evidence
``lock``                there is a lock
``image.serve``         there is an image to serve it
``image.matches``       its newest serve image has the packages it was made with, as recorded by
                        ``lading image check --record``
``signed``              false: there are no signatures yet
``age_days``            since it was created
``stage``               the stages that name it now: a list, and empty for a version in none
any other path          that field of the document: text, a number, a truth, or a list of texts;
                        :mod:`lading.policy.names` says which paths there are
======================  =========================================================================

A list of the document that is empty (``authors: []``) is not known: nobody said anything, which is
not that there are none. Known to be empty are ``stage``, since the ledger holds every move, and a
hyperparameter that was chosen so (``params.columns: []``).

Where several values could be meant (``auc`` on two splits), none is: a gate must not pass with the
one that flatters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from lading.errors import InvalidInput
from lading.expressions import Name, Value
from lading.policy.approvals import UNSIGNED
from lading.policy.case import Case
from lading.policy.metrics import is_called, meant
from lading.spec.duration import duration
from lading.spec.event import moment
from lading.spec.evidence import EVALUATION, IMAGE, IMAGE_CHECK, SCAN, Evidence, is_ahead
from lading.spec.plain import Fields, table, tables, text, texts

# It may say the worse: a gate must not pass as if it were not there.
_AHEAD_NOTE: Final = "there is evidence from the future: look at the clocks"
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_DAY: Final = 86400
STAGE: Final = ("stage",)
_RENAMED: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    ("framework",): ("framework", "name"),
    ("parameters",): ("facts", "parameters"),
}


class Facts:
    """The values of a case by name, and what is to be said of those that are not there."""

    def __init__(self, case: Case, evidence_max_age: int | None = None) -> None:
        self._case = case
        self._document = case.document
        self._max_age = evidence_max_age
        self._values: dict[Name, Value | None] = {}
        self._notes: dict[Name, str] = {}

    def __call__(self, name: Name) -> Value | None:
        """The value of a name; None where it is not known."""
        if name not in self._values:
            self._values[name] = self._found(name)
        return self._values[name]

    def note(self, name: Name) -> str | None:
        """Why a name has no value, or not the one that is hoped for."""
        self(name)
        return self._notes.get(name)

    def _found(self, name: Name) -> Value | None:
        group, *rest = name
        if rest and group in GROUPS:
            return GROUPS[group](self, name, rest[0])
        if name in SINGLE:
            return SINGLE[name](self, name)
        value = _value(_walked(self._document, _RENAMED.get(name, name)))
        return None if value == () else value

    def _metric(self, name: Name, label: str) -> float | None:
        found = self._evaluated(name, label)
        # A maximum age leaves no room for what authors say; neither does an evaluation that
        # says something else than a number. Either has left a note.
        if found is not None or name in self._notes:
            return found
        return self._meant(name, label, tables(self._document.get("metrics")))

    def _evaluated(self, name: Name, label: str) -> float | None:
        """The metric in the newest evaluation that says it."""
        ahead = [
            e for e in self._case.evidence if e.type == EVALUATION and self._is_ahead(e.created)
        ]
        if any(is_called(m, label) for e in ahead for m in tables(e.content.get("metrics"))):
            self._notes[name] = _AHEAD_NOTE
            return None
        for evidence in self._newest(EVALUATION):
            metrics = tables(evidence.content.get("metrics"))
            if any(is_called(metric, label) for metric in metrics):
                return self._meant(name, label, metrics)
        if self._max_age is not None:
            self._notes[name] = f"no evaluation of the last {duration(self._max_age)} says it"
        return None

    def _meant(self, name: Name, label: str, metrics: Iterable[Fields]) -> float | None:
        found = meant(metrics, label)
        if isinstance(found, str):
            self._notes[name] = found
            return None
        return found

    def _param(self, name: Name, key: str) -> Value | None:
        params = table(self._document.get("params"))
        return _value(params[key] if key in params else _walked(params, key.split(".")))

    def _tag(self, name: Name, key: str) -> Value | None:
        return text(table(self._document.get("tags")).get(key))

    def _version(self, name: Name) -> Value | None:
        return self._case.version or text(self._document.get("version"))

    def _has_schema(self, name: Name) -> bool:
        signature = table(self._document.get("signature"))
        return any(tables(signature.get(side)) for side in ("inputs", "outputs"))

    def _compatible(self, name: Name) -> bool | None:
        if self._case.incumbent is None:
            return True
        found = self._case.compatible(self._case.incumbent, self._document)
        if not found:
            self._notes[name] = "lading schema NEW --against OLD says what breaks"
        return found

    def _has_lock(self, name: Name) -> bool:
        lock = table(self._document.get("environment")).get("lock")
        return text(table(lock).get("path")) is not None

    def _is_signed(self, name: Name) -> bool:
        self._notes[name] = UNSIGNED
        return False

    def _age(self, name: Name) -> float | None:
        at = _at(self._document.get("created"))
        if at == _LONG_AGO:
            return None
        return round((self._case.now - at).total_seconds() / _DAY, 2)

    def _stage(self, name: Name) -> tuple[str, ...]:
        return tuple(sorted(self._case.named_by or ()))

    def _scan(self, name: Name) -> str | None:
        """The verdict of the newest scan; the document's own is as old as the document."""
        if any(e.type == SCAN and self._is_ahead(e.created) for e in self._case.evidence):
            self._notes[name] = _AHEAD_NOTE
            return None
        scans = [(_at(e.created), text(e.content.get("verdict"))) for e in self._newest(SCAN)]
        created = self._document.get("created")
        if self._is_young(created):
            own = text(table(self._document.get("hazards")).get("verdict"))
            scans.append((_at(created), own))
        # The first of equally new ones: evidence, which is made later by its nature.
        newest = max((scan for scan in scans if scan[1]), key=lambda scan: scan[0], default=None)
        if newest is None and self._max_age is not None:
            self._notes[name] = f"no scan of the last {duration(self._max_age)} says it"
        return newest and newest[1]

    def _has_image(self, name: Name) -> bool:
        return self._served() is not None

    def _served(self) -> str | None:
        """The newest image that serves it, by digest."""
        said = (e.content for e in self._newest(IMAGE) if e.content.get("target") == "serve")
        return next((text(table(content.get("image")).get("digest")) for content in said), None)

    def _matches(self, name: Name) -> bool | None:
        """What the newest check of the newest serve image says."""
        image = self._served()
        of_images = (e for e in self._case.evidence if e.type in (IMAGE, IMAGE_CHECK))
        if any(self._is_ahead(e.created) for e in of_images):
            self._notes[name] = _AHEAD_NOTE
            return None
        checks = (e.content for e in self._newest(IMAGE_CHECK) if e.content.get("image") == image)
        newest = next(checks, None)
        if image is None or newest is None:
            # Which one: the tag of images may name an older one.
            made = f"lading image check REF --record says it, of {image}"
            self._notes[name] = made if image else "there is no image to serve it"
            return None
        differences = texts(newest.get("differences"))
        if differences:
            self._notes[name] = differences[0]
        return newest.get("verdict") != "incompatible"

    def _newest(self, kind: str) -> Iterator[Evidence]:
        """The evidence of a kind that counts, newest first."""
        young = [e for e in self._case.evidence if e.type == kind and self._is_young(e.created)]
        yield from sorted(young, key=lambda e: (_at(e.created), e.digest), reverse=True)

    def _is_ahead(self, created: object) -> bool:
        return isinstance(created, str) and is_ahead(created, self._case.now)

    def _is_young(self, created: object) -> bool:
        at = _at(created)
        if self._is_ahead(created):
            return False
        return self._max_age is None or (self._case.now - at).total_seconds() <= self._max_age


GROUPS: Final[Mapping[str, Callable[[Facts, Name, str], Value | None]]] = {
    "metrics": Facts._metric,
    "evaluation": Facts._evaluated,
    "params": Facts._param,
    "tags": Facts._tag,
}
SINGLE: Final[Mapping[tuple[str, ...], Callable[[Facts, Name], Value | None]]] = {
    ("version",): Facts._version,
    ("schema", "present"): Facts._has_schema,
    ("schema", "compatible"): Facts._compatible,
    ("scan",): Facts._scan,
    ("lock",): Facts._has_lock,
    ("image", "serve"): Facts._has_image,
    ("image", "matches"): Facts._matches,
    ("signed",): Facts._is_signed,
    ("age_days",): Facts._age,
    STAGE: Facts._stage,
}


def _at(created: object) -> datetime:
    """When something was made; long ago, where nobody can tell."""
    try:
        return moment(created) if isinstance(created, str) else _LONG_AGO
    except InvalidInput:
        return _LONG_AGO


def _walked(value: object, path: Iterable[str]) -> object:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _value(value: Any) -> Value | None:
    """A value as expressions know it; objects and lists of other things are not."""
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)) and len(texts(list(value))) == len(value):
        return tuple(value)
    return None
