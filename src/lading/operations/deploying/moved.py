"""Images of a folder whose version is read from another registry now: there, where they are there.

What was unbundled lies below one name, under the names that it had before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lading.errors import NotFound
from lading.operations import stores
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from lading.deploy.said import Running
    from lading.settings import Settings


def moved_along(image: str, old: Running, to: str | Reference, settings: Settings) -> str:
    """The same image beside a version's new place; where it is not there, what it was."""
    new, before = stores.locate(to, settings), Reference.parse(old.place)
    above = new.base.removesuffix(before.repository)
    if new.base in (before.base, above) or not above.endswith("/"):
        return image
    named = Reference.parse(image)
    there = Reference.parse(f"{above}{named.repository}@{named.digest}")
    try:
        stores.open_store(there, settings).resolve(str(there.digest))
    except NotFound:
        return image
    return str(there)
