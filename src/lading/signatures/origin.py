"""Which library an object comes from, told by the module of its class: nothing is imported."""

from __future__ import annotations

from typing import Any, Literal

Origin = Literal["pandas", "polars", "arrow", "scipy", "array", "python"]

_LIBRARIES: dict[str, Origin] = {
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "arrow",
    "scipy": "scipy",
    "numpy": "array",
    "torch": "array",
    "tensorflow": "array",
    "jax": "array",
    "jaxlib": "array",
    "cupy": "array",
}


def origin_of(value: Any) -> Origin:
    """The library whose class, or a class derived from one of whose, the object has.

    An unknown object that numpy could take (``__array__``, ``dtype`` and ``shape``) is an array.
    """
    for kind in type(value).__mro__[:-1]:
        if found := _LIBRARIES.get(kind.__module__.partition(".")[0]):
            return found
    if all(hasattr(value, name) for name in ("__array__", "dtype", "shape")):
        return "array"
    return "python"


def class_name(value: Any) -> str:
    """The class of an object with its module, for people."""
    kind = type(value)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
