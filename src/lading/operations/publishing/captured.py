"""What is found out about a model without being asked, put into the fields of a document.

Each part can be left out. What cannot be found out is a note and never stops a push; only what
somebody gives can be wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from lading.errors import InvalidInput
from lading.operations.publishing.declared import current_folder
from lading.packing.record import ENVIRONMENT_PATH, LOCK_PATH, PATCH_PATH, bundle_of
from lading.spec.encoding import check_depth, encode
from lading.spec.merge import laid_over
from lading.spec.plain import plain

if TYPE_CHECKING:
    from lading.formats.survey import Survey
    from lading.packing.scan import Tree
    from lading.settings import Settings

What = Literal["facts", "environment", "code", "run", "author", "hazards"]
ALL: Final[frozenset[str]] = frozenset(get_args(What))

# What has to be installed to load what a framework wrote, by the names that are imported.
_IMPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "scikit-learn": ("sklearn",),
    "pytorch": ("torch",),
    "tensorflow": ("tensorflow",),
    "keras": ("keras",),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "catboost": ("catboost",),
    "onnx": ("onnxruntime", "numpy"),
    "transformers": ("transformers",),
    "sentence-transformers": ("sentence_transformers",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What to find out, and how far to go for it."""

    without: frozenset[str] = frozenset()
    with_diff: bool = False
    resolve_hashes: bool = False
    # Another Python's environment than the one that runs: its program or its folder.
    interpreter: Path | None = None
    # The tracker's run to import, where several are found: ID, or mlflow:ID.
    run: str | None = None
    # Modules that the model needs, whatever its files tell.
    roots: tuple[str, ...] = ()
    # What the caller found out already: fields of the document, files of the version.
    fields: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    # Where the code that made the model is, if that is not where its files are.
    origin: Path | None = None

    def __post_init__(self) -> None:
        unknown = self.without - ALL - {"all"}
        if unknown:
            raise InvalidInput(
                f"nothing called {min(unknown)!r} is captured",
                hint="known are: " + ", ".join(sorted(ALL)) + ", or all",
            )
        if "all" in self.without:
            object.__setattr__(self, "without", ALL)

    def wants(self, what: What) -> bool:
        """Whether this is to be found out."""
        return what not in self.without


_LARGEST: Final = 16 * 1024 * 1024
NOTHING: Final = Capture(without=ALL)


@dataclass(slots=True)
class Captured:
    """Fields of a document, files of the version, and what could not be found out."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, value: object) -> None:
        """Put a field where it says something."""
        if value := plain(value):
            self.fields[name] = value

    def add_below(self, name: str, part: str, value: object) -> None:
        """Put a field into one of the document's objects."""
        if value := plain(value):
            self.fields.setdefault(name, {})[part] = value


def survey(tree: Tree) -> Survey:
    """What the headers of a tree's files say."""
    from lading.formats.survey import survey as look

    return look({member.path: member.location for member in tree.members})


def captured(
    tree: Tree, path: Path, capture: Capture, settings: Settings, *, facts: Survey | None
) -> Captured:
    """Everything that can be found out about a model's folder; ``facts`` where they are known.

    What the caller found out is nearest to the model; what a run recorded comes next, and then
    what headers and a model card say.
    """
    found = Captured(files=dict(capture.files))
    user: str | None = None
    origin = capture.origin or path
    if capture.wants("facts"):
        facts = facts or survey(tree)
        _add_facts(found, facts)
    known = dict(capture.fields)
    if not capture.wants("hazards"):
        known.pop("hazards", None)
    elif "hazards" not in known:
        _add_hazards(found, tree)
    if capture.wants("code"):
        user = _add_code(found, origin, capture)
    if capture.wants("run"):
        _add_run(found, origin, capture)
    if capture.wants("author") and (name := _author(origin, settings, user)):
        found.add("authors", [name])
    if capture.wants("environment"):
        _add_environment(found, tree, origin, capture, facts)
    found.fields = laid_over(known, found.fields)
    return found


def _add_facts(found: Captured, facts: Survey) -> None:
    found.add("facts", facts.facts)
    found.add("signature", facts.signature)
    if facts.framework:
        framework = {"name": facts.framework, "version": facts.framework_version}
        found.add("framework", {name: value for name, value in framework.items() if value})
    found.add("card", facts.card)
    found.add("description", facts.description)
    found.add("licenses", facts.licenses)
    found.add("metrics", facts.metrics)
    found.add("tags", facts.tags)
    found.add_below("lineage", "parents", facts.parents)
    found.add_below("lineage", "datasets", facts.datasets)


