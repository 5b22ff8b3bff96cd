"""Which files become which layers, and what they hash to.

Planning opens no file: digests come from the memory, or from hashing when that is asked for.
Nothing is known here of manifests.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from lading.errors import InvalidInput
from lading.packing.artifact import PREFIX
from lading.packing.memory import DigestMemory, file_key, is_settled
from lading.packing.record import BUNDLES, TITLES, Bundle, Elsewhere, Written, bundle_of
from lading.packing.roles import LARGE, ROLES, Role, role_of
from lading.packing.scan import Member, Tree, scan
from lading.packing.tarview import AbsentView, BytesMember, FileMember, TarView
from lading.spec.digest import Digest
from lading.spec.manifest import DOCUMENT_LIMIT
from lading.transfer.pool import run
from lading.transfer.progress import Cancelled

# An image may have 127 layers: these, one bundle for each role, the document, and some to spare.
_MOST_SINGLES: Final = 96
# What a file takes in the document, besides its path; rather more than less.
_ENTRY: Final = 230

PlannedMember = Member | Written | Elsewhere
"""A file on disk, one that Lading writes, or one that is in the registry already."""

OnBytes = Callable[[int], None]
"""Called with the number of bytes that were hashed since the last call."""


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """A layer to be: a large file alone, or the small files of one role together."""

    role: Role
    title: str
    view: TarView = field(compare=False)
    members: tuple[PlannedMember, ...]
    single: bool
    # Empty folders, which travel with the configuration.
    folders: tuple[str, ...] = ()
    # Which of Lading's own bundles this is.
    bundle: Bundle | None = None
    digest: Digest | None = None
    # Hexadecimal, by path; a large file is known by its layer's digest and needs none.
    sha256: Mapping[str, str] = field(default_factory=dict)

    def is_hashed(self, *, file_hashes: bool = False) -> bool:
        """Whether the digest is known, and a sha256 of each file that must have one."""
        if isinstance(self.view, AbsentView):
            return True
        return self.digest is not None and all(
            member.path in self.sha256 for member in self.files_to_hash(file_hashes=file_hashes)
        )

    def files_to_hash(self, *, file_hashes: bool = False) -> tuple[PlannedMember, ...]:
        """The files that must have a sha256 of their own."""
        return () if self.single and not file_hashes else self.members


@dataclass(frozen=True, slots=True)
class Plan:
    """A tree and its layers, without the document's.

    Single files by path, then a bundle for each role, then Lading's own bundles.
    """

    tree: Tree
    layers: tuple[PlannedLayer, ...]
    memory: DigestMemory | None
    file_hashes: bool
    scanned_ns: int

    @property
    def own(self) -> tuple[PlannedMember, ...]:
        """The person's files, without those that Lading wrote."""
        return tuple(m for layer in self.layers if not layer.bundle for m in layer.members)

    def has(self, bundle: Bundle) -> bool:
        """Whether one of Lading's own bundles is there, brought along by the folder or added."""
        return any(layer.bundle == bundle for layer in self.layers)

    def with_written(self, files: Mapping[str, bytes]) -> Plan:
        """The plan with files that Lading writes; a bundle they belong to holds nothing else."""
        added: dict[Bundle, list[Written]] = {}
        for path, raw in sorted(files.items()):
            bundle = bundle_of(path)
            if bundle is None:
                raise ValueError(f"{path} is a person's file")
            added.setdefault(bundle, []).append(Written(path, raw))
        return self._with_bundles(_written(*each) for each in added.items())

    def with_absent(
        self, bundle: Bundle, digest: Digest, size: int, files: Iterable[Elsewhere]
    ) -> Plan:
        """The plan with a bundle that is in the registry already."""
        layer = _own(bundle, AbsentView(size), tuple(files))
        return self._with_bundles([replace(layer, digest=digest)])

    def _with_bundles(self, layers: Iterable[PlannedLayer]) -> Plan:
        own = {layer.bundle: layer for layer in (*self.layers, *layers) if layer.bundle}
        others = [layer for layer in self.layers if not layer.bundle]
        alone = {layer.title.removesuffix(".tar") for layer in others if layer.single}
        bundles = [own[bundle] for bundle in BUNDLES if bundle in own]
        titled = [replace(layer, title=_free_title(layer.title, alone)) for layer in bundles]
        return replace(self, layers=(*others, *titled))

    def with_digest(self, layer: PlannedLayer, digest: Digest) -> Plan:
        """The plan with a layer's digest that was found elsewhere; it is remembered."""
        known = next(own for own in self.layers if own.title == layer.title)
        _remember(self.memory, replace(known, digest=digest, sha256={}), self.scanned_ns)
        return self._with([replace(known, digest=digest)])

    def hashed(self, *, jobs: int | None = None, on_bytes: OnBytes | None = None) -> Plan:
        """The plan with every digest known; what is not known yet is read, once.

        Raises:
            LocalFailure: a file cannot be read, or is not what it was.
        """
        waiting = [x for x in self.layers if not x.is_hashed(file_hashes=self.file_hashes)]
        if not waiting:
            return self
        done: list[PlannedLayer] = []
        stopped = threading.Event()

        def counted(count: int) -> None:
            if stopped.is_set():
                raise Cancelled
            if on_bytes:
                on_bytes(count)

        def work(layer: PlannedLayer) -> None:
            done.append(
                hash_layer(layer, self.memory, on_bytes=counted, file_hashes=self.file_hashes)
            )

        run(
            work,
            sorted(waiting, key=lambda layer: -layer.view.size),
            jobs=jobs or min(4, os.cpu_count() or 1),
            on_failure=stopped.set,
        )
        return self._with(done)

    def _with(self, layers: Iterable[PlannedLayer]) -> Plan:
        changed = {layer.title: layer for layer in layers}
        return replace(self, layers=tuple(changed.get(layer.title, layer) for layer in self.layers))


