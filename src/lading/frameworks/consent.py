"""Nothing that came with a model is run unless the caller said so."""

from __future__ import annotations

from lading.errors import PolicyRefused


def require(allowed: bool, what: str, *, because: str, hint: str | None = None) -> None:
    """Go on only if the caller allows code of the model to run.

    Raises:
        PolicyRefused: ``allowed`` is false.
    """
    if not allowed:
        raise PolicyRefused(
            what,
            cause=because,
            hint=hint or "allow_pickle=True, if you trust whoever made this model",
        )
