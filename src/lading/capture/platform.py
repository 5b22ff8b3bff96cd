"""The machine, as far as packages care: system, processor, C library."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lading.spec.environment import Host

_LIBC: Final = re.compile(r"(many|musl)linux_([0-9]+)_([0-9]+)_")
_LIBRARIES: Final = {"many": "glibc", "musl": "musl"}


def host(markers: Mapping[str, str]) -> Host:
    """What a document says of the machine that an interpreter runs on."""
    from packaging.tags import platform_tags

    from lading.spec.environment import Host

    # An interpreter of another kind (a cross build, an emulator) has tags that are not known here.
    alike = markers.get("sys_platform") == sys.platform
    tags = list(platform_tags()) if alike else []
    # Linux has one that says nothing but the processor, before those that name a C library.
    tag = next((each for each in tags if _LIBC.match(each)), next(iter(tags), None))
    return Host(
        system=markers.get("platform_system", "").lower() or None,
        machine=markers.get("platform_machine") or None,
        tag=tag,
        libc=libc(tag),
    )


def libc(tag: str | None) -> str | None:
    """The C library that a platform tag names: ``manylinux_2_36_x86_64`` is ``glibc 2.36``."""
    match = _LIBC.match(tag or "")
    return f"{_LIBRARIES[match[1]]} {match[2]}.{match[3]}" if match else None
