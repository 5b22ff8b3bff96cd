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
    from lading.hooks.signing import verify_webhook
    from lading.operations.assign import assign
    from lading.operations.attach import attach
    from lading.operations.best import best
    from lading.operations.bundle import bundle
    from lading.operations.bundling.documents import unbundle_documents
    from lading.operations.bundling.listing import unbundle_list
    from lading.operations.check_env import check_env
    from lading.operations.clear import clear
    from lading.operations.copy import copy
    from lading.operations.deploy import deploy
    from lading.operations.deploy_check import deploy_check
    from lading.operations.deploy_update import deploy_update
    from lading.operations.deprecate import deprecate
    from lading.operations.diff import diff
    from lading.operations.doctor import doctor
    from lading.operations.evaluate import evaluate
    from lading.operations.event import EventResult, event_show
    from lading.operations.evidence import evidence
    from lading.operations.fetch_evidence import fetch_evidence
    from lading.operations.gc import gc
    from lading.operations.history import history
    from lading.operations.hook import hook_serve
    from lading.operations.image_assemble import image_assemble
    from lading.operations.image_build import image_build
    from lading.operations.image_check import image_check
    from lading.operations.image_dockerfile import image_dockerfile
    from lading.operations.image_sbom import image_sbom
    from lading.operations.init import init
    from lading.operations.inspect import inspect
    from lading.operations.ledger import (
        ledger_adopt,
        ledger_export,
        ledger_repair,
        ledger_show,
        ledger_verify,
    )
    from lading.operations.lineage import lineage
    from lading.operations.list import list_versions
    from lading.operations.load import Loaded, load
    from lading.operations.lock import lock
    from lading.operations.login import login, logout
    from lading.operations.note import note
    from lading.operations.open import Opened, open  # noqa: A004  the SDK's word
    from lading.operations.policy import policy_init, policy_show
    from lading.operations.policy_check import policy_check
    from lading.operations.predict import predict
    from lading.operations.promote import promote
    from lading.operations.publishing.captured import Capture
    from lading.operations.pull import pull
    from lading.operations.push import push
    from lading.operations.record import record_deploy, record_measure
    from lading.operations.remove import remove
    from lading.operations.reproduce import reproduce
    from lading.operations.request import approve, reject, request
    from lading.operations.rollback import rollback
    from lading.operations.save import save
    from lading.operations.scan import scan
    from lading.operations.schema import schema
    from lading.operations.search import search
    from lading.operations.serve import serve
    from lading.operations.status import status
    from lading.operations.tag import tag
    from lading.operations.unbundle import unbundle
    from lading.operations.verify import verify
    from lading.operations.warning import EnvironmentWarning
    from lading.operations.watch import watch
    from lading.operations.where import where
    from lading.settings import Settings
    from lading.signatures.compatible import compatible
    from lading.signatures.infer import infer_signature
    from lading.spec.descriptor import Descriptor
    from lading.spec.digest import Digest
    from lading.spec.reference import Reference
    from lading.spec.signature import Column, JsonField, Param, Signature, Tensor
    from lading.spec.version import Version
    from lading.transfer.progress import OnProgress, Progress

__all__ = [
    "AccessDenied",
    "Capture",
    "Column",
    "Conflict",
    "Descriptor",
    "Digest",
    "EnvironmentWarning",
    "EventResult",
    "IntegrityError",
    "InvalidInput",
    "JsonField",
    "LadingError",
    "Loaded",
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
    "approve",
    "assign",
    "attach",
    "best",
    "bundle",
    "check_env",
    "clear",
    "compatible",
    "copy",
    "deploy",
    "deploy_check",
    "deploy_update",
    "deprecate",
    "diff",
    "doctor",
    "evaluate",
    "event_show",
    "evidence",
    "fetch_evidence",
    "gc",
    "history",
    "hook_serve",
    "image_assemble",
    "image_build",
    "image_check",
    "image_dockerfile",
    "image_sbom",
    "infer_signature",
    "init",
    "inspect",
    "ledger_adopt",
    "ledger_export",
    "ledger_repair",
    "ledger_show",
    "ledger_verify",
    "lineage",
    "list_versions",
    "load",
    "lock",
    "login",
    "logout",
    "note",
    "open",
    "policy_check",
    "policy_init",
    "policy_show",
    "predict",
    "promote",
    "pull",
    "push",
    "record_deploy",
    "record_measure",
    "reject",
    "remove",
    "reproduce",
    "request",
    "rollback",
    "save",
    "scan",
    "schema",
    "search",
    "serve",
    "status",
    "tag",
    "unbundle",
    "unbundle_documents",
    "unbundle_list",
    "verify",
    "verify_webhook",
    "watch",
    "where",
]

