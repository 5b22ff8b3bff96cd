"""The address of a repository, as far as everybody may read it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_LONGEST: Final = 2048
# user@host:path, the short form of ssh; a single letter is a drive of Windows.
_SCP: Final = re.compile(r"(?:[\w.+-]+@)?[\w.-]{2,}:(?!//|:)[^\s@?#:]+", re.ASCII)
_HOST: Final = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]+)?", re.ASCII)
_USER: Final = re.compile(r"[\w.+-]+", re.ASCII)
_PATH: Final = re.compile(r"[^\s@\x00-\x1f\x7f]*")
_WEB: Final = frozenset({"http", "https", "git"})
_SSH: Final = frozenset({"ssh", "git+ssh", "ssh+git"})


def public_address(url: str) -> str | None:
    """A remote's address without whatever may be a secret; None where that cannot be told.

    A user's name stays with ssh, where it says which account the host offers; on the web it may be
    a token. A query and a fragment go. Folders of this machine and addresses of an unknown form
    are no public address.
    """
    if len(url) > _LONGEST or not url.isprintable() or "\\" in url:
        return None
    if "://" in url:
        return _without_secrets(url)
    return url if _SCP.fullmatch(url) else None


def _without_secrets(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    user, _, host = parts.netloc.rpartition("@")
    # An @ further on: a password with a slash in it looks like a host and a path, and one with a
    # question mark or a hash behind that ends the path before the @.
    further = parts.query + parts.fragment
    if not _HOST.fullmatch(host) or not _PATH.fullmatch(parts.path) or "@" in further:
        return None
    if parts.scheme in _WEB:
        return f"{parts.scheme}://{host}{parts.path}"
    if parts.scheme in _SSH:
        name = user.partition(":")[0]
        account = f"{name}@" if _USER.fullmatch(name) else ""
        return f"{parts.scheme}://{account}{host}{parts.path}"
    return None
