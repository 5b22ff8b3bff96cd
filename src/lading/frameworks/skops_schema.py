"""What loading a skops file would build, read from its schema before anything of it is imported.

skops asks for the names of types only, and a name that is harmless to restore may be dangerous to
call. Here each part is judged by how it is built, too: which kind of part, which class, from what.
The lists of names are in ``skops_names``. Nothing here imports skops or a framework.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from lading.errors import InvalidInput
from lading.frameworks import skops_names as names

_SCHEMA: Final = "schema.json"
_LARGEST: Final = 256 * 1024 * 1024

_Node = Mapping[str, Any]

_DICT: Final = "builtins.dict"
_BUNCH: Final = "sklearn.utils._bunch.Bunch"
_TREES: Final = frozenset(name for name in names.ESTIMATORS if name.startswith("sklearn.tree."))
_OBJECTS: Final = (
    names.ESTIMATORS
    | names.INTERNALS
    | names.PLAIN
    | names.WRAPPERS
    | names.SCORERS
    | names.NEIGHBOURS
    | names.DISTANCES
    | names.KERNELS
    | names.SPLITTERS
)
_FUNCTIONS: Final = names.FUNCTIONS | names.UFUNCS | names.SCORES | names.SELECTORS
# The kinds of parts that skops writes, and the names that each may have unasked.
_NAMES: Final[Mapping[str, frozenset[str]]] = {
    "DictNode": frozenset({_DICT, "collections.OrderedDict", _BUNCH}),
    "DefaultDictNode": frozenset({"collections.defaultdict"}),
    "ListNode": frozenset({"builtins.list"}),
    "SetNode": frozenset({"builtins.set"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "BytesNode": frozenset({"builtins.bytes"}),
    "BytearrayNode": frozenset({"builtins.bytearray"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "TypeNode": names.SCALARS | names.FACTORIES | names.SPLITTERS | {"builtins.object"},
    "FunctionNode": _FUNCTIONS,
    "NdArrayNode": names.SCALARS | {"numpy.ndarray"},
    "MaskedArrayNode": frozenset({"numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"}),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "SparseMatrixNode": names.SPARSE,
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
    "LossNode": names.LOSSES,
    "ObjectNode": _OBJECTS,
    # These call what they name, or make something that does.
    "ConstructorFromReduceNode": frozenset(),
    "MethodNode": frozenset(),
    "PartialNode": frozenset(),
    "OperatorFuncNode": frozenset(),
    "QuantileForestNode": frozenset(),
}
LISTED: Final = frozenset(name for kind in _NAMES.values() for name in kind)
# Kinds that hold values and the like of them.
_VALUES: Final = frozenset(
    {
        *("JsonNode", "DictNode", "DefaultDictNode", "ListNode", "SetNode", "TupleNode"),
        *("BytesNode", "BytearrayNode", "SliceNode", "TypeNode"),
        *("NdArrayNode", "MaskedArrayNode", "DTypeNode"),
    }
)
_CALLBACKS: Final = frozenset({"_skl_callbacks", "_parent_callback_ctx"})
_ANSWERS: Final = frozenset({"predict", "predict_proba", "decision_function"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What stands in the way of loading a file unasked."""

    # Names that nobody said to trust, in the order in which they are met.
    strange: tuple[str, ...]
    # Why the file must not be built at all, whichever names are trusted.
    refused: str | None
    # Every name that skops may meet in the file.
    met: frozenset[str]


@dataclass(slots=True)
class _Findings:
    strange: dict[str, None] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    met: set[str] = field(default_factory=set)


def schema_of(path: Path) -> Any:
    """The schema of a skops file, as JSON has it.

    Raises:
        InvalidInput: it is too large.
    """
    with ZipFile(path) as archive:
        size = archive.getinfo(_SCHEMA).file_size
        if size > _LARGEST:
            raise InvalidInput(f"the schema of {path.name} has {size} bytes", cause="too many")
        return json.loads(archive.read(_SCHEMA))


