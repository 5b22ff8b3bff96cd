"""Which version content says it is, and whether a tag names another: no registry forbids that.

Decided from an index's annotations alone; what follows is for whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping

from lading.spec import mediatypes
from lading.spec.version import Version


def stated_version(annotations: Mapping[str, str]) -> Version | None:
    """The version that content says it is, if it does."""
    return Version.from_tag(annotations.get(mediatypes.VERSION, "").replace("+", "_"))


def other_version(tag: str | None, annotations: Mapping[str, str]) -> Version | None:
    """The version that lies under the tag of another one; None where nothing is wrong.

    Only what Lading wrote is meant: other tools may mean something else by that annotation. A copy
    that was compressed on the way says what the original does.
    """
    named = Version.from_tag(tag) if tag else None
    if named is None or mediatypes.DOCUMENT not in annotations:
        return None
    said = stated_version(annotations)
    return said if said != named else None
