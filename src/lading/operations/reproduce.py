"""Say how a model was made, and whether it still answers as it did."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from lading.errors import InvalidInput, LadingError, NotFound
from lading.operations import stores
from lading.operations.open import Opened
from lading.operations.open import open as open_version
from lading.spec.digest import Digest
from lading.spec.member_names import safe_path
from lading.spec.plain import plain
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.document import Document


# Git runs programs for addresses of other kinds (ext::), and takes a first - for an option.
_ADDRESS: Final = re.compile(r"(https?|ssh|git)://[^\s-]\S*|[\w.][\w.-]*@[\w.][\w.-]*:[^\s-]\S*")
_PYTHON: Final = re.compile(r"\d+\.\d+[\w.+-]*")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class ReproducedData:
    """Data that went in, as it was."""

    uri: str | None
    name: str | None
    split: str | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class ReplayedAnswer:
    """One place where the model answers otherwise than it did."""

    where: str
    expected: Any
    got: Any


@dataclass(frozen=True, slots=True)
class ReproduceResult:
    """What made a version, as commands; and what became of the check, where one was asked for."""

    reference: str
    digest: str
    repository: str | None
    commit: str | None
    dirty: bool | None
    patch: str | None
    python: str | None
    lock: str | None
    params: dict[str, Any]
    data: tuple[ReproducedData, ...]
    parents: tuple[str, ...]
    command: str | None
    commands: tuple[str, ...]
    missing: tuple[str, ...]
    check: Literal["same", "differs"] | None = None
    differences: tuple[ReplayedAnswer, ...] = ()


def reproduce(
    reference: str | Reference,
    *,
    check: bool = False,
    relative: float = 1e-5,
    absolute: float = 1e-8,
    allow_pickle: bool | None = None,
    into: object = None,
    settings: Settings | None = None,
) -> ReproduceResult:
    """Commit, data, lock and commands of a version; with ``check`` its answer to the example.

    The check loads the model and compares what it answers with what it answered when it was saved.
    Weights without their module go ``into`` one first, as in :func:`lading.load`.

    Raises:
        Unsupported: it is weights alone, and nobody gave their module.
        NotFound: there is no such version, or nothing was kept to compare with.
        PolicyRefused: loading it would run code of the model, and nobody allowed that.
    """
    settings = stores.settled(settings)
    with open_version(reference, settings=settings) as opened:
        told = _told(opened)
        if not check:
            return told
        expected, example = _kept(opened)
    by_digest = Reference.parse(told.reference).with_digest(Digest(told.digest))
    got = _replayed(by_digest, example, allow_pickle=allow_pickle, into=into, settings=settings)
    return _compared(told, expected, got, relative, absolute)


def _told(opened: Opened) -> ReproduceResult:
    document = opened.document
    lineage, environment = document.lineage, document.environment
    code = lineage.code if lineage else None
    lock = environment.lock.path if environment and environment.lock else None
    python = environment.python.version if environment and environment.python else None
    return ReproduceResult(
        reference=opened.reference,
        digest=opened.digest,
        repository=code.repository if code else None,
        commit=code.commit if code else None,
        dirty=code.dirty if code else None,
        patch=code.patch if code else None,
        python=python,
        lock=lock,
        params=plain(document.params),
        data=tuple(
            ReproducedData(each.uri, each.name, each.split, each.digest)
            for each in (lineage.datasets if lineage else ())
        ),
        parents=tuple(
            f"{each.reference}@{each.digest}" if each.digest else each.reference
            for each in (lineage.parents if lineage else ())
        ),
        command=_command(document),
        commands=tuple(_commands(opened, document)),
        missing=tuple(_missing(document)),
    )


def _command(document: Document) -> str | None:
    training = document.lineage.training if document.lineage else None
    if training is None:
        return None
    return training.command or (training.script and f"python {shlex.quote(training.script)}")


def _commands(opened: Opened, document: Document) -> Iterator[str]:
    """What a person would type, in order; text of a registry is quoted for the shell."""
    code = document.lineage.code if document.lineage else None
    version = f"{Reference.parse(opened.reference).base}@{opened.digest}"
    if code and _ADDRESS.fullmatch(code.repository or "") and _COMMIT.fullmatch(code.commit or ""):
        yield f"git clone {shlex.quote(str(code.repository))} reproduce"
        yield f"git -C reproduce checkout {code.commit}"
        below = f"/{code.path}" if code.path and _is_plain(code.path) else ""
        yield f"cd {shlex.quote('reproduce' + below)}"
    usable = _lock(document) if _is_hashed(document) else None
    patch = code.patch if code and code.patch and _is_plain(code.patch) else None
    usable = usable if usable and _is_plain(usable) else None
    kept = [path for path in (patch, usable) if path]
    if kept:
        wanted = " ".join(f"--include {shlex.quote(path)}" for path in kept)
        yield f"lading pull {shlex.quote(version)} {wanted} -o record"
    if patch:
        yield f"git apply {shlex.quote('record/' + patch)}"
    python = document.environment.python if document.environment else None
    if python and _PYTHON.fullmatch(python.version):
        yield f"uv venv --python {shlex.quote(python.version)} && . .venv/bin/activate"
    if usable:
        yield f"uv pip sync {shlex.quote('record/' + usable)}"
    elif document.environment and document.environment.requirements:
        # Installers take a lock without hashes only in the form of requirements.
        yield f"lading lock {shlex.quote(version)} --format requirements -o requirements.lock"
        yield "uv pip install -r requirements.lock"
    if command := _command(document):
        yield command
    if document.input_example and document.input_example.predictions and _answers(document):
        yield "uv pip install lading"
        yield f"lading reproduce {shlex.quote(version)} --check"


def _is_plain(path: str) -> bool:
    """Whether a path of a document stays below where it is put, and is no option."""
    try:
        safe_path(path.encode())
    except LadingError:
        return False
    return not path.startswith("-")


def _answers(document: Document) -> bool:
    """Whether the files are a model that answers; weights need a module, which no command gives."""
    framework = document.framework
    weights = framework and framework.loader == "torch" and framework.load.get("format")
    return weights != "safetensors"


def _is_hashed(document: Document) -> bool:
    environment = document.environment
    return bool(environment and environment.lock and environment.lock.hashed)


def _lock(document: Document) -> str | None:
    environment = document.environment
    return environment.lock.path if environment and environment.lock else None


def _missing(document: Document) -> Iterator[str]:
    """What nobody recorded, so that it cannot be reproduced from here alone."""
    lineage = document.lineage
    code = lineage.code if lineage else None
    if not (code and code.commit):
        yield "the commit: push from a git repository"
    elif not code.repository:
        yield "the address of the repository: its remote is not set, or a folder"
    if code and code.dirty and not code.patch:
        yield "what was not committed: push --with-diff keeps it"
    if not _lock(document):
        yield "the lock of the packages"
    if not (lineage and lineage.datasets):
        yield "the data: push --dataset URI"
    elif any(each.digest is None for each in lineage.datasets):
        yield "the digest of some data"
    if not _command(document):
        yield "the command that trained it: training: in lading.yaml"


def _kept(opened: Opened) -> tuple[Any, Any]:
    """The answer that was kept, and the input that it was given to."""
    from lading.signatures.example import read_example
    from lading.signatures.restore import Want, restore

    document = opened.document
    example = document.input_example
    if example is None or example.predictions is None:
        raise NotFound(
            f"{opened.reference} has no answer to compare with",
            cause="it was saved without an input example"
            if example is None
            else "it was pushed as files, and nobody asked the model",
            hint="lading.save(model, …, input_example=X) keeps both",
        )
    folder = example.path.rpartition("/")[0] + "/"
    paths = [file.path for file in opened.files if file.path.startswith(folder)]
    value = read_example({path: opened.read(path) for path in paths})
    # Rows that were given as dictionaries are given as such again.
    want: Want = "plain" if example.layout in ("records", "record") else "pandas"
    restored = restore(value, example.layout, document.signature, want=want)
    return _decoded(opened.read(example.predictions)), restored


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the answer that was kept is no JSON", cause=str(error)[:200]) from error


def _replayed(
    reference: Reference,
    example: Any,
    *,
    allow_pickle: bool | None,
    into: object,
    settings: Settings,
) -> Any:
    """What the model answers now."""
    from lading.operations.load import load
    from lading.signatures.answers import plain_answer

    loaded = load(reference, allow_pickle=allow_pickle, into=into, settings=settings)
    return plain_answer(loaded.predict(example))


def _compared(
    told: ReproduceResult, expected: Any, got: Any, relative: float, absolute: float
) -> ReproduceResult:
    from lading.signatures.answers import differences

    found = differences(expected, got, relative=relative, absolute=absolute)
    return replace(
        told,
        check="differs" if found else "same",
        differences=tuple(ReplayedAnswer(x.where, x.expected, x.got) for x in found),
    )
