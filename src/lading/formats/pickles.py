"""What a pickle of a model tells by its opcodes: joblib's files, compressed ones, plain ones.

Nothing is unpickled. joblib writes the bytes of arrays into the middle of the pickle, behind the
object that stands for the array; whoever does not know that loses the way there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lading.formats.bounds import product
from lading.formats.compressed import decompressed
from lading.formats.cursor import Broken, Cursor, Near
from lading.formats.draft import Draft
from lading.formats.opcodes import Walk
from lading.formats.pickled import Global, Made
from lading.formats.recognise import compression

if TYPE_CHECKING:
    from lading.ports import Window

# Module, and the name that its framework goes by.
FRAMEWORKS: Final = {
    "sklearn": "scikit-learn",
    "imblearn": "scikit-learn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "torch": "pytorch",
    "transformers": "transformers",
    "sentence_transformers": "sentence-transformers",
    "keras": "keras",
    "tensorflow": "tensorflow",
    "statsmodels": "statsmodels",
    "prophet": "prophet",
    "spacy": "spacy",
    "fastai": "fastai",
}
_WRAPPER: Final = "NumpyArrayWrapper"
_STEPS_NAMED: Final = 16
_UNIT: Final = {"U": 4}


def look_at(window: Window, draft: Draft) -> None:
    """Fill in what the opcodes tell.

    Raises:
        Broken: they cannot be followed to the end.
    """
    method = compression(window.read_at(0, 8))
    draft.tell(compression=method)
    walk_over(decompressed(window, method) if method else Cursor(Near(window)), draft)


def walk_over(cursor: Cursor, draft: Draft) -> None:
    """Fill in what the opcodes from here on tell.

    Raises:
        Broken: they cannot be followed to the end.
    """
    walk = Walk(cursor)
    walk.on_built = lambda made: not _skip_array(made, walk)
    try:
        made = walk.run()
    except Broken:
        # What holds everything else was made before the walk ended.
        tell(walk, walk.first, draft)
        raise
    tell(walk, made if isinstance(made, Made) else None, draft)


def tell(walk: Walk, root: Made | None, draft: Draft) -> None:
    """Fill in what was seen on the way."""
    for found in walk.globals:
        draft.name_module(found.module)
    if draft.format == "pickle" and "joblib" in draft.modules:
        draft.format = "joblib"
    draft.tell(protocol=walk.protocol)
    maker = root.maker if root else None
    if isinstance(maker, Global):
        draft.architecture = maker.name
        draft.tell(root=f"{maker.module}.{maker.name}", steps=_steps(root))
    draft.framework = draft.framework or _framework(maker, walk)
    version = walk.watched["_sklearn_version"]
    if isinstance(version, str):
        draft.tell(sklearn_version=version)
        if draft.framework == "scikit-learn":
            draft.framework_version = version


def _framework(maker: object, walk: Walk) -> str | None:
    """Whose object this is; of a model in a list or dictionary, whose is named first."""
    modules = [maker.module] if isinstance(maker, Global) else []
    modules += [found.module for found in walk.globals]
    named = (FRAMEWORKS.get(module.partition(".")[0]) for module in modules)
    return next(filter(None, named), None)


def _steps(root: Made | None) -> list[str]:
    """The classes of a scikit-learn pipeline's steps."""
    state = root.state if root else None
    steps = state.get("steps") if isinstance(state, dict) else None
    if not isinstance(steps, list):
        return []
    makers = [
        step[1].maker
        for step in steps[:_STEPS_NAMED]
        if isinstance(step, tuple) and len(step) == 2 and isinstance(step[1], Made)
    ]
    return [maker.name for maker in makers if isinstance(maker, Global)]


def _skip_array(made: Made, walk: Walk) -> bool:
    """Leave out the bytes of an array, if that is what was built; whether it was."""
    maker, state = made.maker, made.state
    if not isinstance(maker, Global) or maker.name != _WRAPPER or not isinstance(state, dict):
        return False
    if not maker.module.startswith("joblib."):
        return False
    shape, size = state.get("shape"), _item_size(state.get("dtype"))
    if not isinstance(shape, tuple) or not all(type(length) is int for length in shape):
        raise Broken("The shape of an array cannot be told, so nothing behind it was read.")
    if size == 0:
        walk.enter()
        return True
    # Since joblib 1.1 a byte says how many more bring the array to a round offset.
    if state.get("numpy_array_alignment_bytes") is not None:
        walk.cursor.skip(walk.cursor.byte())
    walk.cursor.skip(product(shape) * size)
    return True


def _item_size(dtype: object) -> int:
    """The bytes that one element takes; 0 for an object, which is pickled instead."""
    code = dtype.arguments[0] if isinstance(dtype, Made) and dtype.arguments else None
    if not isinstance(code, str) or not code[1:].isdecimal() or len(code) > 12:
        raise Broken("The type of an array cannot be told, so nothing behind it was read.")
    return 0 if code[0] == "O" else int(code[1:]) * _UNIT.get(code[0], 1)
