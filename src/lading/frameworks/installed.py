"""Which frameworks this environment has. Asking imports nothing; requiring imports the module."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from lading.errors import LocalFailure
from lading.spec.packages import normalised

# What pip calls a package, where that is not the name of its module.
_PACKAGES: Final = {
    "sentence_transformers": "sentence-transformers",
    "sklearn": "scikit-learn",
}
# Other packages that give the same module: builds for some machines.
_OTHERS: Final = {
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
    "tensorflow": ("tensorflow-cpu", "tensorflow-macos", "tensorflow-intel"),
    "xgboost": ("xgboost-cpu",),
}
_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.!-]{0,63}")


def package_of(module: str) -> str:
    """The name that pip knows a module's package by."""
    return _PACKAGES.get(module, module)


def is_installed(module: str) -> bool:
    """Whether a top module is here; it is not imported."""
    try:
        return find_spec(module) is not None
    except ValueError:  # imported already, by hand and without a spec
        return True


def missing(module: str, wanted: str | None = None, pins: Iterable[str] = ()) -> LocalFailure:
    """The error for a module that is not here, with the command that installs it.

    ``pins`` are requirements of the model's environment: one of a package that gives the module
    comes before the version that is wanted. They are a registry's, and only plain ones count.
    """
    package = package_of(module)
    providers = (package, *_OTHERS.get(module, ()))
    pinned = {name: pin for name, pin in map(_pinned, pins) if name in providers}
    provider = next((name for name in providers if name in pinned), package)
    version = pinned.get(provider) or _public(wanted or "")
    return LocalFailure(
        f"{package} is not installed",
        cause=f"this model needs the module {module}",
        hint=f"pip install {provider}{f'=={version}' if version else ''}",
    )


def _pinned(requirement: str) -> tuple[str, str]:
    """Name and version of an exact pin; empty where it is another requirement."""
    name, _, version = requirement.partition("==")
    version = _public(version)
    return (normalised(name.strip()), version) if version else ("", "")


def _public(version: str) -> str:
    """A version as indexes have it: without the label of a build (``+cpu``); empty for none."""
    public = version.strip().partition("+")[0]
    return public if _VERSION.fullmatch(public) else ""


def require(module: str) -> Any:
    """The module, imported.

    Raises:
        LocalFailure: it is not installed, or does not import.
    """
    # A server asks for the same module with each request.
    if module not in sys.modules and not is_installed(module.partition(".")[0]):
        raise missing(module.partition(".")[0])
    try:
        return import_module(module)
    except (ImportError, OSError) as error:
        # OSError is what a shared library that does not fit this machine gives.
        raise LocalFailure(
            f"{package_of(module)} is installed, but does not import", cause=str(error)[:300]
        ) from error


def version_of(module: str) -> str:
    """The installed version of the package that gives a top module; empty where none says so."""
    from importlib.metadata import packages_distributions

    # Looking through every package takes a while, and is needed for few: xgboost-cpu is one.
    found = _version(package_of(module))
    others = packages_distributions().get(module, ()) if found is None else ()
    return found or next((there for name in others if (there := _version(name))), "")


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
