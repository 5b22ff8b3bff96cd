"""``poetry.lock`` and ``pdm.lock``: packages with the groups that want each.

Both know the hashes of files, and not their addresses.
"""

from __future__ import annotations

from lading.capture.lock import parsing
from lading.capture.lock.locked import Archive, Directory, Locked, Package, Vcs, in_order
from lading.capture.lock.markers import parsed
from lading.capture.lock.parsing import Table, table, tables, text, texts, wrong


def read_poetry(raw: bytes, what: str) -> Locked:
    """What a ``poetry.lock`` of Poetry 2 says that its project needs; no extras, no groups.

    Raises:
        InvalidInput: it is no such lock, or does not say which group wants a package.
    """
    value = parsing.toml(raw, what)
    entries = tables(value.get("package"), what)
    if entries and not any("groups" in entry for entry in entries):
        raise wrong(what, "it does not tell groups apart: `poetry lock` of Poetry 2 does")
    wanted = [entry for entry in entries if "main" in texts(entry.get("groups"))]
    packages = [_poetry(entry, what) for entry in wanted if entry.get("optional") is not True]
    return Locked(in_order(packages))


def read_pdm(raw: bytes, what: str) -> Locked:
    """What a ``pdm.lock`` says that its project needs; no extras, no groups.

    Raises:
        InvalidInput: it is no such lock.
    """
    value = parsing.toml(raw, what)
    entries = tables(value.get("package"), what)
    packages = [_pdm(entry, what) for entry in entries if "default" in texts(entry.get("groups"))]
    # A package is listed once more for each set of its extras.
    return Locked(in_order({(p.name, p.version, p.marker): p for p in packages}.values()))


def _poetry(entry: Table, what: str) -> Package:
    source = table(entry.get("source"))
    place = text(source.get("url"))
    origin: Vcs | Directory | Archive | None = None
    if source.get("type") == "git" and place:
        origin = _git(place, source, ("resolved_reference", "reference"), what)
    elif source.get("type") == "directory" and place:
        origin = Directory(place, editable=entry.get("develop") is True)
    elif source.get("type") in ("url", "file") and place:
        remote = source["type"] == "url"
        address = parsing.url(place) if remote else None
        origin = Archive(address, _hashes(entry, what)[:1], None if remote else place)
    markers = entry.get("markers")
    # Where groups want a package on different conditions, there is a marker for each.
    marker = markers.get("main") if isinstance(markers, dict) else markers
    return _package(entry, text(marker), origin, what)


def _pdm(entry: Table, what: str) -> Package:
    origin: Vcs | Directory | Archive | None = None
    if git := text(entry.get("git")):
        origin = _git(git, entry, ("revision", "ref"), what)
    elif path := text(entry.get("path")):
        archived = path.endswith((".whl", ".gz", ".zip"))
        origin = (
            Archive(None, _hashes(entry, what)[:1], path)
            if archived
            else Directory(path, editable=entry.get("editable") is True)
        )
    elif address := text(entry.get("url")):
        origin = Archive(parsing.url(address), _hashes(entry, what)[:1])
    return _package(entry, text(entry.get("marker")), origin, what)


def _git(place: str, told: Table, keys: tuple[str, str], what: str) -> Vcs:
    url, commit = parsing.url(place), parsing.revision(told.get(keys[0]))
    if not url or not commit:
        raise wrong(what, "a package from git has no commit")
    inside = parsing.subdirectory(told.get("subdirectory"))
    return Vcs("git", url, commit, parsing.revision(told.get(keys[1])), inside)


def _package(
    entry: Table, marker: str | None, origin: Vcs | Directory | Archive | None, what: str
) -> Package:
    name = parsing.name(entry.get("name"), what)
    release = parsing.version(entry.get("version"), what)
    return Package(
        name=name,
        version=release,
        marker=str(parsed(marker, what)) if marker else None,
        origin=origin,
        # The files have names, too, but without addresses these are of no use to anybody.
        hashes=() if origin else _hashes(entry, what),
    )


def _hashes(entry: Table, what: str) -> tuple[str, ...]:
    files = tables(entry.get("files"), what)
    return tuple(sorted({h for file in files for h in parsing.hash_list(file.get("hash"))}))
