"""The names that honest models hold, each with the most that a pickle may do with it.

Exact names, and packages whose classes are expected. What is in neither is unknown, which is
suspicious: lists of what does harm have always been incomplete.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from lading.hazards.signs import WRAPPER, Global, Way

_IDENTIFIER: Final = r"[^\W\d]\w*"
_CLASS: Final = r"_?[A-Z]\w*"


@lru_cache(4096)
def harmless(name: Global) -> Way | None:
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
UNSEEN: Final = {
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
CONTAINERS: Final = ("builtins", "collections", "copyreg", "sklearn.utils._bunch.Bunch")

# Makers that call one of their arguments, and which.
CALLS_ITS_ARGUMENT: Final = {
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
