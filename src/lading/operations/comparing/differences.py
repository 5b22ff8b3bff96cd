"""What differs between two documents. Pure: documents in, values out, nothing is fetched.

Everything that either side has is told, also what is the same: whoever shows it chooses.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lading.spec.packages import normalised

if TYPE_CHECKING:
    from lading.spec.document import Document, FileEntry, Metric
    from lading.spec.lineage import Dataset, Parent, Run

Status = Literal["added", "removed", "changed", "same"]
MetricStatus = Literal["added", "removed", "better", "worse", "changed", "same"]
FileStatus = Literal["added", "removed", "changed", "same", "unknown"]

# A requirement as it is pinned; a name is told from what follows it, whatever that is.
_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?P<rest>.*)",
    re.S,
)


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A metric on both sides, and whether it is better now, where the document says what is."""

    name: str
    status: MetricStatus
    before: float | None
    after: float | None
    delta: float | None


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value by name; None where a side does not have it."""

    name: str
    status: Status
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package, and the versions that were pinned."""

    name: str
    status: Status
    before: str | None
    after: str | None
    direct: bool


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file by path; unknown where nothing but reading it would tell."""

    path: str
    status: FileStatus
    before: int | None
    after: int | None


def status_of(before: object, after: object) -> Status:
    """What became of a value; None is none."""
    if before is None or after is None:
        return "same" if before is after else "added" if before is None else "removed"
    return "same" if _canonical(before) == _canonical(after) else "changed"


def metrics(a: Document, b: Document) -> tuple[MetricChange, ...]:
    """Metrics by name, split, dataset and group; of several steps the last one counts."""
    before, after = _latest(a.metrics), _latest(b.metrics)
    return tuple(
        _metric_change(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
    )


def _latest(found: Iterable[Metric]) -> dict[str, Metric]:
    latest: dict[str, Metric] = {}
    for metric in found:
        name = metric.label
        name += f" on {metric.dataset}" if metric.dataset else ""
        name += f" of {metric.group}" if metric.group else ""
        known = latest.get(name)
        if known is None or (metric.step or 0) >= (known.step or 0):
            latest[name] = metric
    return latest


def _metric_change(name: str, a: Metric | None, b: Metric | None) -> MetricChange:
    status: MetricStatus
    if a is None or b is None:
        status = "added" if a is None else "removed"
        return MetricChange(name, status, a.value if a else None, b.value if b else None, None)
    before, after = a.value, b.value
    delta = after - before
    status = "same"
    if before != after:
        higher = b.higher_is_better if b.higher_is_better is not None else a.higher_is_better
        status = "changed" if higher is None else "better" if (delta > 0) == higher else "worse"
    # Of two numbers as far apart as can be, the difference is none.
    return MetricChange(name, status, before, after, delta if math.isfinite(delta) else None)


def values(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[ValueChange, ...]:
    """Two mappings, by name."""
    return tuple(
        ValueChange(
            name, status_of(before.get(name), after.get(name)), before.get(name), after.get(name)
        )
        for name in sorted(before.keys() | after.keys())
    )


def about(a: Document, b: Document) -> tuple[ValueChange, ...]:
    """What people say of the version: description, authors, licence, tags, task."""
    return values(_about(a), _about(b))


def _about(document: Document) -> dict[str, Any]:
    card = document.card
    said: dict[str, Any] = {
        "description": document.description,
        "authors": ", ".join(document.authors) or None,
        "licence": ", ".join(document.licenses) or None,
        "task": card.task if card else None,
    }
    said |= {f"tag {name}": value for name, value in document.tags.items()}
    return _known(said)


def facts(a: Document, b: Document) -> tuple[ValueChange, ...]:
    """The framework, and what the weights' headers say."""
    return values(_facts(a), _facts(b))


def _facts(document: Document) -> dict[str, Any]:
    framework, found, hazards = document.framework, document.facts, document.hazards
    said: dict[str, Any] = {
        "framework": framework.name if framework else None,
        "framework version": framework.version if framework else None,
        "scan": hazards.verdict if hazards else None,
    }
    if found is not None:
        said |= {
            "architecture": found.architecture,
            "parameters": found.parameters,
            "precision": found.precision,
            "quantisation": found.quantization,
            "context length": found.context_length,
        }
        said |= {f"parameters in {name}": number for name, number in found.dtypes.items()}
    return _known(said)


def environment(a: Document, b: Document) -> tuple[ValueChange, ...]:
    """Python, platform and accelerator."""
    return values(_environment(a), _environment(b))


