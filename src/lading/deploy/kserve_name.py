"""Names that KServe makes something of, with what it puts around them. Pure."""

from __future__ import annotations

from typing import Final

from lading.deploy.wish import LONGEST, Wish, name_from
from lading.errors import InvalidInput

# What KServe puts around a service's name, in the mode without Knative: pods have the label
# ``app: isvc.NAME-predictor``; their Service is NAME-predictor, and has the host
# NAME-predictor-NAMESPACE.DOMAIN by its usual template. What is too long is refused where only the
# controller's log says it. (With Knative, revisions are NAME-predictor-00001 and their deployments
# NAME-predictor-00001-deployment, which Knative shortens by itself; that mode is not written.)
_IN_LABEL: Final = len("isvc.-predictor")
_IN_HOST: Final = len("-predictor-")
# How long a namespace must be able to be before nobody has to think of it.
_USUAL_NAMESPACE: Final = 24


def longest_name(namespace: str | None) -> int:
    """The most characters of a service's name, beside what KServe puts around it."""
    beside = _IN_HOST + len(namespace) if namespace else _IN_LABEL
    return LONGEST - max(_IN_LABEL, beside)


def room_for_namespace(name: str) -> int | None:
    """The most characters of a namespace beside a name; None where any usual one has room."""
    left = LONGEST - _IN_HOST - len(name)
    return left if left < _USUAL_NAMESPACE else None


def demand_name(wish: Wish) -> None:
    """Refuse a name that KServe makes no deployment of.

    Raises:
        InvalidInput: it is too long, with what KServe appends.
    """
    most = longest_name(wish.namespace)
    if len(wish.name) <= most:
        return
    host = f"{wish.name}-predictor-{wish.namespace or 'NAMESPACE'}"
    if most < 1:
        raise InvalidInput(
            f"no name is short enough for KServe in the namespace {wish.namespace}",
            cause=f"a host is NAME-predictor-{wish.namespace}, {LONGEST} characters at most",
            hint=f"a namespace of {LONGEST - _IN_HOST - len('fraud')} characters or fewer",
        )
    raise InvalidInput(
        f"KServe takes no name of {len(wish.name)} characters here: {wish.name}",
        cause=f"it makes {host} of it, and the label isvc.{wish.name}-predictor: {LONGEST} "
        "characters at most for each",
        hint=f"--name {name_from(wish.name, most)}, or another of {most} or fewer",
    )
