"""What a model's class says about it, without importing anything."""

from __future__ import annotations


def comes_from(model: object, *packages: str) -> bool:
    """Whether the model's class, or one it inherits from, is defined in one of the packages."""
    return any(
        _is_within(kind.__module__, package) for kind in type(model).__mro__ for package in packages
    )


def inherits(model: object, *names: str) -> bool:
    """Whether the model's class, or one it inherits from, has one of these full names."""
    return any(full_name(kind) in names for kind in type(model).__mro__)


def full_name(kind: type) -> str:
    """``module.Class``."""
    return f"{kind.__module__}.{kind.__qualname__}"


def class_name(model: object) -> str:
    """The full name of the model's class."""
    return full_name(type(model))


def reference(model: object) -> str:
    """The model's class as entry points write it: ``module:Class``."""
    kind = type(model)
    return f"{kind.__module__}:{kind.__qualname__}"


def nearest(model: object, names: tuple[str, ...]) -> str | None:
    """The first of the model's classes, itself first, whose full name is among these."""
    return next((full_name(kind) for kind in type(model).__mro__ if full_name(kind) in names), None)


def top(name: str) -> str:
    """The package that a full name begins with."""
    return name.partition(".")[0]


def _is_within(module: object, package: str) -> bool:
    # A class may lie about its module, or say nothing.
    return isinstance(module, str) and (module == package or module.startswith(f"{package}."))
