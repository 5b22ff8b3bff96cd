"""skops files: honest ones, written by skops itself, are clean; what they may not name is found."""

from __future__ import annotations

import io
import json
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import skops.io
import xgboost
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import Bunch

from hazards.crafted import EVIL, scanned, verdict, zipped
from lading.frameworks.skops_file import settle
from lading.hazards.scan import scan_file
from lading.spec.facts import Finding

X, Y = load_iris(return_X_y=True)
TABLE = pd.DataFrame(X, columns=list("abcd")).assign(kind="x")
COLUMNS = [("n", StandardScaler(), ["a", "b"]), ("k", OneHotEncoder(), ["kind"])]

Node = dict[str, Any]


def pipeline(model: Any) -> Any:
    return make_pipeline(ColumnTransformer(COLUMNS), model).fit(TABLE, Y)


MODELS: dict[str, Callable[[], Any]] = {
    "forest": lambda: pipeline(RandomForestClassifier(5, class_weight={0: 1, 1: 2, 2: 1})),
    "histograms": lambda: pipeline(HistGradientBoostingClassifier(max_iter=3)),
    "logistic": lambda: pipeline(LogisticRegression()),
    "xgboost": lambda: pipeline(xgboost.XGBClassifier(n_estimators=3)),
    "lightgbm": lambda: pipeline(lightgbm.LGBMClassifier(n_estimators=3, verbose=-1)),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=3).fit(X, Y),
    "stacking": lambda: StackingClassifier([("k", KNeighborsClassifier())]).fit(X, Y),
    "selection": lambda: make_pipeline(SelectKBest(k=2), SVC()).fit(X, Y),
    "function": lambda: make_pipeline(FunctionTransformer(np.log1p), SGDClassifier()).fit(X, Y),
    "words": lambda: TfidfVectorizer().fit(["a cat", "a dog", "no cat"]),
    "random": lambda: [np.random.RandomState(1), np.random.default_rng(1)],
    "sparse": lambda: [scipy.sparse.csr_matrix(X), scipy.sparse.csc_array(X)],
    "values": lambda: [
        *(Bunch(a=1), OrderedDict(a=1), defaultdict(list, a=[1]), {np.int64(3): 1, 2.5: "x"}),
        *(np.float32(1), np.dtype("<f4"), np.ma.masked_array([1, 2], [True, False]), slice(1)),
        *(b"bytes", bytearray(b"x"), (1, "a"), {1}, np.array([{"a": 1}, "text"], dtype=object)),
    ],
}