def judge(schema: Any, trusted: Sequence[str] = ()) -> Judgement:
    """What loading this schema would need, beyond what is listed and what the caller trusts.

    Raises:
        TypeError: it is not what skops writes.
        LookupError: likewise.
        ValueError: likewise.
    """
    found = _Findings()
    order = list(_parts(schema))
    plain = _plain(order)
    known = frozenset(trusted)
    for part in order:
        _judge_name(part, known, found)
        _judge_shape(part, plain, found)
    found.refused += _changelings(order)
    return Judgement(
        tuple(found.strange), found.refused[0] if found.refused else None, frozenset(found.met)
    )


def _judge_name(part: _Node, trusted: frozenset[str], found: _Findings) -> None:
    kind = part["__loader__"]
    if kind == "JsonNode":
        return
    listed = _NAMES.get(kind, frozenset())
    wanted = [_name(part)]
    if kind == "MethodNode":
        wanted.append(f"{_name(part)}.{part['content']['func']}")
    found.met.update(wanted)
    for name in wanted:
        if name not in listed and name not in trusted:
            found.strange[name] = None


def _judge_shape(part: _Node, plain: frozenset[int], found: _Findings) -> None:
    rule = _RULES.get(part["__loader__"])
    if rule is not None and (because := rule(part, plain)) is not None:
        found.refused.append(f"{_name(part)}: {because}"[:300])


def _name(part: _Node) -> str:
    return f"{part['__module__']}.{part['__class__']}"


# --- The parts of a schema -----------------------------------------------------------------------


def _parts(schema: Any) -> Iterator[_Node]:
    """Every part of a schema, each before what it holds."""
    waiting = [schema]
    while waiting:
        part = _checked(waiting.pop())
        yield part
        waiting += _held(part)


def _checked(part: Any) -> _Node:
    if not isinstance(part, dict):
        raise TypeError("a part of the schema is no object")
    for key in ("__loader__", "__module__", "__class__"):
        if not isinstance(part.get(key), str):
            raise TypeError(f"{key} of a part is no text")
    # skops takes parts of the same number for one; 1, 1.0 and true would be the same.
    if not isinstance(part.get("__id__", 0), int) or isinstance(part.get("__id__"), bool):
        raise TypeError("__id__ of a part is no number")
    return part


def _held(part: _Node) -> list[Any]:
    """What skops would build for this part, in every kind that it knows; else it cannot."""
    read = _HELD.get(part["__loader__"])
    if read is None:
        raise TypeError(f"the schema has a part of an unknown kind, {part['__loader__'][:80]!r}")
    return read(part)


def _nothing(part: _Node) -> list[Any]:
    return []


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("what should be a list in the schema is none")
    return value


def _of_dict(part: _Node) -> list[Any]:
    return [part["key_types"], *part["content"].values()]


def _of_array(part: _Node) -> list[Any]:
    return [*_list(part["content"]), part["shape"]] if part["type"] == "json" else []


def _of_object(part: _Node) -> list[Any]:
    return [] if part.get("content") is None else [part["content"]]


def _of_content(*keys: str) -> Callable[[_Node], list[Any]]:
    return lambda part: [part["content"][key] for key in keys]


