"""Where an installed distribution came from, as a lock says it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from lading.capture.installed import Distribution
from lading.capture.lock import parsing
from lading.capture.lock.locked import KINDS, Archive, Directory, Package, Vcs
from lading.capture.lock.parsing import Table, table, text


def package_of(distribution: Distribution, project: Path) -> Package | None:
    """The package that would install this distribution again; None if its version is unknown."""
    version = distribution.version
    if version is None or not parsing.is_version(version):
        return None
    return Package(distribution.name, version, origin=_origin(distribution, project))


def _origin(distribution: Distribution, project: Path) -> Vcs | Directory | Archive | None:
    told = distribution.direct_url
    # conda's packages name the folder of the machine that built them.
    if told is None or distribution.installer == "conda":
        return None
    address = text(told.get("url"))
    if address is None:
        return None
    subdirectory = parsing.subdirectory(told.get("subdirectory"))
    if vcs := table(told.get("vcs_info")):
        return _vcs(vcs, parsing.url(address), subdirectory)
    local = _local(address)
    if "dir_info" in told and local:
        return Directory(_shown(local, project), distribution.is_editable, subdirectory)
    archive = table(told.get("archive_info"))
    hashes = parsing.hash_table(archive.get("hashes"))
    hashes = hashes or parsing.hash_list(str(archive.get("hash")).replace("=", ":", 1))
    if local:
        return Archive(None, hashes, _shown(local, project), subdirectory=subdirectory)
    return Archive(parsing.url(address), hashes, subdirectory=subdirectory)


def _vcs(told: Table, url: str | None, subdirectory: str | None) -> Vcs | None:
    kind, commit = text(told.get("vcs")), parsing.revision(told.get("commit_id"))
    if kind not in KINDS or not commit or not url:
        return None
    return Vcs(kind, url, commit, parsing.revision(told.get("requested_revision")), subdirectory)


def _local(address: str) -> Path | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return Path(unquote(parts.path)) if parts.scheme == "file" and parts.path else None


def _shown(place: Path, project: Path) -> str:
    """The place, from the project on where it is inside."""
    root = project.absolute()
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else place.as_posix()
