"""What the names that a pickle imports mean.

Three questions, in this order: is it known to do harm, is it known as a part of honest models,
or is it unknown? The first is answered by picklescan, and by fickling where that is installed;
Lading keeps no list of its own of what does harm. The second is answered here, by exact names and
by packages whose classes are expected, each with the most that a pickle may do with it. Whatever
is in neither is suspicious: lists of what does harm have always been incomplete.

fickling can only make a verdict worse, so that ``clean`` does not depend on what is installed.
"""

from __future__ import annotations

import io
import re
import struct
from functools import cache, lru_cache
from typing import Final, NamedTuple

from lading.hazards.findings import DANGEROUS, SUSPICIOUS, Severity
from lading.hazards.signs import WRAPPER, Global, Use, Way

_RANK: Final = {Way.REFER: 0, Way.MAKE: 1, Way.CALL: 2}


class Judgement(NamedTuple):
    """Why something was found."""

    what: str
    severity: Severity
    why: str


def judge(use: Use, protocol: int) -> Judgement | None:
    """What there is to say against one use of one name; None where nothing is."""
    if use.what is None:
        return _nameless(use.way)
    name = _renamed(use.what, protocol)
    most = _harmless(name)
    if why := _HONEST_BUT_UNSEEN.get(str(name)):
        return Judgement(str(name), SUSPICIOUS, why)
    danger = _harmful(name) or _harmful(use.what)
    if danger and (most is None or danger == "picklescan"):
        return Judgement(str(name), DANGEROUS, f"{danger} knows it to run code or touch files")
    if most is None:
        why = f"it {use.way.value} what no known model format needs"
        return Judgement(str(name), SUSPICIOUS, why)
    return _misused(name, use, most)


def _misused(name: Global, use: Use, most: Way) -> Judgement | None:
    """What honest models hold can still be used as they never do."""
    if use.way is Way.ALTER:
        return Judgement(str(name), SUSPICIOUS, "it changes what it imports")
    if use.way is Way.FILL:
        known = name.module in _CONTAINERS or str(name) in _CONTAINERS
        why = "it puts items into what is no container, which calls its methods"
        return None if known else Judgement(str(name), SUSPICIOUS, why)
    if _RANK[use.way] > _RANK[most]:
        why = f"it {use.way.value} what honest pickles only {_verb(most)}"
        return Judgement(str(name), SUSPICIOUS, why)
    return _arguments(name, use) if use.way is Way.CALL else None


def _nameless(way: Way) -> Judgement:
    if way is Way.UNKNOWN:
        return Judgement(
            "an import without a name", SUSPICIOUS, "what is imported is made up while it loads"
        )
    return Judgement(
        "a call without a name", SUSPICIOUS, f"it {way.value} something that another call made"
    )


def _verb(most: Way) -> str:
    return "refer to" if most is Way.REFER else "make without calling it"


def _arguments(name: Global, use: Use) -> Judgement | None:
    """Some makers call what they are given: then that must be harmless to call, too."""
    if WRAPPER in use.arguments:
        return Judgement(str(WRAPPER), SUSPICIOUS, "it is made in a way that joblib never does")
    place = _CALLS_ITS_ARGUMENT.get(str(name))
    if place is None or len(use.arguments) <= place:
        return None
    inner = use.arguments[place]
    if inner is True:
        return Judgement(str(name), SUSPICIOUS, "it calls something that another call made")
    if isinstance(inner, Global) and _harmless(_renamed(inner, 0)) is not Way.CALL:
        return Judgement(str(name), SUSPICIOUS, f"it calls {inner}")
    return None


def _renamed(name: Global, protocol: int) -> Global:
    """The name in Python 3 of what a pickle of Python 2 says."""
    if protocol >= 3:
        return name
    import _compat_pickle  # where pickle itself keeps these

    pair = _compat_pickle.NAME_MAPPING.get((name.module, name.name))
    if pair:
        return Global(*pair)
    return Global(_compat_pickle.IMPORT_MAPPING.get(name.module, name.module), name.name)


# What does harm: asked of others, one name at a time, through what they publish.


