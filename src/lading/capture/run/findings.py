"""What a tracker wrote down, within bounds; what did not fit becomes a note.

The values come from files that anybody may have written: each name and text is measured before
it is kept, and rid of secrets. Where the files lie is :mod:`lading.capture.run.ground`'s business.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from lading.capture.run.redaction import is_secret, value_without_secrets, without_secrets
from lading.capture.session import LAUNCHERS

if TYPE_CHECKING:
    from lading.spec.document import Metric
    from lading.spec.lineage import Dataset, Run, Training
    from lading.spec.part import Json

MOST: Final = 1000
LONGEST_TEXT: Final = 8 * 1024
_LONGEST_NAME: Final = 512
_MOST_DATASETS: Final = 200
_MOST_WALKED: Final = 20_000
_DEEPEST: Final = 16
_MOST_NAMED: Final = 5
_SHOWN: Final = 80
_LARGEST_STEP: Final = 2**63
_DIGEST: Final = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[A-Za-z0-9=_.-]{1,256}", re.ASCII)
_SCRIPT: Final = re.compile(r"\.(?:py|ipynb|R|r|jl|sh|scala|java)\Z")
_PYTHON: Final = re.compile(r"python[0-9.]*(?:\.exe)?")
_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://", re.ASCII)
_SECRETS: Final = "parameters and tags that are called like secrets"
_DRIVE: Final = re.compile(r"[a-zA-Z]:[\\/]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Findings:
    """What trackers say of a model, and what they say that could not be taken."""

    runs: tuple[Run, ...] = ()
    params: Mapping[str, Json] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    training: Training | None = None
    notes: tuple[str, ...] = ()


class Gathering:
    """The findings of one tracker, while they are gathered."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.runs: list[Run] = []
        self.training: Training | None = None
        self._params: dict[str, Json] = {}
        self._metrics: dict[str, Metric] = {}
        self._datasets: list[Dataset] = []
        self._notes: list[str] = []
        self._left_out: dict[str, list[str]] = {}

    def note(self, sentence: str) -> None:
        """Say something about this tracker's findings."""
        if sentence not in self._notes:
            self._notes.append(sentence)

    def leave_out(self, why: str, name: str) -> None:
        """Count something that was not taken."""
        self._left_out.setdefault(why, []).append(name)

    def param(self, name: str, value: Any) -> None:
        """Take a parameter, if it is one that can be written down; the first of a name stays."""
        name = without_secrets(text(name))
        if not name or len(name) > _LONGEST_NAME:
            self.leave_out("parameters with names that are too long or empty", name)
        elif name not in self._params and len(self._params) >= MOST:
            self.leave_out(f"parameters beyond the first {MOST}", name)
        elif (why := _unwritable(value)) is not None:
            self.leave_out(f"parameters {why}", name)
        elif not self.hides(name, value):
            self._params.setdefault(name, value_without_secrets(value, self._hide))

    def hides(self, name: str, value: Any) -> bool:
        """Whether a value is left out for its name, which is one of a secret."""
        if not is_secret(name, value):
            return False
        self._hide(name)
        return True

    def _hide(self, name: str) -> None:
        self.leave_out(_SECRETS, name)

    def metric(self, name: str, value: Any, step: Any = None) -> None:
        """Take a metric, if it is a finite number; the first of a name stays."""
        from lading.spec.document import Metric

        name = without_secrets(text(name))
        number = finite(value)
        if not name or len(name) > _LONGEST_NAME:
            self.leave_out("metrics with names that are too long or empty", name)
        elif number is None:
            self.leave_out("metrics that are no finite number", name)
        elif name not in self._metrics and len(self._metrics) >= MOST:
            self.leave_out(f"metrics beyond the first {MOST}", name)
        elif name not in self._metrics:
            self._metrics[name] = Metric(
                name=name, value=number, step=count(step), source=self.source
            )

    def params(self, value: Any, separator: str = ".") -> None:
        """Take every parameter of a tree of them."""
        for name, leaf in self._leaves(value, separator, "parameters"):
            self.param(name, leaf)

    def metrics(self, value: Any, separator: str, step: Any = None) -> None:
        """Take every metric of a tree of them."""
        for name, leaf in self._leaves(value, separator, "metrics"):
            self.metric(name, leaf, step)

    def dataset(
        self,
        *,
        name: Any = None,
        uri: Any = None,
        digest: str | None = None,
        split: Any = None,
        size: Any = None,
        rows: Any = None,
        provenance: Any = None,
    ) -> None:
        """Take a dataset; one that is known already counts once."""
        from lading.spec.lineage import Dataset

        if len(self._datasets) >= _MOST_DATASETS:
            self.leave_out(f"datasets beyond the first {_MOST_DATASETS}", short(name) or "?")
            return
        found = Dataset(
            name=short(name),
            uri=public_uri(uri),
            digest=digest if digest and _DIGEST.fullmatch(digest) else None,
            split=short(split),
            size=count(size),
            rows=count(rows),
            provenance=bounded(provenance),
            source=self.source,
        )
        if (found.name or found.uri or found.digest) and found not in self._datasets:
            self._datasets.append(found)

    def finish(self) -> Findings:
        """Everything that was taken."""
        notes = [*self._notes, *self._counted()]
        return Findings(
            runs=tuple(self.runs),
            params=self._params,
            metrics=tuple(self._metrics.values()),
            datasets=tuple(self._datasets),
            training=self.training,
            notes=tuple(f"{self.source}: {without_secrets(note)}" for note in notes),
        )

    def _counted(self) -> Iterator[str]:
        for why, names in self._left_out.items():
            yield f"{why} were left out ({len(names)}): {listed(names)}"

    def _leaves(self, value: Any, separator: str, what: str) -> Iterator[tuple[str, Any]]:
        """The leaves of nested mappings by joined names, the first of the text first."""
        waiting: list[tuple[str, Any, int]] = [("", value, 0)]
        walked = 0
        while waiting:
            name, item, depth = waiting.pop()
            walked += 1
            if walked > _MOST_WALKED:
                self.note(f"{what} beyond the first {_MOST_WALKED} were not looked at")
                return
            if not isinstance(item, Mapping) or (name and not item):
                yield name, item
            elif depth >= _DEEPEST or len(name) > _LONGEST_NAME:
                self.leave_out(f"{what} that are nested too deeply", name)
            else:
                waiting += [
                    (f"{name}{separator}{key}" if name else str(key), part, depth + 1)
                    for key, part in reversed(list(item.items()))
                ]


