"""Compare two versions, wherever they are, without downloading them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from lading.operations import stores
from lading.operations.comparing import differences
from lading.operations.comparing.differences import (
    FileChange,
    MetricChange,
    PackageChange,
    ValueChange,
)
from lading.operations.comparing.tensor_differences import (
    READ_LIMIT,
    TensorChange,
    TensorDifferences,
    tensor_differences,
)
from lading.operations.open import open as open_version

if TYPE_CHECKING:
    from lading.operations.open import Opened
    from lading.settings import Settings
    from lading.spec.reference import Reference
    from lading.spec.signature import Signature

_NOT_COMPARED: Final = TensorDifferences((), 0, ())


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions."""

    reference: str
    digest: str
    name: str | None
    version: str | None
    created: str | None
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """A change of what goes in or comes out, and whether callers break by it."""

    where: str
    what: str
    breaking: bool
    why: str


@dataclass(frozen=True, slots=True)
class SchemaDifferences:
    """The changes of the signature, and what they come to for callers of A."""

    verdict: Literal["same", "compatible", "breaking"]
    breaking: bool
    changes: tuple[SchemaChange, ...]


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a client that has A would fetch to have B."""

    bytes: int
    layers: int
    shared: int


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What differs between A and B; what is the same is told, too, and marked so.

    ``equal`` says that nothing which was compared differs: two versions of the same content are
    equal whatever they are called.
    """

    a: Side
    b: Side
    equal: bool
    about: tuple[ValueChange, ...]
    metrics: tuple[MetricChange, ...]
    params: tuple[ValueChange, ...]
    signature: SchemaDifferences
    environment: tuple[ValueChange, ...]
    packages: tuple[PackageChange, ...]
    lineage: tuple[ValueChange, ...]
    facts: tuple[ValueChange, ...]
    files: tuple[FileChange, ...]
    tensors: tuple[TensorChange, ...]
    tensor_bytes_read: int
    fetch: Fetch
    notes: tuple[str, ...]


def diff(
    a: str | Reference,
    b: str | Reference,
    *,
    tensors: bool = True,
    read_limit: int = READ_LIMIT,
    settings: Settings | None = None,
) -> DiffResult:
    """What changed from A to B: metrics, parameters, schema, packages, lineage, files, tensors.

    A and B may lie in different registries or folders, and either may be a ModelPack artifact.
    Tensors are compared by parts of their bytes, unverified, and until ``read_limit`` bytes were
    read; what was not compared then is marked unknown.

    Raises:
        NotFound: there is no such version.
        InvalidInput: one of them is no model; says what it is.
    """
    settings = stores.settled(settings)
    with ExitStack() as stack:
        left = stack.enter_context(open_version(a, settings=settings))
        right = stack.enter_context(open_version(b, settings=settings))
        files = differences.files(left.files, right.files)
        same = frozenset(change.path for change in files if change.status == "same")
        found = (
            tensor_differences(left, right, same, limit=read_limit, jobs=settings.jobs)
            if tensors
            else _NOT_COMPARED
        )
        return _result(left, right, files, found)


def _result(
    left: Opened, right: Opened, files: tuple[FileChange, ...], found: TensorDifferences
) -> DiffResult:
    a, b = left.document, right.document
    result = DiffResult(
        a=_side(left),
        b=_side(right),
        equal=False,
        about=differences.about(a, b),
        metrics=differences.metrics(a, b),
        params=differences.values(a.params, b.params),
        signature=_signature(a.signature, b.signature),
        environment=differences.environment(a, b),
        packages=differences.packages(a, b),
        lineage=differences.lineage(a, b),
        facts=differences.facts(a, b),
        files=files,
        tensors=found.changes,
        tensor_bytes_read=found.read,
        fetch=_fetch(left, right),
        notes=(*left.artifact.notes, *right.artifact.notes, *found.notes),
    )
    return replace(result, equal=_is_equal(result))


def _is_equal(result: DiffResult) -> bool:
    compared = (
        result.about,
        result.metrics,
        result.params,
        result.environment,
        result.packages,
        result.lineage,
        result.facts,
        result.files,
        result.tensors,
    )
    return not result.signature.changes and all(
        change.status == "same" for part in compared for change in part
    )


def _side(version: Opened) -> Side:
    document = version.document
    return Side(
        reference=version.reference,
        digest=version.digest,
        name=document.name,
        version=document.version,
        created=document.created,
        size=sum(entry.size for entry in document.files),
        files=len(document.files),
    )


def _signature(a: Signature | None, b: Signature | None) -> SchemaDifferences:
    if a is None and b is None:
        return SchemaDifferences("same", False, ())
    from lading.signatures.compatible import compatible

    found = compatible(a, b)
    return SchemaDifferences(
        found.verdict,
        found.verdict == "breaking",
        tuple(SchemaChange(c.where, c.what, c.breaking, c.why) for c in found.changes),
    )


def _fetch(left: Opened, right: Opened) -> Fetch:
    had = {layer.digest for layer in left.artifact.layers}
    wanted = {layer.digest: layer.size for layer in right.artifact.layers}
    missing = [size for digest, size in wanted.items() if digest not in had]
    return Fetch(sum(missing), len(missing), len(wanted) - len(missing))
