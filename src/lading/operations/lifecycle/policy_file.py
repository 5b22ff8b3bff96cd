"""The policy that holds here: where its file is, its bytes, a short name for them, what it says.

Parsing costs more than a search that has nothing new to read, so not everybody does it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import InvalidInput, LocalFailure, NotFound
from lading.policy.rules import USUAL, Policy

if TYPE_CHECKING:
    from lading.settings import Settings

POLICY_FILE: Final = "lading-policy.yaml"
_LARGEST: Final = 1024 * 1024


def load_policy(settings: Settings) -> Policy:
    """The policy that the settings name, else ``lading-policy.yaml`` here, else the usual stages.

    A file that is there and cannot be read is never taken for none: stages would lose their
    protection.

    Raises:
        InvalidInput: it is no policy, or larger than 1 MiB.
        NotFound: the settings name a file that is not there.
        LocalFailure: it cannot be read.
    """
    raw = policy_bytes(settings)
    if raw is None:
        return USUAL
    # Needs pydantic and YAML, which nobody pays for who has no such file.
    from lading.policy.file import parse_policy

    return parse_policy(raw, str(policy_path(settings)))


def policy_path(settings: Settings) -> Path:
    """Where the policy is, if there is one: where the settings say, else here or in a folder above.

    As far up as the repository that this folder is in, so that nobody without one is governed by a
    stranger's file; a policy that is missed would leave stages without their protection.

    Raises:
        InvalidInput: it is there under a name that would be passed over.
    """
    if settings.policy:
        return settings.policy
    for folder in _upwards():
        found = folder / POLICY_FILE
        if os.path.lexists(found):
            return found
        if (misnamed := found.with_suffix(".yml")).exists():
            raise InvalidInput(
                f"{misnamed} is not read",
                hint=f"call it {POLICY_FILE}: no stage is protected by it",
            )
    return Path(POLICY_FILE)


def _upwards() -> Iterator[Path]:
    """This folder, and those above it within its repository."""
    here = Path.cwd()
    above = [here, *here.parents]
    top = next((at for at, folder in enumerate(above) if (folder / ".git").exists()), 0)
    yield Path()
    yield from above[1 : top + 1]


def policy_bytes(settings: Settings) -> bytes | None:
    """What the policy's file holds; None where there is none and none is named.

    Raises:
        InvalidInput: it is larger than 1 MiB.
        NotFound: the settings name a file that is not there.
        LocalFailure: it cannot be read.
    """
    path = policy_path(settings)
    try:
        with path.open("rb") as opened:
            raw = opened.read(_LARGEST + 1)
    except FileNotFoundError as error:
        if settings.policy is None and not path.is_symlink():
            return None
        raise NotFound(
            f"there is no policy {path}", hint="lading policy init FILE writes a first one"
        ) from error
    except OSError as error:
        raise LocalFailure(f"cannot read the policy {path}", cause=error.strerror) from error
    if len(raw) > _LARGEST:
        raise InvalidInput(f"the policy {path} is larger than 1 MiB")
    return raw


def policy_mark(settings: Settings) -> str:
    """The same for the same policy, and empty where there is none.

    Raises:
        LadingError: as :func:`policy_bytes` does.
    """
    raw = policy_bytes(settings)
    return "" if raw is None else hashlib.sha256(raw).hexdigest()