@lru_cache(4096)
def _harmful(name: Global) -> str | None:
    """Who says that this does harm."""
    if len(name.module) > 1000 or len(name.name) > 1000:
        return None
    from picklescan.scanner import SafetyLevel, scan_pickle_bytes

    result = scan_pickle_bytes(io.BytesIO(_pickle_of(name)), "")
    if any(item.safety is SafetyLevel.Dangerous for item in result.globals):
        return "picklescan"
    if _harmless(name) is None and _fickling_objects(name):
        return "fickling"
    return None


def _pickle_of(name: Global) -> bytes:
    """A pickle that imports this name and does nothing else; it is read, never loaded."""
    texts = [text.encode("utf-8", "surrogatepass") for text in (name.module, name.name)]
    return (
        b"\x80\x04"
        + b"".join(b"X" + struct.pack("<I", len(text)) + text for text in texts)
        + b"\x93."
    )


def _fickling_objects(name: Global) -> bool:
    if not (name.module.isascii() and name.name.isascii()):
        return False
    try:
        from fickling.analysis import Analyzer, Severity, UnsafeImports, UnsafeImportsML
        from fickling.fickle import Pickled
    except ImportError:
        return False
    analyzer = _fickling_analyzer(Analyzer, UnsafeImports, UnsafeImportsML)
    try:
        results = analyzer.analyze(Pickled.load(_pickle_of(name)))
    except (ValueError, SyntaxError, IndexError, KeyError, TypeError, AttributeError):
        return False  # a name that it cannot read stays unknown, and therefore suspicious
    return bool(results.severity >= Severity.LIKELY_OVERTLY_MALICIOUS)


@cache
def _fickling_analyzer(analyzer: type, *analyses: type):  # type: ignore[no-untyped-def]  # fickling's
    return analyzer(kind() for kind in analyses)


def scanner() -> str:
    """Who looked, for the record."""
    from importlib.metadata import PackageNotFoundError, version

    import lading

    names = [f"lading {lading.__version__}"]
    for package in ("picklescan", "fickling"):
        try:
            names.append(f"{package} {version(package)}")
        except PackageNotFoundError:  # fickling is an extra
            continue
    return ", ".join(names)


# What honest models hold.

_IDENTIFIER: Final = r"[^\W\d]\w*"
_CLASS: Final = r"_?[A-Z]\w*"


@lru_cache(4096)
def _harmless(name: Global) -> Way | None:
    """The most that an honest pickle does with this name; None where none has it."""
    text = str(name)
    if "." in name.name:
        return None
    if (most := _EXACT.get(text)) is not None:
        return most
    return next((most for most, pattern in _PATTERNS if pattern.fullmatch(text)), None)


def _exact(most: Way, module: str, names: str) -> dict[str, Way]:
    return {f"{module}.{name}": most for name in names.split()}


# fickling calls these dangerous, and they can be; but tensors in plain pickles are written so.
_HONEST_BUT_UNSEEN: Final = {
    "torch.storage._load_from_bytes": "it unpickles bytes that were not looked into",
}