def listed(names: Iterable[str]) -> str:
    """A few of many names, each short."""
    every = sorted(set(names))
    shown = ", ".join(without_secrets(text(name))[:_SHOWN] for name in every[:_MOST_NAMED])
    return f"{shown}, …" if len(every) > _MOST_NAMED else shown


def text(value: str) -> str:
    """Text that can be encoded, whatever file names or escapes it was made of."""
    return value.encode("utf-8", "surrogateescape" if _escaped(value) else "replace").decode(
        "utf-8", "replace"
    )


def _escaped(value: str) -> bool:
    """Whether every lone surrogate stands for a byte of a file's name."""
    return all(not "\ud800" <= char <= "\udfff" or "\udc80" <= char <= "\udcff" for char in value)


def bounded(value: Any) -> str | None:
    """Text that may be kept, without secrets; None for what is no text, is empty or too long."""
    kept = _measured(value)
    return None if kept is None else without_secrets(kept)


def _measured(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
        return None
    return text(value)


def short(value: Any) -> str | None:
    """A name that may be kept."""
    name = bounded(value)
    return name if name and len(name) <= _LONGEST_NAME else None


def finite(value: Any) -> float | None:
    """A number; truths are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def count(value: Any) -> int | None:
    """A whole number from 0 on."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value < _LARGEST_STEP else None


def moment(value: Any) -> str | None:
    """A moment as RFC 3339 writes it, in UTC where nothing else is said."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    return f"{day}T{clock}{fraction or ''}{zone or 'Z'}"


def moment_of_milliseconds(value: Any) -> str | None:
    """A moment from milliseconds since 1970."""
    milliseconds = count(value)
    if not milliseconds:
        return None
    try:
        instant = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def script_name(value: Any) -> str | None:
    """The file's name of a script; None for what is none, and for what only starts another.

    Trackers record the whole command line at times: what follows the file may be a secret.
    """
    words = (bounded(value) or "").split()
    files = [word for word in words if _SCRIPT.search(word)]
    name = re.split(r"[\\/]", next(iter(files or words), ""))[-1]
    # "-", "-c" and "<stdin>" are what Python calls a program that is no file.
    if not name or name.startswith(("-", "<")) or name in LAUNCHERS or _PYTHON.fullmatch(name):
        return None
    return short(name)


def public_uri(value: Any) -> str | None:
    """Where data lies, without credentials; None for a place of this machine alone.

    A query goes: that of a signed address lets anybody in.
    """
    uri = _measured(value)
    if uri is None or uri.startswith(("/", "~", "\\", "file:")) or _DRIVE.match(uri):
        return None
    if not _SCHEME.match(uri):
        return without_secrets(uri) if "@" not in uri and "?" not in uri else None
    try:
        parts = urlsplit(uri)
        host = parts.netloc.rpartition("@")[2]
        # abfss://container@account: what stands before the @ is a place, no person.
        place = parts.netloc if parts.scheme in {"abfs", "abfss", "wasb", "wasbs"} else host
        if ":" in place.rpartition("@")[0]:
            return None
        return without_secrets(urlunsplit((parts.scheme, place, parts.path, "", ""))) or None
    except ValueError:
        return None


def _unwritable(value: Any) -> str | None:
    """Why a value cannot be a parameter in a document; None if it can."""
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        return "that are no value of JSON"
    if len(written) > LONGEST_TEXT:
        return f"larger than {LONGEST_TEXT >> 10} KiB"
    return "nested too deeply" if _too_deep(value) else None


def _too_deep(value: Any) -> bool:
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > _DEEPEST:
            return True
        parts = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting += [(part, depth + 1) for part in parts]
    return False
