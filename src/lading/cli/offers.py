"""What a shell may offer for a value: one function for each kind of argument.

They are named where arguments and options are declared, and called only while somebody presses the
tab key; whatever they need is imported then. What they give is filtered in ``cli/completion``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from lading.settings import Settings

# Under these names commands know the model that their other words are about.
_MODEL = ("model", "reference")


def references(incomplete: str) -> Iterable[str]:
    """Models, and the versions and stages of one."""
    from lading.operations import offering

    return offering.references(incomplete, _settings())


def models(incomplete: str) -> Iterable[str]:
    """Models."""
    from lading.operations import offering

    return offering.models(incomplete, _settings())


def stages(context: typer.Context) -> Iterable[str]:
    """The stages of the policy."""
    from lading.operations import offering

    return offering.stages(_settings(policy=context.params.get("policy")))


def stages_or_models(context: typer.Context, incomplete: str) -> Iterable[str]:
    """Stages; as soon as it cannot be one, models."""
    return models(incomplete) if "/" in incomplete or "." in incomplete else stages(context)


def versions(context: typer.Context) -> Iterable[str]:
    """The versions of the model that the command names."""
    from lading.operations import offering

    model = _model(context)
    return offering.versions(model, _settings()) if model else ()


def metrics(context: typer.Context) -> Iterable[str]:
    """Names of metrics, those of the model that the command names first."""
    from lading.operations import offering

    return offering.metrics(_model(context), _settings())


def kinds() -> Iterable[str]:
    """The kinds of events."""
    from typing import get_args

    from lading.spec.event import Kind

    return get_args(Kind)


def one_of(*names: str) -> Callable[[], Iterable[str]]:
    """A fixed choice."""

    def choice() -> Iterable[str]:
        return names

    return choice


def _model(context: typer.Context) -> str | None:
    # Behind an option whose value is missing still, Typer leaves arguments as they are.
    found = (*(context.params.get(name) for name in _MODEL), *context.args)
    return next((name for name in found if isinstance(name, str)), None)


def _settings(**flags: Any) -> Settings:
    from lading.settings import load

    return load(**flags)