# Called with whatever the file says, these build values and do nothing else. Rejected although
# honest files hold them: torch.storage._load_from_bytes (unpickles its argument),
# numpy.core._ufunc_reconstruct (imports what it is told), functools.partial, builtins.getattr,
# builtins.map and filter (call their argument), the distributions of scipy.stats (they execute a
# text of their own state when it is set). Those files are worth a look by a person.
_EXACT: Final[dict[str, Way]] = {
    **_exact(
        Way.CALL,
        "builtins",
        "bool bytearray bytes complex dict float frozenset int list object range set slice str"
        " tuple",
    ),
    **_exact(Way.CALL, "collections", "Counter OrderedDict defaultdict deque"),
    **_exact(Way.CALL, "copyreg", "_reconstructor __newobj__"),
    **_exact(Way.CALL, "_codecs", "encode"),  # bytes in protocols below 3
    **_exact(Way.CALL, "datetime", "date datetime time timedelta timezone"),
    **_exact(Way.CALL, "decimal", "Decimal"),
    **_exact(Way.CALL, "fractions", "Fraction"),
    **_exact(Way.MAKE, "argparse", "Namespace"),
    **_exact(Way.CALL, "numpy", "dtype ndarray"),
    **_exact(
        Way.REFER,
        "numpy",
        "bool bool_ int8 int16 int32 int64 intp uint8 uint16 uint32 uint64 float16 float32 float64"
        " longdouble complex64 complex128 str_ bytes_ object_ datetime64 timedelta64"
        # What FunctionTransformer and pooling are given most: functions of numbers.
        " abs absolute exp expm1 log log10 log1p log2 max mean median min sign sqrt square std"
        " sum tanh var",
    ),
    **{
        f"numpy.{core}.{name}": Way.CALL
        for core in ("core", "_core")
        for name in ("multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer")
    },
    **_exact(Way.CALL, "numpy.ma.core", "_mareconstruct"),
    **_exact(Way.REFER, "numpy.ma", "MaskedArray"),
    **_exact(Way.REFER, "numpy.ma.core", "MaskedArray"),
    **_exact(
        Way.CALL, "numpy.random._pickle", "__bit_generator_ctor __generator_ctor __randomstate_ctor"
    ),
    **_exact(Way.CALL, "numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
    **_exact(Way.CALL, "numpy.random._mt19937", "MT19937"),
    **_exact(Way.CALL, "numpy.random._pcg64", "PCG64 PCG64DXSM"),
    **_exact(Way.CALL, "numpy.random._philox", "Philox"),
    **_exact(Way.CALL, "numpy.random._sfc64", "SFC64"),
    **_exact(Way.REFER, "numpy.random.bit_generator", "SeedSequence"),
    str(WRAPPER): Way.MAKE,
    **_exact(Way.CALL, "sklearn.tree._tree", "Tree"),
    **_exact(Way.CALL, "pandas.core.indexes.base", "_new_Index"),
    **_exact(Way.CALL, "pandas.core.indexes.datetimes", "_new_DatetimeIndex"),
    **_exact(Way.CALL, "pandas.core.internals.managers", "BlockManager SingleBlockManager"),
    **_exact(Way.CALL, "pandas._libs.internals", "_unpickle_block"),
    **_exact(Way.CALL, "pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"),
    **_exact(Way.CALL, "pandas._libs.tslibs.timestamps", "_unpickle_timestamp"),
    **_exact(Way.CALL, "pandas", "StringDtype"),
    **_exact(Way.CALL, "pandas.core.arrays.string_", "StringDtype"),
    **_exact(Way.CALL, "pyarrow.lib", "_restore_array py_buffer type_for_alias"),
    **_exact(
        Way.CALL,
        "torch._utils",
        "_rebuild_parameter _rebuild_qtensor _rebuild_sparse_tensor _rebuild_tensor"
        " _rebuild_tensor_v2 _rebuild_tensor_v3",
    ),
    **_exact(Way.CALL, "torch._tensor", "_rebuild_from_type_v2"),
    **_exact(Way.CALL, "torch", "Size device"),
    **_exact(Way.CALL, "torch.serialization", "_get_layout"),
    **_exact(
        Way.REFER,
        "torch",
        "BFloat16Storage BoolStorage ByteStorage CharStorage ComplexDoubleStorage"
        " ComplexFloatStorage DoubleStorage FloatStorage HalfStorage IntStorage LongStorage"
        " QInt32Storage QInt8Storage QUInt2x4Storage QUInt4x2Storage QUInt8Storage ShortStorage"
        " Tensor bfloat16 bool complex128 complex64 float16 float32 float64 int16 int32 int64 int8"
        " uint8 float8_e4m3fn float8_e5m2 per_tensor_affine per_channel_affine",
    ),
    **_exact(Way.REFER, "torch.storage", "TypedStorage UntypedStorage"),
    **_exact(Way.REFER, "torch.nn.parameter", "Parameter"),
    # What TorchScript's own reader, which is not Python's, is told in data.pkl.
    **_exact(
        Way.CALL,
        "torch.jit._pickle",
        "build_boollist build_doublelist build_intlist build_tensor_from_id build_tensorlist"
        " restore_type_tag",
    ),
    **_exact(
        Way.CALL,
        "transformers.trainer_utils",
        "FSDPOption HubStrategy IntervalStrategy SaveStrategy SchedulerType",
    ),
    **_exact(Way.CALL, "transformers.training_args", "OptimizerNames"),
    **_exact(Way.MAKE, "transformers.training_args", "TrainingArguments"),
    **_exact(Way.MAKE, "transformers.training_args_seq2seq", "Seq2SeqTrainingArguments"),
    **_exact(Way.MAKE, "transformers.trainer_pt_utils", "AcceleratorConfig"),
    **_exact(Way.MAKE, "accelerate.state", "PartialState"),
    **_exact(Way.CALL, "accelerate.utils.dataclasses", "DistributedType"),
    **_exact(Way.MAKE, "polars.dataframe.frame", "DataFrame"),
    **_exact(Way.MAKE, "polars.series.series", "Series"),
}

# Whose items a pickle sets; other classes have methods of that name that do as they please.
_CONTAINERS: Final = ("builtins", "collections", "copyreg", "sklearn.utils._bunch.Bunch")

# Makers that call one of their arguments, and which.
_CALLS_ITS_ARGUMENT: Final = {
    "copyreg._reconstructor": 1,
    "numpy.random._pickle.__bit_generator_ctor": 0,
    "numpy.random._pickle.__generator_ctor": 1,
    "numpy.random._pickle.__randomstate_ctor": 1,
    "torch._tensor._rebuild_from_type_v2": 0,
}

_SKLEARN: Final = (
    r"sklearn\.(_loss|base|calibration|cluster|compose|covariance|cross_decomposition|"
    r"decomposition|discriminant_analysis|dummy|ensemble|feature_extraction|feature_selection|"
    r"frozen|gaussian_process|impute|isotonic|kernel_approximation|kernel_ridge|linear_model|"
    r"manifold|metrics|mixture|model_selection|multiclass|multioutput|naive_bayes|neighbors|"
    r"neural_network|pipeline|preprocessing|random_projection|semi_supervised|svm|tree|"
    r"utils\._bunch)"
)
_INSIDE: Final = rf"(\.{_IDENTIFIER})*"

# Whole packages whose classes are expected: made without calling them (NEWOBJ does not run
# __init__) and filled. A class in CamelCase can still be one that the module only imported, such
# as Popen, so calling one is always reported but for the compiled ones that are pickled that way,
# and functions there may be referred to (SelectKBest holds f_classif) but never called.
_PATTERNS: Final = tuple(
    (most, re.compile(pattern))
    for most, pattern in (
        (Way.CALL, r"sklearn\._loss\._loss\.(Cy|__pyx_unpickle_Cy)\w+"),
        (Way.CALL, r"sklearn\.linear_model\._sgd_fast\.[A-Z]\w+"),
        (Way.CALL, r"sklearn\.(neighbors|metrics)\.\w+\.(newObj|__pyx_unpickle_\w+)"),
        (Way.MAKE, rf"{_SKLEARN}{_INSIDE}\.{_CLASS}"),
        (Way.REFER, rf"sklearn\.(metrics|feature_selection){_INSIDE}\._\w+\.{_IDENTIFIER}"),
        (Way.REFER, r"sklearn\.cluster\._kmeans\._kmeans_single_\w+"),
        (Way.MAKE, rf"imblearn\.(combine|ensemble|over_sampling|pipeline|under_sampling)"
                   rf"{_INSIDE}\.{_CLASS}"),
        (Way.MAKE, r"scipy\.sparse\._?\w+\.[a-z]{3}_(matrix|array)"),
        (Way.MAKE, rf"scipy\.(interpolate|spatial)\._\w+\.{_CLASS}"),
        (Way.REFER, r"scipy\._lib\.array_api_compat\.numpy\._aliases\.\w+"),
        (Way.MAKE, rf"xgboost\.(core\.Booster|sklearn\.{_CLASS})"),
        (Way.MAKE, rf"lightgbm\.(basic\.Booster|sklearn\.{_CLASS})"),
        (Way.MAKE, r"catboost\.core\.CatBoost\w*"),
        (Way.MAKE, rf"pandas(\.arrays|\.core\.(arrays|dtypes|indexes|frame|series){_INSIDE})?"
                   rf"\.{_CLASS}"),
        (Way.MAKE, rf"torch\.nn\.modules\.{_IDENTIFIER}\.{_CLASS}"),
        (Way.REFER, r"torch\.nn\.functional\.[a-z]\w*"),
        (Way.MAKE, rf"torch\.optim\.{_IDENTIFIER}\.{_CLASS}"),
        (Way.MAKE, rf"transformers\.models\.\w+\.configuration_\w+\.{_CLASS}"),
    )
)  # fmt: skip
