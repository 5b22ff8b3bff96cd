"""What a builder says when it fails, as one of Lading's errors. Pure.

Steps inside a build say what failed in a line of their own (``inside/steps``); of everything else
only the builder's words are known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lading.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    LadingError,
    LocalFailure,
    NotFound,
    PolicyRefused,
    Unavailable,
    Unsupported,
)

MARK: Final = "lading-build-failed:"

_LONGEST: Final = 600
_NO_BASE: Final = re.compile(
    r"pull access denied|manifest unknown|manifest for .* not found|repository does not exist"
    r"|no such image|name unknown|not found: manifest|failed to resolve source metadata"
    r"|short-name .* did not resolve|requested access to the resource is denied",
    re.IGNORECASE,
)
_NO_NETWORK: Final = re.compile(
    r"connection refused|no such host|i/o timeout|network is unreachable|TLS handshake"
    r"|server gave HTTP response to HTTPS client|Temporary failure in name resolution",
    re.IGNORECASE,
)
# An engine's own words, which no program in a build has.
_ENGINE_ASKED: Final = re.compile(r"dial tcp|/v2/|pinging container registry")
_DENIED: Final = re.compile(r"unauthorized|denied|authentication required|forbidden", re.IGNORECASE)
# A shell's word for a signal: 128 and its number.
_CRASH: Final = re.compile(r"steps\W+loads\b.*\bcode:? (1(?:29|3\d|4\d|5\d))\b")
_LOCK_HINT: Final = "lading lock REF shows what was recorded"


def build_failure(what: str, said: Iterable[str], base: str) -> LadingError:
    """Why a build failed, from the last lines that it printed."""
    lines = [line.rstrip() for line in said if line.strip()]
    for line in reversed(lines):
        if MARK in line and (details := _details(line)):
            return _step(what, details, base)
    text = "\n".join(lines[-40:])
    cause = _last(lines)
    if crash := _CRASH.search(text):
        return Unsupported(
            f"{what}: the model cannot be loaded in it",
            cause=f"the process that loaded it was ended by signal {int(crash[1]) - 128}",
            hint="load it in the environment that it was made in, or build once more",
        )
    if "no space left on device" in text.lower():
        return _full(what)
    return _of_base(what, text, cause, base) or LocalFailure(
        what, cause=cause, hint="without --quiet everything is shown that the builder says"
    )


def _of_base(what: str, text: str, cause: str, base: str) -> LadingError | None:
    """What is the matter with the base image, if anything is."""
    if "exec format error" in text:
        return Unsupported(
            what,
            cause=f"{base} is made for another kind of processor than this builder's",
            hint="--platform, or a base image that has this one",
        )
    if "python3: not found" in text or '"python3": executable file not found' in text:
        return InvalidInput(
            what, cause=f"{base} has no python3", hint="--base names an image with Python and pip"
        )
    if _NO_BASE.search(cause):
        return NotFound(
            f"{what}: the base image {base} cannot be had",
            cause=cause,
            hint="--base IMAGE@sha256:…, or LADING_BASE_IMAGE; private ones need a login",
        )
    return _of_network(what, text, cause, base)


def _of_network(what: str, text: str, cause: str, base: str) -> LadingError | None:
    """Who could not reach whom, if that is it."""
    if _NO_NETWORK.search(cause) and _ENGINE_ASKED.search(cause):
        return Unavailable(
            f"{what}: the base image {base} cannot be had",
            cause=cause,
            hint="the builder could not reach its registry; --base IMAGE, or LADING_BASE_IMAGE,"
            " names one that it can reach or has",
        )
    if _NO_NETWORK.search(cause):
        return Unavailable(what, cause=cause, hint="something in the build reached nobody")
    if "failed to create endpoint" in text:
        return Unavailable(
            what,
            cause=f"the builder's own network does not work: {cause}"[:_LONGEST],
            hint="LADING_BUILD_NETWORK=host builds with the machine's",
        )
    return None


def push_failure(what: str, said: str) -> LadingError:
    """Why a push failed, in the words of whoever pushed."""
    cause = said.strip()[:_LONGEST]
    if _NO_NETWORK.search(cause):
        return Unavailable(
            what,
            cause=cause,
            hint="the engine pushes by itself: it must reach the registry, and know it as insecure"
            " where it speaks plain HTTP",
        )
    if _DENIED.search(cause):
        return AccessDenied(what, cause=cause, hint="lading login HOST")
    return Unavailable(what, cause=cause)


def _details(line: str) -> dict[str, Any] | None:
    start = line.index(MARK) + len(MARK)
    try:
        # BuildKit writes the time before a line, and nothing after it.
        value, _ = json.JSONDecoder().raw_decode(line[start:].strip())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _step(what: str, details: Mapping[str, Any], base: str) -> LadingError:
    kind = details.get("kind")
    if kind == "disk" or "no space left on device" in _text(details, "said").lower():
        return _full(what)
    if kind in ("nothing", "hash", "unlocked", "conflict", "index", "changed"):
        return _packages(what, str(kind), details)
    if kind == "python":
        return InvalidInput(
            f"{what}: {base} has another Python",
            cause=f"the model was made with {_text(details, 'wanted')}, the image has"
            f" {_text(details, 'found')}",
            hint="packages that are compiled fit one Python only: --base names another image",
        )
    if kind == "loads":
        kind_of_error = PolicyRefused if details.get("refused") is True else Unsupported
        return kind_of_error(
            f"{what}: the model cannot be loaded in it",
            cause=_text(details, "said"),
            hint=_text(details, "hint") or None,
        )
    if kind == "venv":
        return InvalidInput(
            f"{what}: {base} cannot make an environment",
            cause=_text(details, "said"),
            hint="--base names an image whose Python has venv and ensurepip",
        )
    return LocalFailure(f"{what}: packages cannot be installed", cause=_text(details, "said"))


def _packages(what: str, kind: str, details: Mapping[str, Any]) -> LadingError:
    """The lock and the platform, or the index, do not go together: which package, which wheel."""
    name, version = _text(details, "package"), _text(details, "version")
    package = f"{name} {version}".strip()
    if kind == "index":
        return Unavailable(
            f"{what}: no index of packages answers",
            cause=f"pip looked for {package}",
            hint="LADING_INDEX_URL names one, LADING_BUILD_NETWORK the network of builds",
        )
    if kind == "nothing":
        offered = _text(details, "offered")
        there = f"the index has {offered}" if offered not in ("", "none") else "the index has none"
        files = _known(details)
        return Unsupported(
            f"{what}: there is no wheel of {package} for this image",
            cause=f"{there} that fit its Python and platform"
            + (f"; the lock knows {files}" if files else ""),
            hint="an index that has it (LADING_INDEX_URL), or a base image that it fits",
        )
    if kind == "hash":
        known = _known(details)
        return Unsupported(
            f"{what}: the lock does not know {_text(details, 'file')}",
            cause=f"none of the hashes of {package} is that of this file"
            + (f"; it knows {known}" if known else ""),
            hint="the lock was made on another platform, or the index changed the file;"
            " lading lock --resolve-hashes when pushing, or a lock for all platforms (uv lock)",
        )
    if kind == "unlocked":
        return Conflict(
            f"{what}: {package} is needed and not in the lock",
            cause="the lock is not complete for this platform",
            hint=_LOCK_HINT,
        )
    if kind == "changed":
        names = ", ".join(str(each) for each in details.get("packages") or ())[:_LONGEST]
        return Conflict(f"{what}: the server would change the model's packages", cause=names)
    causes = "; ".join(str(each).strip() for each in details.get("causes") or ())[:_LONGEST]
    return Conflict(
        f"{what}: what the lock pins does not go together: {_text(details, 'packages')}",
        cause=causes or None,
        hint=_LOCK_HINT,
    )


def _known(details: Mapping[str, Any]) -> str:
    """The files that a lock knows of a package, the first of them."""
    known = details.get("known")
    files = [str(each) for each in known] if isinstance(known, list) else []
    return ", ".join(files[:5])[:_LONGEST]


def _full(what: str) -> LadingError:
    return LocalFailure(
        what,
        cause="the builder's disk is full",
        hint="docker system prune, or podman system prune, makes room",
    )


def _last(lines: list[str]) -> str:
    errors = [line for line in lines if "error" in line.lower()]
    return ((errors or lines or ["the builder said nothing"])[-1])[:_LONGEST]


def _text(details: Mapping[str, Any], name: str) -> str:
    value = details.get(name)
    return str(value)[:_LONGEST] if value is not None else ""
