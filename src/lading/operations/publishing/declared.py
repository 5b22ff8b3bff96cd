"""What a person declares of a model: found in files, given in a call, put together.

The call wins over ``lading.yaml``, and that is looked for before ``[tool.lading]`` of a
``pyproject.toml``. A file counts when it lies in the model's folder or above it, up to the current
folder; so a model from elsewhere is never described by the project that one happens to stand in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.errors import InvalidInput, LocalFailure
from lading.packing.ignore import DECLARATION_FILES
from lading.spec.identity import Identity
from lading.spec.merge import laid_over
from lading.spec.statement import Statement

if TYPE_CHECKING:
    from lading.spec.declaration import CaptureChoice, Declaration
    from lading.spec.words import Words

_PROJECT: Final = "pyproject.toml"
_LARGEST: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Declared:
    """What a person said, and which file said part of it."""

    statement: Statement = field(default_factory=Statement)
    # A value, or the file that holds one; None where no example is given.
    input_example: object = None
    without: frozenset[str] = frozenset()
    file: Path | None = None
    # Those that the call names: a file comes with a folder, and may not say whom to ask.
    parents: tuple[str, ...] = ()


def declared(path: Path, words: Words, *, file: Path | None = None) -> Declared:
    """Everything that is declared of the model at a path.

    Raises:
        InvalidInput: a file or a word is wrong; says which field.
        LocalFailure: a file cannot be read.
    """
    found = _found(path, file)
    said = {name: part for name, part in words.items() if not _is_nothing(part)}
    if found is None and not said:
        return Declared()
    from lading.spec.declaration import Declaration, declaration

    above, value = found or (None, {})
    written = declaration(value, above.name) if above else Declaration()
    said.pop("input_example", None)
    example = example_of(words)
    if isinstance(schema := said.get("signature"), Path):
        said["signature"] = _signature(schema)
    told = declaration(said, "the call")
    if example is None and above and written.input_example:
        example = _inside(above.parent, written.input_example)
    return Declared(
        _over(told, written),
        example,
        _left_out(written.capture),
        above,
        tuple(parent.reference for parent in told.parents if parent.digest is None),
    )


def example_of(words: Words) -> object:
    """The input example of a call: a value, or the path of the file that holds one.

    Text that is the name of a file means the file: who has a model of text gives a list of texts.
    """
    example = words.get("input_example")
    return Path(example) if isinstance(example, str) and Path(example).is_file() else example


def _is_nothing(part: object) -> bool:
    # A data frame has no truth of its own.
    return part is None or (isinstance(part, (str, list, tuple, dict)) and not part)


def _over(told: Declaration, written: Declaration) -> Statement:
    """What the call says, over what the file says."""
    over, under = told.statement(), written.statement()
    return Statement(
        Identity(
            description=over.identity.description or under.identity.description,
            authors=over.identity.authors or under.identity.authors,
            licenses=over.identity.licenses or under.identity.licenses,
            tags={**under.identity.tags, **over.identity.tags},
        ),
        given=laid_over(over.given, under.given),
    )


def _left_out(choice: CaptureChoice | None) -> frozenset[str]:
    chosen = choice.model_dump() if choice else {}
    return frozenset(name for name, wanted in chosen.items() if wanted is False)


def _found(path: Path, file: Path | None) -> tuple[Path, Mapping[str, Any]] | None:
    """The first file that declares something, and what is in it."""
    if file is not None:
        value = _project(file) if file.suffix == ".toml" else _yaml(file)
        if value is None:
            raise InvalidInput(f"there is no table [tool.lading] in {file}")
        return file, value
    for folder in _folders(path):
        for name in DECLARATION_FILES:
            if _is_own(folder, name):
                return folder / name, _yaml(folder / name)
        project = folder / _PROJECT
        if _is_own(folder, _PROJECT) and (value := _project(project)) is not None:
            return project, value
    return None


def _is_own(folder: Path, name: str) -> bool:
    """Whether a folder has such a file.

    Raises:
        InvalidInput: it is a link out of the folder: it would carry another's words along.
    """
    file = folder / name
    if not file.is_file():
        return False
    if not file.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(
            f"{file} is a link out of its folder", hint="put the file itself there, or name it: -f"
        )
    return True


def _folders(path: Path) -> Iterator[Path]:
    """The model's folder, and those above it up to the current one."""
    real = path.resolve()
    first = real if real.is_dir() else real.parent
    here = current_folder()
    yield first
    if here and first.is_relative_to(here):
        for folder in first.parents:
            if not folder.is_relative_to(here):
                return
            yield folder


def current_folder() -> Path | None:
    """The current folder; None where somebody deleted it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def _yaml(file: Path) -> Mapping[str, Any]:
    from lading.spec.yaml_text import read_yaml

    value = read_yaml(_text(file), str(file))
    if value is not None and not isinstance(value, dict):
        raise InvalidInput(f"{file} is no list of fields", cause=f"got {type(value).__name__}")
    return value or {}


def _project(file: Path) -> Mapping[str, Any] | None:
    import tomllib

    try:
        tool = tomllib.loads(_text(file)).get("tool")
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is not TOML", cause=str(error)[:200]) from error
    value = tool.get("lading") if isinstance(tool, dict) else None
    if value is not None and not isinstance(value, dict):
        raise InvalidInput(f"tool.lading in {file} is no table")
    return value


def _signature(file: Path) -> object:
    """The signature in a file, or the one that the JSON Schema in it says."""
    value = _yaml(file)  # which JSON is, too
    if not value:
        raise InvalidInput(f"there is no schema in {file}", cause="it is empty")
    if value.keys() & {"inputs", "outputs", "params"}:
        return value
    from lading.signatures.json_schema import from_json_schema

    return from_json_schema(value)


def declares(project: Path) -> bool:
    """Whether a ``pyproject.toml`` has the table ``[tool.lading]``."""
    return project.is_file() and _project(project) is not None


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(_LARGEST + 1)
    except FileNotFoundError as error:
        raise InvalidInput(f"there is no file {file}") from error
    except OSError as error:
        raise LocalFailure(f"cannot read {file}", cause=error.strerror) from error
    if len(raw) > _LARGEST:
        raise InvalidInput(f"{file} is larger than 1 MiB")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8", cause=str(error)) from error


def _inside(folder: Path, name: str) -> Path:
    """A file that a declaration names: it came with a folder, and may not reach out of it."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InvalidInput(
            f"input_example may not leave its folder: {name!r}",
            hint="name a file beside lading.yaml, or give --input-example",
        )
    return path