_ERRORS = "lading.errors"
_SIGNATURE = "lading.spec.signature"
_HOMES = {
    "AccessDenied": _ERRORS,
    "Capture": "lading.operations.publishing.captured",
    "Column": _SIGNATURE,
    "Conflict": _ERRORS,
    "Descriptor": "lading.spec.descriptor",
    "Digest": "lading.spec.digest",
    "EnvironmentWarning": "lading.operations.warning",
    "EventResult": "lading.operations.event",
    "IntegrityError": _ERRORS,
    "InvalidInput": _ERRORS,
    "JsonField": _SIGNATURE,
    "LadingError": _ERRORS,
    "Loaded": "lading.operations.load",
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
    "approve": "lading.operations.request",
    "assign": "lading.operations.assign",
    "attach": "lading.operations.attach",
    "best": "lading.operations.best",
    "bundle": "lading.operations.bundle",
    "check_env": "lading.operations.check_env",
    "clear": "lading.operations.clear",
    "compatible": "lading.signatures.compatible",
    "copy": "lading.operations.copy",
    "deploy": "lading.operations.deploy",
    "deploy_check": "lading.operations.deploy_check",
    "deploy_update": "lading.operations.deploy_update",
    "deprecate": "lading.operations.deprecate",
    "diff": "lading.operations.diff",
    "doctor": "lading.operations.doctor",
    "evaluate": "lading.operations.evaluate",
    "event_show": "lading.operations.event",
    "evidence": "lading.operations.evidence",
    "fetch_evidence": "lading.operations.fetch_evidence",
    "gc": "lading.operations.gc",
    "history": "lading.operations.history",
    "hook_serve": "lading.operations.hook",
    "image_assemble": "lading.operations.image_assemble",
    "image_build": "lading.operations.image_build",
    "image_check": "lading.operations.image_check",
    "image_dockerfile": "lading.operations.image_dockerfile",
    "image_sbom": "lading.operations.image_sbom",
    "infer_signature": "lading.signatures.infer",
    "init": "lading.operations.init",
    "inspect": "lading.operations.inspect",
    "ledger_adopt": "lading.operations.ledger",
    "ledger_export": "lading.operations.ledger",
    "ledger_repair": "lading.operations.ledger",
    "ledger_show": "lading.operations.ledger",
    "ledger_verify": "lading.operations.ledger",
    "lineage": "lading.operations.lineage",
    "list_versions": "lading.operations.list",
    "load": "lading.operations.load",
    "lock": "lading.operations.lock",
    "login": "lading.operations.login",
    "logout": "lading.operations.login",
    "note": "lading.operations.note",
    "open": "lading.operations.open",
    "policy_check": "lading.operations.policy_check",
    "policy_init": "lading.operations.policy",
    "policy_show": "lading.operations.policy",
    "predict": "lading.operations.predict",
    "promote": "lading.operations.promote",
    "pull": "lading.operations.pull",
    "push": "lading.operations.push",
    "record_deploy": "lading.operations.record",
    "record_measure": "lading.operations.record",
    "reject": "lading.operations.request",
    "remove": "lading.operations.remove",
    "reproduce": "lading.operations.reproduce",
    "request": "lading.operations.request",
    "rollback": "lading.operations.rollback",
    "save": "lading.operations.save",
    "scan": "lading.operations.scan",
    "schema": "lading.operations.schema",
    "search": "lading.operations.search",
    "serve": "lading.operations.serve",
    "status": "lading.operations.status",
    "tag": "lading.operations.tag",
    "unbundle": "lading.operations.unbundle",
    "unbundle_documents": "lading.operations.bundling.documents",
    "unbundle_list": "lading.operations.bundling.listing",
    "verify": "lading.operations.verify",
    "verify_webhook": "lading.hooks.signing",
    "watch": "lading.operations.watch",
    "where": "lading.operations.where",
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

    class _Front(type(import_module(__name__))):
        """This module: a verb and a room may have one name, and here the verb is meant."""

        def __setattr__(self, name: str, value: object) -> None:
            # Importing a module of lading/deploy/ would put that package in the verb's place.
            if name in _HOMES and isinstance(value, _Front.__base__):
                return
            super().__setattr__(name, value)

    import_module("sys").modules[__name__].__class__ = _Front


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