def _environment(document: Document) -> dict[str, Any]:
    found = document.environment
    if found is None:
        return {}
    python, host, accelerator = found.python, found.platform, found.accelerator
    said: dict[str, Any] = {"system packages": ", ".join(sorted(found.system)) or None}
    if python:
        said |= {"python": python.version, "python implementation": python.implementation}
    if host:
        said |= {"system": host.system, "machine": host.machine, "libc": host.libc}
    if accelerator:
        said |= {"accelerator": accelerator.kind, "accelerator runtime": accelerator.runtime}
    return _known(said)


def packages(a: Document, b: Document) -> tuple[PackageChange, ...]:
    """Pinned packages by name, as package indexes compare names."""
    before, after = _pins(a), _pins(b)
    direct = _direct(a) | _direct(b)
    return tuple(
        PackageChange(
            name,
            status_of(before.get(name), after.get(name)),
            before.get(name),
            after.get(name),
            name in direct,
        )
        for name in sorted(before.keys() | after.keys())
    )


def _pins(document: Document) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for line in document.environment.requirements if document.environment else ():
        match = _REQUIREMENT.fullmatch(line)
        name, rest = (match["name"], match["rest"].strip()) if match else (line, "")
        # `==1.2` is told as 1.2; a range, an address or a marker as it is written.
        found.setdefault(normalised(name), set()).add(re.sub(r"^===?\s*", "", rest) or "any")
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}


def _direct(document: Document) -> set[str]:
    return {
        normalised(name) for name in (document.environment.direct if document.environment else ())
    }


def lineage(a: Document, b: Document) -> tuple[ValueChange, ...]:
    """Parents, datasets, code and runs, each by what it is called, with what identifies it."""
    return values(_numbered(_lineage(a)), _numbered(_lineage(b)))


def _numbered(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs by name; of several with one name each but the first has its number."""
    found: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for name, value in pairs:
        counts[name] += 1
        found[name if counts[name] == 1 else f"{name} {counts[name]}"] = value
    return found


def _lineage(document: Document) -> Iterator[tuple[str, Any]]:
    found = document.lineage
    if found is None:
        return
    yield from ((f"parent {parent.reference}", _parent(parent)) for parent in found.parents)
    yield from ((f"dataset {_dataset_name(data)}", _dataset(data)) for data in found.datasets)
    yield from ((f"run {run.tracker}", _run(run)) for run in found.runs)
    if found.code:
        said = {
            "code repository": found.code.repository,
            "code commit": found.code.commit,
            "code branch": found.code.branch,
            "code was changed": found.code.dirty,
            "code patch": found.code.patch_sha256,
        }
        yield from _known(said).items()


def _parent(parent: Parent) -> str:
    return " ".join(filter(None, (parent.relation, parent.digest))) or parent.reference


def _dataset_name(data: Dataset) -> str:
    name = data.name or data.uri or data.digest or "without a name"
    return f"{name} ({data.split})" if data.split else name


def _dataset(data: Dataset) -> str:
    rows = f"{data.rows} rows" if data.rows is not None else None
    return ", ".join(filter(None, (data.digest, data.uri, rows))) or _dataset_name(data)


def _run(run: Run) -> str:
    return run.id or run.uri or run.name or "without a name"


def files(a: Iterable[FileEntry], b: Iterable[FileEntry]) -> tuple[FileChange, ...]:
    """Files by path, compared by sha256 or by the layer that holds them alone."""
    before, after = {f.path: f for f in a}, {f.path: f for f in b}
    return tuple(
        _file_change(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
    )


def _file_change(path: str, a: FileEntry | None, b: FileEntry | None) -> FileChange:
    if a is None or b is None:
        status: FileStatus = "added" if a is None else "removed"
        return FileChange(path, status, a.size if a else None, b.size if b else None)
    return FileChange(path, _file_status(a, b), a.size, b.size)


def _file_status(a: FileEntry, b: FileEntry) -> FileStatus:
    if a.size != b.size:
        return "changed"
    if a.sha256 and b.sha256:
        return "same" if a.sha256 == b.sha256 else "changed"
    if a.layer == b.layer:
        return "same"
    # Without a sha256 a file fills its layer: of one kind of layer another digest is another file.
    return "changed" if a.sha256 is None and b.sha256 is None else "unknown"


def _known(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


def _canonical(value: Any) -> str:
    """Text that is equal for equal JSON: 1 and 1.0 are one number, and true is none."""
    return json.dumps(_number(value), sort_keys=True)


def _number(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Mapping):
        return {name: _number(part) for name, part in value.items()}
    return [_number(part) for part in value] if isinstance(value, list | tuple) else value