_HELD: Final[Mapping[str, Callable[[_Node], list[Any]]]] = {
    **dict.fromkeys(
        ("JsonNode", "BytesNode", "BytearrayNode", "SliceNode", "TypeNode", "FunctionNode"),
        _nothing,
    ),
    "SparseMatrixNode": _nothing,
    "DictNode": _of_dict,
    "DefaultDictNode": _of_content("main", "default_factory"),
    **dict.fromkeys(("ListNode", "SetNode", "TupleNode"), lambda part: _list(part["content"])),
    "NdArrayNode": _of_array,
    "MaskedArrayNode": _of_content("data", "mask"),
    **dict.fromkeys(
        ("DTypeNode", "RandomStateNode", "ConstructorFromReduceNode"),
        lambda part: [part["content"]],
    ),
    "RandomGeneratorNode": _of_content("bit_generator", "seed_seq"),
    **dict.fromkeys(
        ("TreeNode", "LossNode", "QuantileForestNode"),
        lambda part: [part["content"], part["__reduce__"]["args"]],
    ),
    "ObjectNode": _of_object,
    "MethodNode": _of_content("obj"),
    "PartialNode": _of_content("func", "args", "kwds", "namespace"),
    "OperatorFuncNode": lambda part: [part["attrs"]],
}


def _plain(order: Sequence[_Node]) -> frozenset[int]:
    """The parts that hold nothing but values, by identity."""
    found: set[int] = set()
    for part in reversed(order):
        if (
            part["__loader__"] in _VALUES
            and _name(part) != _BUNCH
            and all(id(held) in found for held in _held(part))
        ):
            found.add(id(part))
    return frozenset(found)


def _changelings(order: Sequence[_Node]) -> Iterator[str]:
    """Parts of the same number that are not the same.

    skops builds one of them and puts it in the place of the others, where it was not judged.
    """
    forms: dict[tuple[object, ...], int] = {}
    form_of: dict[int, int] = {}
    of_number: dict[int, int] = {}
    for part in reversed(order):
        held = tuple(form_of[id(each)] for each in _held(part))
        form = forms.setdefault((*_own(part), held), len(forms))
        form_of[id(part)] = form
        number = part.get("__id__")
        if number is not None and of_number.setdefault(number, form) != form:
            yield f"{_name(part)[:200]}: another part has the same number"


def _own(part: _Node) -> tuple[object, ...]:
    """What tells a part from others, but for what it holds and its files."""
    content = part.get("content")
    own: object = None
    if part["__loader__"] == "JsonNode":
        own = str(content)
    elif part["__loader__"] == "DictNode" and isinstance(content, dict):
        own = tuple(content)
    elif part["__loader__"] == "MethodNode" and isinstance(content, dict):
        own = str(content.get("func"))
    return (part["__loader__"], _name(part), str(part.get("type")), own)


# --- How each kind may be built; an answer is the reason why not ---------------------------------


def _json(part: _Node, plain: frozenset[int]) -> str | None:
    return None if isinstance(part["content"], str) else "is no text of JSON"


def _dict(part: _Node, plain: frozenset[int]) -> str | None:
    keys = part["key_types"]
    # skops calls what stands here with each key.
    if keys["__loader__"] != "ListNode" or not all(_is_scalar_type(key) for key in keys["content"]):
        return "has keys that are no values"
    return _attributes(part) if _name(part) == _BUNCH else None


def _is_scalar_type(part: _Node) -> bool:
    return part["__loader__"] == "TypeNode" and _name(part) in names.SCALARS


def _default_dict(part: _Node, plain: frozenset[int]) -> str | None:
    main, factory = part["content"]["main"], part["content"]["default_factory"]
    if main["__loader__"] != "DictNode":
        return "is made of what is no dictionary"
    if factory["__loader__"] == "JsonNode":
        return None
    makes = factory["__loader__"] == "TypeNode" and _name(factory) in names.FACTORIES
    return None if makes else "has a factory that is no plain type"


def _values_only(part: _Node, plain: frozenset[int]) -> str | None:
    held = _held(part)
    return None if all(id(each) in plain for each in held) else "is made of what are no values"


def _function(part: _Node, plain: frozenset[int]) -> str | None:
    # Of skops' first protocol, where the name that counts stands elsewhere.
    return "has a name inside" if "content" in part else None


