"""skops: what the ``schema.json`` in its archives has imported, made and called.

skops unpickles nothing. Its schema is a tree of parts, and each part names a class or a function
and the loader that makes something of it: by calling it, without calling it, or not at all. skops
asks whoever loads whether the names are trusted; here they are judged as those in a pickle are.

Arrays and bytes lie beside the schema, in members of their own, and are looked into as such.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from lading.hazards.findings import SUSPICIOUS, Exhausted, Search
from lading.hazards.names import judge
from lading.hazards.signs import Global, Use, Way

SCHEMA: Final = "schema.json"
_JSON_LIMIT: Final = 64 * 1024 * 1024
# Empty lists take twenty times the memory of their two bytes and a comma.
_OPENED_LIMIT: Final = 2_000_000
_ITEMS_LIMIT: Final = 8_000_000
_NAMES_LIMIT: Final = 10_000
# No pickle of Python 2 wrote these names.
_PROTOCOL: Final = 4
# Arguments of a call that may be anything at all.
_ANYTHING: Final = (True,) * 4

# What each loader does with the name of its part. None: it is a fixed class, whatever the name.
_LOADERS: Final[dict[str, Way | None]] = {
    "BytearrayNode": None,
    "BytesNode": None,
    "CachedNode": None,
    "ConstructorFromReduceNode": Way.CALL,
    "DTypeNode": None,
    "DefaultDictNode": None,
    "DictNode": Way.CALL,
    "FunctionNode": Way.REFER,
    "JsonNode": None,
    "ListNode": Way.CALL,
    "LossNode": Way.CALL,
    "MaskedArrayNode": None,
    "MethodNode": Way.REFER,
    "NdArrayNode": Way.CALL,
    "ObjectNode": Way.MAKE,
    "OperatorFuncNode": Way.CALL,
    "PartialNode": Way.CALL,
    "QuantileForestNode": None,
    "RandomGeneratorNode": Way.CALL,
    "RandomStateNode": Way.CALL,
    "SetNode": Way.CALL,
    "SliceNode": None,
    "SparseMatrixNode": None,
    "TreeNode": None,
    "TupleNode": Way.MAKE,  # called only where it is a named tuple
    "TypeNode": Way.REFER,
    "_DictWithDeprecatedKeysNode": None,
}

# A pickle has no need to call these; skops calls them with an array, a text or nothing, and all
# that they do is to make a value of it.
_SCALARS: Final = (
    *("bool", "bool_", "int8", "int16", "int32", "int64", "intp", "longlong"),
    *("uint8", "uint16", "uint32", "uint64", "ulonglong", "float16", "float32", "float64"),
    *("longdouble", "complex64", "complex128", "clongdouble", "str_", "bytes_"),
    *("datetime64", "timedelta64", "void"),
)
_CALLED: Final = frozenset(
    (
        "numpy.random._generator.Generator",
        "numpy.random.mtrand.RandomState",
        "sklearn.utils._bunch.Bunch",
        *(f"numpy.{name}" for name in _SCALARS),
    )
)
# Texts are kept as JSON in JSON.
_BIT_GENERATORS: Final = ('"MT19937"', '"PCG64"', '"PCG64DXSM"', '"Philox"', '"SFC64"')
# Where NumPy keeps its functions of numbers, by the name that pickles know them by.
_UFUNCS: Final = ("numpy.core._multiarray_umath", "numpy._core._multiarray_umath")

Part = dict[str, Any]


def look_schema(stream: BinaryIO, where: str, search: Search) -> None:
    """Find what the parts of a schema import, make and call.

    Raises:
        Exhausted: they name more than can be judged.
    """
    try:
        schema = _read(stream)
    except (ValueError, RecursionError) as error:
        search.add(where, "a schema that cannot be read", SUSPICIOUS, str(error))
        return
    if not isinstance(schema, dict) or not _is_part(schema):
        return  # somebody else's schema: skops makes nothing of it
    judged = _Schema(schema.get("protocol"))
    for part in _parts(schema):
        judged.add(part)
        if judged.is_full():
            break
    judged.report(where, search)
    if judged.is_full():
        raise Exhausted(f"it names more than {_NAMES_LIMIT} classes and functions")


def _read(stream: BinaryIO) -> Any:
    """The JSON, if it fits into memory.

    Raises:
        ValueError: it is none, or too large.
        RecursionError: it is nested too deeply; skops would not come to its end, either.
    """
    raw = stream.read(_JSON_LIMIT + 1)
    if len(raw) > _JSON_LIMIT:
        raise ValueError(f"it is larger than {_JSON_LIMIT >> 20} MiB")
    if raw.count(b"{") + raw.count(b"[") > _OPENED_LIMIT or raw.count(b",") > _ITEMS_LIMIT:
        raise ValueError("it has too many parts")
    return json.loads(raw)


def _parts(schema: Part) -> Iterator[Part]:
    """Every part, wherever it stands: skops may come to it by its number, too."""
    waiting: list[Any] = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if _is_part(item):
                yield item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _is_part(item: Part) -> bool:
    """Whether skops can take it for a part; a dictionary's entry may have that name, too."""
    return isinstance(item.get("__loader__"), str)


