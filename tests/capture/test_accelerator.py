"""Accelerators, on machines made of the files and programs that tell of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lading.capture.accelerator import accelerator
from lading.capture.platform import libc

LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}
MAC = {"sys_platform": "darwin", "platform_machine": "arm64"}
DRIVER = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 2023\nGCC version"
OPEN_DRIVER = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build\n"


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is searched for programs before any other, without the vendor's own."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    return folder


def file(root: Path, path: str, content: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content)


def smi(programs: Path, script: str) -> None:
    (programs / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (programs / "nvidia-smi").chmod(0o755)


def test_none_is_found_where_there_is_none(tmp_path: Path) -> None:
    assert accelerator({"nvidia-cuda-runtime-cu12": "12.4.99"}, LINUX, tmp_path) is None


def test_cards_are_named_by_the_vendors_program(tmp_path: Path, programs: Path) -> None:
    file(tmp_path, "proc/driver/nvidia/version", DRIVER)
    smi(programs, "echo 'NVIDIA A100, 40GB, 535.104.05'; echo 'NVIDIA A100, 40GB, 535.104.05'")

    found = accelerator({"nvidia-cuda-runtime-cu12": "12.4.99"}, LINUX, tmp_path)

    assert found
    assert found.as_json() == {
        "kind": "cuda", "name": "NVIDIA A100, 40GB", "count": 2, "driver": "535.104.05",
        "runtime": "12.4",
    }  # fmt: skip


@pytest.mark.parametrize("driver", [DRIVER, OPEN_DRIVER])
def test_a_program_that_hangs_is_not_waited_for(
    tmp_path: Path, programs: Path, driver: str
) -> None:
    file(tmp_path, "proc/driver/nvidia/version", driver)
    file(tmp_path, "usr/local/cuda/version.json", '{"cuda": {"version": "12.1.1"}}')
    smi(programs, "exec sleep 30")
    began = time.monotonic()

    found = accelerator({}, LINUX, tmp_path)

    assert time.monotonic() - began < 10
    assert found
    assert (found.name, found.runtime) == (None, "12.1")
    assert found.driver in ("535.104.05", "550.54.15")


@pytest.mark.parametrize("script", ["exit 9", "true", "printf '\\377\\376'"])
def test_a_program_that_fails_says_nothing(tmp_path: Path, programs: Path, script: str) -> None:
    smi(programs, script)

    found = accelerator({}, LINUX, tmp_path)

    assert found is None or found.kind == "cuda"


def test_rocm_and_mps_are_known(tmp_path: Path) -> None:
    file(tmp_path, "opt/rocm/.info/version", "6.1.2-90\n")

    rocm = accelerator({}, LINUX, tmp_path)
    mps = accelerator({}, MAC, tmp_path / "mac")

    assert rocm
    assert (rocm.kind, rocm.runtime) == ("rocm", "6.1.2")
    assert mps
    assert mps.kind == "mps"


def test_damaged_files_are_as_none(tmp_path: Path) -> None:
    file(tmp_path, "proc/driver/nvidia/version", "nonsense")
    file(tmp_path, "usr/local/cuda/version.json", "[" * 50_000)
    (tmp_path / "opt").mkdir()

    assert accelerator({}, LINUX, tmp_path) is None


def test_the_c_library_is_in_the_tag() -> None:
    assert libc("manylinux_2_36_x86_64") == "glibc 2.36"
    assert libc("musllinux_1_2_aarch64") == "musl 1.2"
    assert libc("macosx_14_0_arm64") is None
    assert libc(None) is None