@pytest.fixture(params=MODELS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "model.skops"
    skops.io.dump(MODELS[request.param](), path)
    return path


def test_what_skops_writes_is_clean(written: Path) -> None:
    assert scan_file(written, written.name) == ()


def test_what_is_rewritten_without_times_is_clean(written: Path) -> None:
    settle(written)

    assert scan_file(written, written.name) == ()


def node(loader: str, module: str, name: str, **more: Any) -> Node:
    return {"__loader__": loader, "__module__": module, "__class__": name, **more}


def texts(*values: object) -> Node:
    parts = [node("JsonNode", "builtins", "str", content=json.dumps(value)) for value in values]
    return node("TupleNode", "builtins", "tuple", content=parts)


def mapping(key_type: Node, **content: Node) -> Node:
    types = node("ListNode", "builtins", "list", content=[key_type] * len(content))
    return node("DictNode", "builtins", "dict", content=content, key_types=types)


def archive(schema: object, **members: bytes) -> bytes:
    return zipped({"schema.json": json.dumps(schema).encode(), **members})


def found(folder: Path, schema: object) -> tuple[Finding, ...]:
    if isinstance(schema, dict):
        schema = {"protocol": 2, "_skops_version": "0.16.0", **schema}
    return scanned(folder, archive(schema), "model.skops")


TEXT = node("TypeNode", "builtins", "str")
SYSTEM = node("FunctionNode", "os", "system")
RUN = ("os", "system")
DANGEROUS = {
    "a function": SYSTEM,
    "a function of protocol 0": node(
        "FunctionNode", "numpy", "ufunc", content={"module_path": "os", "function": "system"}
    ),
    "a type": node("TypeNode", *RUN),
    "a constructor": node("ConstructorFromReduceNode", *RUN, content=texts("id")),
    "a loss": node("LossNode", *RUN, __reduce__={"args": texts("id")}, content=texts()),
    "an object": node("ObjectNode", "subprocess", "Popen"),
    "a list": node("ListNode", "builtins", "eval", content=[]),
    "a tuple": node("TupleNode", "builtins", "eval", content=[]),
    "an array": node("NdArrayNode", "builtins", "eval", type="numpy", file="1.npy"),
    "a dictionary": {**mapping(TEXT), "__module__": "builtins", "__class__": "exec"},
    "what makes keys": mapping(node("TypeNode", *RUN), a=texts()),
    "the function of a partial": node(
        "PartialNode", "functools", "partial", content={"func": SYSTEM, "args": texts()}
    ),
    "an operator, whatever its module": node("OperatorFuncNode", "builtins", "methodcaller"),
    "what is deep inside": mapping(TEXT, a=node("ListNode", "builtins", "list", content=[SYSTEM])),
    "what says nothing of itself": {"__loader__": "TreeNode", "anywhere": [[SYSTEM]]},
}


@pytest.mark.parametrize("schema", DANGEROUS.values(), ids=DANGEROUS.keys())
def test_names_that_run_commands_are_dangerous(tmp_path: Path, schema: Node) -> None:
    findings = found(tmp_path, schema)

    assert "dangerous" in {finding.severity for finding in findings}
    assert {finding.path for finding in findings} == {"model.skops!schema.json"}


def generator(name: object) -> Node:
    state = mapping(TEXT, bit_generator=node("JsonNode", "builtins", "str", content=name))
    return node(
        "RandomGeneratorNode",
        *("numpy.random._generator", "Generator"),
        content={"bit_generator": state, "seed_seq": mapping(TEXT)},
    )


HARMLESS_LIST = node("ListNode", "builtins", "list", content=[])
SUSPICIOUS = {
    "an unknown class": node("ObjectNode", "acme.models", "Net"),
    "an unknown function": node("FunctionNode", "acme.models", "net"),
    "a class that is called": node("ConstructorFromReduceNode", "sklearn.svm._classes", "SVC"),
    "an unknown loader": node("AcmeNode", "builtins", "list"),
    "a name that is no text": {"__loader__": "ObjectNode", "__module__": ["os"], "__class__": 1},
    "a method": node(
        "MethodNode",
        *("sklearn.svm._classes", "SVC"),
        content={"func": "fit", "obj": node("ObjectNode", "sklearn.svm._classes", "SVC")},
    ),
    "a maker that calls what it is given": node(
        "ConstructorFromReduceNode", "copyreg", "_reconstructor", content=texts()
    ),
    "keys made by a function": mapping(node("FunctionNode", "numpy", "log1p"), a=texts()),
    "keys made by who knows what": {**mapping(TEXT), "key_types": texts()},
    "a generator of something else": generator('"seed"'),
    "a generator of nothing": generator(None),
    "a number that means two parts": mapping(
        TEXT, a={**HARMLESS_LIST, "__id__": 1}, b={**texts(), "__id__": 1}
    ),
    "a list that stands for what makes keys": mapping(
        TEXT,
        a={**HARMLESS_LIST, "content": [node("FunctionNode", "numpy", "log1p")], "__id__": 1},
        b={**mapping(TEXT), "key_types": {**HARMLESS_LIST, "__id__": 1}},
    ),
}


@pytest.mark.parametrize("schema", SUSPICIOUS.values(), ids=SUSPICIOUS.keys())
def test_what_honest_files_never_hold_is_suspicious(tmp_path: Path, schema: Node) -> None:
    assert {finding.severity for finding in found(tmp_path, schema)} == {"suspicious"}


def test_a_partial_of_a_harmless_function_is_not_clean(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(FunctionTransformer(partial(np.log1p)), path)

    assert scan_file(path, path.name) != ()


def test_what_skops_itself_does_not_trust_is_found(tmp_path: Path) -> None:
    """The same file as skops would load it, so that the crafted ones above mean something."""
    schema = {**DANGEROUS["a constructor"], "protocol": 2}

    assert skops.io.get_untrusted_types(data=archive(schema)) == ["os.system"]
    assert verdict(tmp_path, archive(schema), "notes.txt") == "dangerous"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[" * 100_000,
        b"[" + b"[]," * 2_000_001 + b"[]]",
        b'"' + b" " * (64 * 1024 * 1024) + b'"',
        json.dumps({"__loader__": "JsonNode", "a": None}).encode()[:-5] + b"9" * 5000 + b"}",
    ],
    ids=["cut", "deep", "many", "long", "a long number"],
)
def test_a_schema_that_cannot_be_read_is_suspicious(tmp_path: Path, content: bytes) -> None:
    (finding,) = scanned(tmp_path, zipped({"schema.json": content}), "model.skops")

    assert (finding.severity, finding.what) == ("suspicious", "a schema that cannot be read")


def test_values_nested_as_deeply_as_json_allows_are_compared_without_recursion(
    tmp_path: Path,
) -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    part = {"__loader__": "JsonNode", "__module__": deep, "__class__": deep, "__id__": 1}

    assert found(tmp_path, {"__loader__": "TreeNode", "parts": [part, part]}) == ()


@pytest.mark.parametrize("schema", [[SYSTEM], {"type": "object", "properties": {}}, 1, None])
def test_a_schema_of_somebody_else_is_none_of_skops(tmp_path: Path, schema: object) -> None:
    assert scanned(tmp_path, archive(schema), "data.zip") == ()


def test_an_object_array_inside_is_found(tmp_path: Path) -> None:
    raw = io.BytesIO()
    np.save(raw, np.array([eval], dtype=object), allow_pickle=True)

    findings = scanned(tmp_path, archive(HARMLESS_LIST, **{"1.npy": raw.getvalue()}), "m.skops")

    assert [(f.path, f.what) for f in findings] == [("m.skops!1.npy", "builtins.eval")]


def saved(array: Any) -> bytes:
    raw = io.BytesIO()
    np.save(raw, array, allow_pickle=False)
    return raw.getvalue()


KINDS = st.one_of(
    arrays.scalar_dtypes(),
    arrays.nested_dtypes(),
    st.sampled_from(["V8", "f16", "c32", "U0", "S0", "M8[25s]", [("O", "<f8"), ("object", "u1")]]),
).map(np.dtype)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=KINDS, shape=arrays.array_shapes(min_dims=0, max_side=40), data=st.data())
def test_numbers_are_no_pickle_whatever_they_spell(
    tmp_path: Path, kind: np.dtype[Any], shape: tuple[int, ...], data: st.DataObject
) -> None:
    size = int(np.prod(shape)) * kind.itemsize
    beginning = data.draw(st.sampled_from([b"", EVIL, b"\x80\x04N\x82\x01.", b"cos\nsystem\n"]))
    raw = (beginning + data.draw(st.binary(max_size=64)) + b"(N." * size)[:size]
    assume(b"PK" not in raw)  # a zip archive may end any file, and is looked into
    empty = saved(np.zeros(shape, kind))

    array = empty[: len(empty) - size] + raw

    assert verdict(tmp_path, array, "1.npy") == "clean"


@pytest.mark.parametrize("descr", ["'|O'", "'i4,O'", r"'|\x4f'", "'|' 'O'", "[('a', 'O')]"])
def test_objects_are_looked_into_however_the_header_spells_them(tmp_path: Path, descr: str) -> None:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n".encode()
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + EVIL

    assert verdict(tmp_path, raw, "1.npy") == "dangerous"


def test_more_names_than_can_be_judged_are_suspicious(tmp_path: Path) -> None:
    parts = [node("TypeNode", "sklearn.svm", f"Net{number}") for number in range(10_001)]
    parts.append(SYSTEM)  # read first, and not forgotten over all the others

    findings = found(tmp_path, node("ListNode", "builtins", "list", content=parts))

    assert [finding.what for finding in findings] == ["os.system", "more than was looked at"]


def test_a_packed_archive_is_looked_into(tmp_path: Path) -> None:
    content = zipped({"schema.json": json.dumps(SYSTEM).encode()}, zipfile.ZIP_DEFLATED)

    assert verdict(tmp_path, content, "model.skops") == "dangerous"
