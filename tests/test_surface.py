"""The whole public surface: changing it is a decision, and shows here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lading

SURFACE = [
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


def test_the_surface_is_exactly_this() -> None:
    assert lading.__all__ == SURFACE
    assert set(SURFACE) <= set(dir(lading))


@pytest.mark.parametrize("name", SURFACE)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(lading, name)

    assert value is getattr(lading, name)
    assert name == "OnProgress" or value.__doc__


def test_every_error_is_public() -> None:
    from lading import errors

    kinds = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert {name for name in kinds if name.endswith(("Error", "Input", "Failure"))} <= set(SURFACE)
    assert {kind.__name__ for kind in errors.LadingError.__subclasses__()} <= set(SURFACE)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'pusj'"):
        lading.pusj  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("room", ["lading.deploy.text", "lading.operations.deploy"])
def test_a_verb_is_a_verb_although_a_room_has_its_name(room: str) -> None:
    program = f"import {room}, lading; lading.deploy('HOST/x', kind='nothing')"

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(lading.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "InvalidInput: nothing is deployed as 'nothing'" in done.stderr


def test_the_package_is_typed_and_checkers_see_every_name(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    lines = ["import lading", *(f"reveal_type(lading.{name})" for name in SURFACE), "lading.nope"]
    program.write_text("\n".join(lines) + "\n")
    source = Path(lading.__file__).parents[1]

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--follow-imports=silent",
            "--cache-dir",
            str(tmp_path / "cache"),
            str(program),
        ],
        env={"MYPYPATH": str(source), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (Path(lading.__file__).parent / "py.typed").exists()
    revealed = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    assert len(revealed) == len(SURFACE), done.stdout
    assert not [line for line in revealed if '"Any"' in line]
    assert 'Module has no attribute "nope"' in done.stdout