class _Schema:
    """What the parts of one schema do, gathered."""

    def __init__(self, protocol: object) -> None:
        self._uses: dict[Use, None] = {}
        self._odd: dict[tuple[str, str], None] = {}
        self._protocol = protocol
        # By the number of a part: who it is, and whether it says what keys are made with.
        self._known: dict[object, tuple[object, ...]] = {}
        self._key_types: set[int] = set()

    def add(self, part: Part) -> None:
        """Write down what one part does."""
        loader = part["__loader__"]
        self._same_as_before(part)
        if loader not in _LOADERS:
            self._wonder(f"a part that {loader} loads", "skops is not known to have that loader")
        elif (way := _LOADERS[loader]) is not None:
            self._follow(part, loader, way)

    def is_full(self) -> bool:
        """Whether more is written down than should be judged."""
        return len(self._uses) + len(self._odd) > _NAMES_LIMIT

    def report(self, where: str, search: Search) -> None:
        """What there is to say against it all."""
        for use in self._uses:
            if judgement := judge(use, _PROTOCOL):
                search.add(where, *judgement)
        for what, why in self._odd:
            search.add(where, what, SUSPICIOUS, why)

    def _follow(self, part: Part, loader: str, way: Way) -> None:
        if loader == "DictNode":
            self._keys(part.get("key_types"))
        elif loader == "RandomGeneratorNode":
            self._bit_generator(part)
        elif loader == "FunctionNode" and self._old_function(part):
            return
        elif loader == "MethodNode":
            self._method(part)
        # Older skops looks there whatever the module is called.
        module = "operator" if loader == "OperatorFuncNode" else part.get("__module__")
        self._use(module, part.get("__class__"), way)

    def _use(self, module: object, name: object, way: Way) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            self._uses[Use(None, Way.UNKNOWN)] = None
            return
        found = Global("numpy" if module in _UFUNCS else module, name)
        if way is Way.CALL and str(found) in _CALLED:
            return
        self._uses[Use(found, way, _ANYTHING if way is Way.CALL else ())] = None

    def _keys(self, types: object) -> None:
        """Each key of a dictionary is made by calling a class with a text."""
        content = types.get("content") if isinstance(types, dict) else None
        if not isinstance(types, dict) or types.get("__loader__") != "ListNode":
            content = None
        if not isinstance(content, list):
            self._wonder("a dictionary", "how its keys are made cannot be told")
            return
        self._key_types.add(id(types))
        for kind in content:
            if isinstance(kind, dict) and kind.get("__loader__") == "TypeNode":
                self._use(kind.get("__module__"), kind.get("__class__"), Way.CALL)
            else:
                self._wonder("a dictionary", "its keys are made by what is no class")

    def _bit_generator(self, part: Part) -> None:
        """The class behind a generator of random numbers is named by a text in its state."""
        state: Any = part
        for key in ("content", "bit_generator", "content", "bit_generator", "content"):
            state = state.get(key) if isinstance(state, dict) else None
        if state not in _BIT_GENERATORS:
            self._use("numpy.random", state, Way.CALL)

    def _old_function(self, part: Part) -> bool:
        """Protocol 0 kept the name of a function elsewhere; whether nothing else names it."""
        content = part.get("content")
        if not isinstance(content, dict):
            return False
        self._use(content.get("module_path"), content.get("function"), Way.REFER)
        return self._protocol == 0

    def _method(self, part: Part) -> None:
        content = part.get("content")
        function = content.get("func") if isinstance(content, dict) else None
        self._use(part.get("__module__"), f"{part.get('__class__')}.{function}", Way.REFER)

    def _same_as_before(self, part: Part) -> None:
        """skops takes a part that it met for every other of the same number.

        So one that is harmless where it stands may not stand for another kind of part, nor may
        any list stand for one that makes keys.
        """
        number = part.get("__id__")
        if not number or isinstance(number, (dict, list)):
            return  # not remembered, or no number at all
        value = part.get("content") if part["__loader__"] == "JsonNode" else None
        names = (part["__loader__"], part.get("__module__"), part.get("__class__"), value)
        texts = tuple(name if isinstance(name, str) else "" for name in names)
        what = (*texts, id(part) in self._key_types)
        if self._known.setdefault(number, what) != what:
            self._wonder("two parts of one number", "skops takes the first for the second")

    def _wonder(self, what: str, why: str) -> None:
        self._odd[what, why] = None