def _array(part: _Node, plain: frozenset[int]) -> str | None:
    if part["type"] != "json":
        return None
    shape = part["shape"]
    if shape["__loader__"] != "TupleNode" or id(shape) not in plain:
        return "has a shape that is none"
    if len(shape["content"]) == 1:
        return None
    # numpy asks objects in several dimensions for theirs.
    return None if all(_is_quiet(each, plain) for each in part["content"]) else "holds objects"


def _is_quiet(part: _Node, plain: frozenset[int]) -> bool:
    """Whether it is of values, or of lists of trees, which gradient boosting keeps in an array."""
    waiting = [part]
    while waiting:
        each = waiting.pop()
        if id(each) in plain or (each["__loader__"] == "ObjectNode" and _name(each) in _TREES):
            continue
        if each["__loader__"] != "ListNode":
            return False
        waiting += each["content"]
    return True


def _attributes(part: _Node) -> str | None:
    """Of the dictionary that becomes an object's own."""
    for key, value in part["content"].items():
        if key in _CALLBACKS:
            return f"holds callbacks ({key})"
        # Python, numpy and scikit-learn call attributes by such names.
        if key.startswith("__"):
            return f"has an attribute {key[:80]}"
        if key == "_sklearn_version" and value["__loader__"] != "JsonNode":
            return f"has no text as {key}"
    return None


def _object(part: _Node, plain: frozenset[int]) -> str | None:
    state = part.get("content")
    if state is None:
        return None
    if state["__loader__"] == "DictNode" and (because := _attributes(state)) is not None:
        return because
    name = _name(part)
    if name in names.NEIGHBOURS:
        return _neighbours(state, plain)
    if name in names.PLAIN or name in names.DISTANCES:
        return None if id(state) in plain else "is made of what are no values"
    if name in _OBJECTS and not _is_state(state):
        return "has no dictionary of attributes"
    return _scorer(state, plain) if name in names.SCORERS else None


def _is_state(state: _Node) -> bool:
    return (state["__loader__"] == "DictNode" and _name(state) == _DICT) or (
        state["__loader__"] == "JsonNode" and state["content"] == "null"
    )


def _neighbours(state: _Node, plain: frozenset[int]) -> str | None:
    if state["__loader__"] != "TupleNode":
        return "has no tuple of attributes"
    fits = all(
        id(each) in plain or (each["__loader__"] == "ObjectNode" and _name(each) in names.DISTANCES)
        for each in state["content"]
    )
    return None if fits else "measures by what is no distance"


def _scorer(state: _Node, plain: frozenset[int]) -> str | None:
    """A scorer calls its function, and a method of the estimator by name."""
    if state["__loader__"] != "DictNode":
        return "has no dictionary of attributes"
    for key, value in state["content"].items():
        if key == "_score_func":
            fits = value["__loader__"] == "FunctionNode" and _name(value) in names.SCORES
        elif key == "_response_method":
            fits = all(answer in _ANSWERS for answer in _texts(value))
        else:
            fits = id(value) in plain
        if not fits:
            return f"scores by something else ({key[:80]})"
    return None


def _texts(part: _Node) -> list[object]:
    if part["__loader__"] == "JsonNode":
        return [json.loads(part["content"])]
    if part["__loader__"] in ("ListNode", "TupleNode"):
        return [
            json.loads(each["content"]) if each["__loader__"] == "JsonNode" else None
            for each in part["content"]
        ]
    return [None]


_RULES: Final[Mapping[str, Callable[[_Node, frozenset[int]], str | None]]] = {
    "JsonNode": _json,
    "DictNode": _dict,
    "DefaultDictNode": _default_dict,
    "FunctionNode": _function,
    "NdArrayNode": _array,
    "ObjectNode": _object,
    **dict.fromkeys(
        (
            *("SetNode", "MaskedArrayNode", "DTypeNode", "RandomStateNode"),
            *("RandomGeneratorNode", "TreeNode", "LossNode", "QuantileForestNode"),
        ),
        _values_only,
    ),
}
