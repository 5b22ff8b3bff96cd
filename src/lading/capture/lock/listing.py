"""A lock as the YAML that other tools' users know: MLflow's ``python_env.yaml``, conda's file."""

from __future__ import annotations

from typing import Any, Final

from lading.capture.lock.locked import Locked
from lading.capture.lock.requirements import can_be_had, pinned

_BUILDERS: Final = ("pip", "setuptools", "wheel")


def python_env(locked: Locked, python: str | None) -> str:
    """The list of pins that MLflow writes beside a model."""
    pins = {package.name: pinned(package) for package in locked.packages}
    value: dict[str, Any] = {"python": python} if python else {}
    value["build_dependencies"] = [pins.get(name, name) for name in _BUILDERS]
    value["dependencies"] = _pins(locked)
    return _yaml(value)


def conda(locked: Locked, python: str | None, name: str) -> str:
    """An ``environment.yml``: Python from conda, every package from pip, as it was."""
    own = [f"python={python}" if python else "python", "pip"]
    return _yaml({"name": name, "dependencies": [*own, {"pip": _pins(locked)}]})


def _pins(locked: Locked) -> list[str]:
    return [
        f"{pinned(package)} ; {package.marker}" if package.marker else pinned(package)
        for package in locked.packages
        if can_be_had(package)
    ]


def _yaml(value: dict[str, Any]) -> str:
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=4096)
    return text