def _add_hazards(found: Captured, tree: Tree) -> None:
    from lading.hazards.scan import scan_files

    hazards = scan_files({member.path: member.location for member in tree.members})
    found.add("hazards", hazards)


def _add_run(found: Captured, path: Path, capture: Capture) -> None:
    from lading.capture.run import find
    from lading.capture.session import running
    from lading.settings import process_environment

    code = found.fields.get("lineage", {}).get("code", {})
    run = find(path, run_id=capture.run, commit=code.get("commit"))
    lineage = {
        "datasets": plain(run.datasets),
        "runs": plain(run.runs),
        "training": plain(
            run.training or running(_project(path), environment=process_environment())
        ),
    }
    fields = {
        "metrics": plain(run.metrics),
        "params": plain(run.params),
        "lineage": {name: value for name, value in lineage.items() if value},
    }
    # What a run says is nearer to the model than what its card says.
    said = {name: value for name, value in fields.items() if value}
    found.fields = laid_over(said, found.fields)
    found.notes += run.notes


def _add_code(found: Captured, path: Path, capture: Capture) -> str | None:
    """Where the code is; answers with git's user, who was asked for on the way."""
    from lading.capture.code import capture as look
    from lading.settings import process_environment

    seen = look(
        path,
        environment=process_environment(),
        fallback=current_folder(),
        with_diff=capture.with_diff,
    )
    code = plain(seen.code)
    if code and seen.patch is not None:
        code["patch"] = PATCH_PATH
        found.files[PATCH_PATH] = seen.patch
    found.add_below("lineage", "code", code)
    found.notes += seen.notes
    return seen.author


def _author(path: Path, settings: Settings, of_code: str | None) -> str | None:
    from lading.capture.author import author
    from lading.settings import process_environment

    return settings.author or of_code or author(path, environment=process_environment())


def _add_environment(
    found: Captured, tree: Tree, path: Path, capture: Capture, facts: Survey | None
) -> None:
    brought = {member.path: member.location for member in tree.members if bundle_of(member.path)}
    if LOCK_PATH in brought:
        found.add("environment", _brought(brought, found.notes))
        return
    from lading.capture.environment import capture as look

    seen = look(
        roots=_roots(capture, facts),
        code=[
            member.location for member in tree.members if member.path.endswith((".py", ".ipynb"))
        ],
        project=_project(path),
        interpreter=capture.interpreter,
        resolve_hashes=capture.resolve_hashes,
    )
    environment = plain(seen.environment)
    if seen.lock is not None:
        environment["lock"] = plain(seen.lock_facts(LOCK_PATH))
        found.files[LOCK_PATH] = seen.lock
        found.files[ENVIRONMENT_PATH] = encode(environment)
    found.add("environment", environment)
    found.notes += seen.notes


def _brought(brought: Mapping[str, Path], notes: list[str]) -> dict[str, Any]:
    """The environment that a folder came with: it was pulled, and its model was not made here."""
    from pydantic import ValidationError

    from lading.capture.environment import lock_facts
    from lading.spec.environment import Environment

    notes.append(
        f"the folder came with its lock ({LOCK_PATH}), which is kept;"
        " take .lading away to record this environment instead"
    )
    try:
        lock = lock_facts(_small(brought[LOCK_PATH]), LOCK_PATH, "pylock.toml")
        recorded = _small(brought[ENVIRONMENT_PATH]) if ENVIRONMENT_PATH in brought else b"{}"
        environment = Environment.model_validate_json(recorded)
        check_depth(environment.as_json(), "the environment")
        encode(environment.as_json())
    except (InvalidInput, ValidationError, OSError, ValueError) as error:
        notes.append(f"what the folder says of its environment cannot be read: {error}"[:300])
        return {}
    same = environment.lock is not None and environment.lock.sha256 == lock.sha256
    return environment.as_json() | {"lock": plain(environment.lock if same else lock)}


def _small(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise InvalidInput(f"{path.name} is larger than 16 MiB")
    return raw


def _roots(capture: Capture, facts: Survey | None) -> Iterable[str]:
    framework = facts.framework if facts and facts.framework else ""
    modules = facts.modules if facts else ()
    needed = {*capture.roots, *modules, *_IMPORTS.get(framework, ())}
    return sorted(needed - sys.stdlib_module_names)


def _project(path: Path) -> Path:
    """Where a project's lock would be: here, if the model lies in here; else beside the model."""
    real = path.resolve()
    here = current_folder()
    if here and real.is_relative_to(here):
        return here
    return real if real.is_dir() else real.parent