def plan(
    path: Path,
    *,
    memory: DigestMemory | None,
    follow_links: bool = False,
    file_hashes: bool = False,
) -> Plan:
    """The layers of a folder or a file, with the digests that the memory knows.

    Raises:
        InvalidInput: something in it cannot be packed.
        LocalFailure: something in it cannot be read.
    """
    began = time.time_ns()
    tree = scan(path, follow_links=follow_links)
    _check_number(tree, path)
    layers = tuple(_layers(tree))
    if memory is not None:
        layers = tuple(_recalled(layers, memory, file_hashes))
    return Plan(tree, layers, memory, file_hashes, began)


def hash_layer(
    layer: PlannedLayer,
    memory: DigestMemory | None,
    *,
    on_bytes: OnBytes | None = None,
    file_hashes: bool = False,
) -> PlannedLayer:
    """The layer with its digest, and a sha256 of each file that must have one, in one reading.

    Raises:
        LocalFailure: a file cannot be read, or is not what it was.
    """
    began = time.time_ns()
    wanted = layer.files_to_hash(file_hashes=file_hashes)
    unknown = [member for member in wanted if member.path not in layer.sha256]
    digest, found = _hash(layer.view, unknown, on_bytes)
    hashed = replace(layer, digest=digest, sha256={**layer.sha256, **found})
    _remember(memory, hashed, began)
    return hashed


def _check_number(tree: Tree, path: Path) -> None:
    """Refuse early what the document would have no room for."""
    room = sum(_ENTRY + len(member.path) for member in tree.members)
    if room > DOCUMENT_LIMIT:
        raise InvalidInput(
            f"{path} holds too many files",
            cause=f"the document would list {len(tree.members):,} of them",
            hint="put what has so many files into archives, or name it in .ladingignore",
        )


def _hash(
    view: TarView, wanted: Iterable[PlannedMember], on_bytes: OnBytes | None
) -> tuple[Digest, dict[str, str]]:
    """The digest of a tar, and the sha256 of some of its files by path."""
    whole = hashlib.sha256()
    # Every file has this one before its first byte.
    found = dict.fromkeys((member.path for member in wanted), whole.hexdigest())
    current: FileMember | None = None
    own = whole.copy()
    for member, chunk in view.chunks():
        whole.update(chunk)
        if on_bytes:
            on_bytes(len(chunk))
        if member is None or (path := member.name.removeprefix(PREFIX)) not in found:
            continue
        if member is not current:
            current, own = member, hashlib.sha256()
        own.update(chunk)
        found[path] = own.hexdigest()
    return Digest.finish(whole), found


