"""What a pickle would import and call, whatever it does to hide it. Nothing is loaded here."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hazards import crafted
from hazards.crafted import EVIL, call, imported, scanned, text, verdict

# Each was once a way past picklescan or another scanner.
BYPASSES = {
    "a plain call": EVIL,
    "another protocol": call("os", "system", "true"),
    "eval": call("builtins", "eval", "1"),
    "an import of builtins": call("builtins", "__import__", "os"),
    "getattr": call("builtins", "getattr", "a", "b"),
    "importlib": call("importlib", "import_module", "os"),
    "pip": call("pip", "main", "install"),
    "pip's inside": call("pip._internal.cli.main", "main", "install"),
    "a nested pickle": call("pickle", "loads", "x"),
    "a nested pickle in C": call("_pickle", "loads", "x"),
    "numpy's f2py": call("numpy.f2py.crackfortran", "getlincoef", "1", "2"),
    "numpy's tests": call("numpy.testing._private.utils", "runstring", "1", "{}"),
    "numpy's loader": call("numpy", "load", "x"),
    "numpy's reconstruction of functions": call("numpy.core", "_ufunc_reconstruct", "os", "system"),
    "torch's configuration": call("torch.utils._config_module", "ConfigModule.load_config", "x"),
    "torch's loader": call("torch", "load", "x"),
    "torch's inner loader": call("torch.serialization", "load", "x"),
    "torch's hub": call("torch.hub", "load", "x"),
    "torch's bytes": call("torch.storage", "_load_from_bytes", "x"),
    "unittest": call("unittest.mock", "_importer", "os"),
    "asyncio": call("asyncio.unix_events", "_UnixSubprocessTransport._start", "x"),
    "a resolver of names": call("pkgutil", "resolve_name", "os:system"),
    "a part of a function": call("functools", "partial", "x"),
    "a caller of methods": call("operator", "methodcaller", "x"),
    "pandas' loader": call("pandas", "read_pickle", "x"),
    "joblib's loader": call("joblib", "load", "x"),
    "scikit-learn's old joblib": call("sklearn.externals.joblib", "load", "x"),
    "a log file": call("logging", "FileHandler", "x"),
    "uuid's commands": call("uuid", "_get_command_stdout", "x"),
    "a name with dots in an honest package": call("sklearn.base", "warnings.sys.modules"),
    "an honest class called": call("xgboost.core", "Booster", "file"),
    "a class of a subprocess in an honest module": call("sklearn.pipeline", "Popen", "true"),
    "a function of an honest module": call("sklearn.metrics._classification", "np", "x"),
    "bound by INST": b"(S'true'\niposix\nsystem\n.",
    "bound by OBJ": b"(cposix\nsystem\nS'true'\no.",
    "made by NEWOBJ": b"\x80\x02csubprocess\nPopen\n)\x81.",
    "an extension": b"\x80\x02\x82\x01)R.",
    "an extension of two bytes": b"\x80\x02\x83\x01\x01)R.",
    "an extension of four bytes": b"\x80\x02\x84\x01\x01\x01\x01)R.",
    "broken after the call": EVIL[:-1] + b"\xff\xff\xff",
    "ended after the call": EVIL[:-1],
    "a second pickle": pickle.dumps({"a": 1}) + EVIL,
    "data behind it": EVIL + bytes(range(256)),
    "Python 2's names": b"c__builtin__\neval\n(S'1'\ntR.",
    "Python 2's commands": b"ccommands\ngetoutput\n(S'true'\ntR.",
    "a memo fetched by a number it was not put under": (
        b"\x80\x04" + text("collections") + b"q\x05" + text("posix") + b"q\x07"
        b"0" + text("system") + b"q\x08" + b"00h\x07h\x08\x93" + text("true") + b"\x85R."
    ),
    "a memo overwritten": (
        b"\x80\x04" + text("collections") + b"q\x000" + text("posix") + b"q\x000"
        b"h\x00" + text("system") + b"\x93" + text("true") + b"\x85R."
    ),
    "a name from a tuple's memo": b"\x80\x04)\x94" + text("system") + b"\x93.",
    "names between a mark and its end": (
        b"\x80\x04(" + text("posix") + b"1" + text("posix") + text("system") + b"\x93"
        + text("true") + b"\x85R."
    ),
    "a name duplicated": b"\x80\x04" + text("code") + b"2\x93" + text("x") + b"\x85R.",
    "an honest class altered": imported("sklearn.base", "BaseEstimator") + b"}b.",
    "an entry of a class": imported("sklearn.base", "BaseEstimator") + text("a") + b"Ns.",
    "a maker that calls what another call made": (
        b"\x80\x04" + imported("numpy.random._pickle", "__generator_ctor") + text("x")
        + imported("sklearn.metrics._scorer", "_Scorer") + b")\x81\x86R."
    ),
    "a base that is no type of Python's own": (
        b"\x80\x04" + imported("copyreg", "_reconstructor") + imported("sklearn.base", "A")
        + imported("sklearn.base", "B") + b"N\x87R."
    ),
    "joblib's wrapper made by another": (
        b"\x80\x04" + imported("copyreg", "_reconstructor")
        + imported("joblib.numpy_pickle", "NumpyArrayWrapper") + imported("builtins", "object")
        + b"N\x87R."
    ),
    "items for what is no container": (
        imported("sklearn.pipeline", "Pipeline") + b")\x81" + text("a") + b"Ns."
    ),
    "a distribution that executes its own state": (
        b"\x80\x04" + imported("scipy.stats._continuous_distns", "uniform_gen") + b")\x81}"
        + text("_parse_arg_template") + text("print(1)") + b"sb."
    ),
    "a maker that calls what it is given": (
        b"\x80\x04" + imported("numpy.random._pickle", "__generator_ctor") + text("x")
        + imported("sklearn.base", "clone") + b"\x86R."
    ),
    "the call of something called": (
        b"\x80\x04" + imported("collections", "OrderedDict") + b")R" + b")R."
    ),
    "a module whose name is no name": call("os ", "system", "true"),
    "more than the scanner follows": b"\x80\x04" + b"N" * 600_000 + EVIL,
    "a number in C's notation": b"I0x10\n0" + EVIL,
    "a number that no number is in Python": b"\x80\x02]q\x050g5\0junk\n0" + EVIL,
    "a number behind spaces": b"\x80\x02]q\x050g" + b" " * 70_000 + b"5\n0" + EVIL,
    "a second pickle behind a frame": (
        b"\x80\x04\x95" + struct.pack("<Q", 4) + b"N.\xff\xff" + EVIL
    ),
    "a frame that lies": b"\x80\x04\x95" + struct.pack("<Q", 1) + call("os", "system", "x")[2:],
}  # fmt: skip


@pytest.mark.parametrize("way", BYPASSES)
@pytest.mark.parametrize("name", ["model.pkl", "model.pt", "weights.bin", "notes.txt", "noname"])
def test_no_known_way_past_scanners_is_clean(tmp_path: Path, way: str, name: str) -> None:
    assert verdict(tmp_path, BYPASSES[way], name) != "clean"


@pytest.mark.parametrize(
    ("module", "name"), [("os", "system"), ("subprocess", "Popen"), ("builtins", "exec")]
)
def test_what_picklescan_knows_is_dangerous_and_named(
    tmp_path: Path, module: str, name: str
) -> None:
    (finding,) = scanned(tmp_path, call(module, name, "x"))

    assert finding.severity == "dangerous"
    assert finding.what == f"{module}.{name}"
    assert "picklescan" in str(finding.why)


def test_what_only_fickling_knows_is_dangerous_where_it_is_installed(tmp_path: Path) -> None:
    (finding,) = scanned(tmp_path, call("importlib", "import_module", "os"))

    assert finding.severity == "dangerous"
    assert "fickling" in str(finding.why)


def test_what_nobody_knows_is_suspicious(tmp_path: Path) -> None:
    (finding,) = scanned(tmp_path, call("acme.models", "Net"))

    assert finding.severity == "suspicious"
    assert finding.what == "acme.models.Net"


def test_a_pickle_that_ends_early_is_suspicious_and_says_why(tmp_path: Path) -> None:
    whole = pickle.dumps({"weights": list(range(100))})

    (finding,) = scanned(tmp_path, whole[:-10])

    assert finding.severity == "suspicious"
    assert "cannot be read to its end" in str(finding.why)


@pytest.mark.parametrize(
    "content",
    [
        b"cat\ndog\nmouse\n",
        b"class Model:\n    pass\n",
        b"configuration\nof the model\n",
        b"(a text in brackets)",
        b"Import os\n",
        b"0.1 0.2\n0.3 0.4\n",
        b"",
        b"\n",
        bytes(10_000),
        bytes(range(256)) * 10,
    ],
)
@pytest.mark.parametrize("name", ["README.md", "train.py", "vocab.txt", "noname"])
def test_what_is_no_pickle_is_clean(tmp_path: Path, content: bytes, name: str) -> None:
    assert verdict(tmp_path, content, name) == "clean"


def test_many_harmless_oddities_do_not_push_out_the_dangerous_one(tmp_path: Path) -> None:
    odd = b"".join(call(f"acme.module{number}", "Net") for number in range(1000))

    findings = scanned(tmp_path, odd + EVIL)

    assert len(findings) <= 100
    assert any(finding.severity == "dangerous" for finding in findings)


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_without_a_crash(tmp_path: Path, content: bytes) -> None:
    for name in ("model.pkl", "model.onnx", "saved_model.pb", "config.json", "x.jinja"):
        crafted.verdict(tmp_path, content, name)


HEADS = [
    b"GGUF\x03\x00\x00\x00", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9",
    b"\xfd7zXZ\x00", b"\x78\x9c", b"\x89HDF\r\n\x1a\n", b"\x80\x04", b"\x80\x02(", b"7z\xbc\xaf",
]  # fmt: skip


@given(st.sampled_from(HEADS), st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_behind_a_known_beginning_are_read_without_a_crash(
    tmp_path: Path, head: bytes, content: bytes
) -> None:
    crafted.verdict(tmp_path, head + content)


@pytest.mark.parametrize("name", ["weights.bin", "model.safetensors"])
@pytest.mark.parametrize("extension", [b"\x82\x07", b"\x83\x07\x07", b"\x84\x07\x07\x07\x07"])
def test_raw_numbers_that_begin_like_an_extension_are_clean_unless_it_is_called(
    tmp_path: Path, extension: bytes, name: str
) -> None:
    assert verdict(tmp_path, extension + b"\xff" * 100, name) == "clean"
    assert verdict(tmp_path, extension + b")R" + b"\xff" * 100, name) == "suspicious"
    assert verdict(tmp_path, extension + b".", name) == "suspicious"
