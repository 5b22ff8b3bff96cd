"""Who made the model, as git knows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lading.capture.git import Configuration, Git, GitFailed, configuration
from lading.capture.repository import Misleading, find_repository

_LONGEST: Final = 256


def author(folder: Path, *, environment: Mapping[str, str]) -> str | None:
    """``Name <email>`` from the git configuration that holds in a folder; None if it names nobody.

    One process of git at most. :func:`lading.capture.code.capture` answers the same along with
    the code where there is a repository.
    """
    git = Git.find(environment)
    if git is None:
        return None
    try:
        repository = find_repository(folder)
    except Misleading:
        repository = None
    try:
        # Where there is no repository, the user's own configuration holds anywhere.
        if repository is None:
            return named_in(configuration(git, Path("/")))
        return named_in(configuration(git, repository.top, repository.configurations))
    except GitFailed:
        return None


def named_in(settings: Configuration) -> str | None:
    """The person whom a configuration names."""
    name = _plain(settings.last("user.name"))
    email = _plain(settings.last("user.email"))
    if name and email:
        return f"{name} <{email}>"
    return name or email


def _plain(text: str | None) -> str | None:
    """A name without what would look like more than one."""
    kept = "".join(char for char in text or "" if char.isprintable() and char not in "<>")
    return kept.strip()[:_LONGEST] or None