def _layers(tree: Tree) -> Iterator[PlannedLayer]:
    own = {member.path: bundle for member in tree.members if (bundle := bundle_of(member.path))}
    large = [m for m in tree.members if m.size >= LARGE and m.path not in own]
    singles = sorted(large, key=lambda member: (-member.size, member.path))[:_MOST_SINGLES]
    alone = {member.path for member in singles}
    for member in sorted(singles, key=lambda member: member.path):
        role = role_of(member.path, member.size)
        yield PlannedLayer(role, f"{member.path}.tar", _view([member]), (member,), True)
    bundled: dict[Role, list[Member]] = {role: [] for role in ROLES}
    for member in tree.members:
        if member.path not in alone and member.path not in own:
            bundled[role_of(member.path, member.size)].append(member)
    empty = _empty_folders(tree)
    for role, members in bundled.items():
        folders = empty if role == "config" else ()
        if members or folders:
            title = _free_title(f"lading.{role}.tar", alone)
            view = _view(members, folders)
            yield PlannedLayer(role, title, view, tuple(members), False, folders)
    for bundle in BUNDLES:
        came = tuple(member for member in tree.members if own.get(member.path) == bundle)
        if came:
            layer = _own(bundle, _view(came), came)
            yield replace(layer, title=_free_title(layer.title, alone))


def _written(bundle: Bundle, members: Iterable[Written]) -> PlannedLayer:
    """A layer of files in memory: hashed at once, and nothing that is worth remembering."""
    files = tuple(members)
    view = TarView([BytesMember(PREFIX + member.path, member.raw) for member in files])
    hashes = {member.path: hashlib.sha256(member.raw).hexdigest() for member in files}
    return replace(_own(bundle, view, files), digest=view.digest(), sha256=hashes)


def _own(bundle: Bundle, view: TarView, members: tuple[PlannedMember, ...]) -> PlannedLayer:
    """One of Lading's own bundles, which other tools take for configuration."""
    return PlannedLayer("config", TITLES[bundle], view, members, False, bundle=bundle)


def _view(members: Iterable[Member], folders: Iterable[str] = ()) -> TarView:
    return TarView(
        [FileMember(PREFIX + member.path, member.location, member.identity) for member in members],
        [PREFIX + folder for folder in folders],
    )


def _empty_folders(tree: Tree) -> tuple[str, ...]:
    """The folders without any file below them: no file's path brings them along."""
    filled: set[str] = set()
    for member in tree.members:
        folder = member.path.rpartition("/")[0]
        while folder and folder not in filled:
            filled.add(folder)
            folder = folder.rpartition("/")[0]
    return tuple(folder for folder in tree.folders if folder not in filled)


def _free_title(title: str, alone: set[str]) -> str:
    while title.removesuffix(".tar") in alone:
        title = "_" + title
    return title


def _recalled(
    layers: Iterable[PlannedLayer], memory: DigestMemory, file_hashes: bool
) -> Iterator[PlannedLayer]:
    """The layers with what the memory knows; it is asked once."""
    asked = [
        (
            layer,
            layer.view.key,
            {
                m.path: file_key(m.identity)
                for m in layer.files_to_hash(file_hashes=file_hashes)
                if isinstance(m, Member)
            },
        )
        for layer in layers
    ]
    known = memory.recall(key for _, own, files in asked for key in (own, *files.values()))
    for layer, own, files in asked:
        yield replace(
            layer,
            digest=Digest(f"sha256:{known[own]}") if own in known else None,
            sha256={path: known[key] for path, key in files.items() if key in known},
        )


def _remember(memory: DigestMemory | None, layer: PlannedLayer, began_ns: int) -> None:
    if memory is None:
        return
    on_disk = [member for member in layer.members if isinstance(member, Member)]
    settled = [member for member in on_disk if is_settled(member.identity, began_ns)]
    digests = {
        file_key(member.identity): layer.sha256[member.path]
        for member in settled
        if member.path in layer.sha256
    }
    if layer.digest is not None and len(settled) == len(layer.members):
        digests[layer.view.key] = layer.digest.hex
    memory.remember(digests)
