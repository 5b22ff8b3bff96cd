"""Lading: any OCI registry is a model registry.

The whole public surface is here, and nothing else is: each name is imported when it is first
used, so that ``import lading`` costs next to nothing. No code lives here.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

# Type checkers take this name for true; importing typing only to learn that it is false
# would cost more than everything else here.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from lading.errors import (
        AccessDenied,
        Conflict,
        IntegrityError,
        InvalidInput,
        LadingError,
        LocalFailure,
        NotFound,
        PolicyRefused,
        Unavailable,
        Unsupported,
    )
    from lading.operations.copy import copy
    from lading.operations.diff import diff
    from lading.operations.doctor import doctor
    from lading.operations.inspect import inspect
    from lading.operations.lineage import lineage
    from lading.operations.list import list_versions
    from lading.operations.login import login, logout
    from lading.operations.open import Opened, open  # noqa: A004  the SDK's word
    from lading.operations.pull import pull
    from lading.operations.push import push
    from lading.operations.remove import remove
    from lading.operations.scan import scan
    from lading.operations.tag import tag
    from lading.operations.verify import verify
    from lading.settings import Settings
    from lading.signatures.compatible import compatible
    from lading.signatures.infer import infer_signature
    from lading.spec.descriptor import Descriptor
    from lading.spec.digest import Digest
    from lading.spec.identity import Identity
    from lading.spec.reference import Reference
    from lading.spec.signature import Column, JsonField, Param, Signature, Tensor
    from lading.spec.version import Version
    from lading.transfer.progress import OnProgress, Progress

__all__ = [
    "AccessDenied",
    "Column",
    "Conflict",
    "Descriptor",
    "Digest",
    "Identity",
    "IntegrityError",
    "InvalidInput",
    "JsonField",
    "LadingError",
    "LocalFailure",
    "NotFound",
    "OnProgress",
    "Opened",
    "Param",
    "PolicyRefused",
    "Progress",
    "Reference",
    "Settings",
    "Signature",
    "Tensor",
    "Unavailable",
    "Unsupported",
    "Version",
    "compatible",
    "copy",
    "diff",
    "doctor",
    "infer_signature",
    "inspect",
    "lineage",
    "list_versions",
    "login",
    "logout",
    "open",
    "pull",
    "push",
    "remove",
    "scan",
    "tag",
    "verify",
]

_ERRORS = "lading.errors"
_SIGNATURE = "lading.spec.signature"
_HOMES = {
    "AccessDenied": _ERRORS,
    "Column": _SIGNATURE,
    "Conflict": _ERRORS,
    "Descriptor": "lading.spec.descriptor",
    "Digest": "lading.spec.digest",
    "Identity": "lading.spec.identity",
    "IntegrityError": _ERRORS,
    "InvalidInput": _ERRORS,
    "JsonField": _SIGNATURE,
    "LadingError": _ERRORS,
    "LocalFailure": _ERRORS,
    "NotFound": _ERRORS,
    "OnProgress": "lading.transfer.progress",
    "Opened": "lading.operations.open",
    "Param": _SIGNATURE,
    "PolicyRefused": _ERRORS,
    "Progress": "lading.transfer.progress",
    "Reference": "lading.spec.reference",
    "Settings": "lading.settings",
    "Signature": _SIGNATURE,
    "Tensor": _SIGNATURE,
    "Unavailable": _ERRORS,
    "Unsupported": _ERRORS,
    "Version": "lading.spec.version",
    "compatible": "lading.signatures.compatible",
    "copy": "lading.operations.copy",
    "diff": "lading.operations.diff",
    "doctor": "lading.operations.doctor",
    "infer_signature": "lading.signatures.infer",
    "inspect": "lading.operations.inspect",
    "lineage": "lading.operations.lineage",
    "list_versions": "lading.operations.list",
    "login": "lading.operations.login",
    "logout": "lading.operations.login",
    "open": "lading.operations.open",
    "pull": "lading.operations.pull",
    "push": "lading.operations.push",
    "remove": "lading.operations.remove",
    "scan": "lading.operations.scan",
    "tag": "lading.operations.tag",
    "verify": "lading.operations.verify",
}

# Hidden from type checkers: with it in sight they would accept any name at all.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'lading' has no attribute {name!r}")
        value = getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
