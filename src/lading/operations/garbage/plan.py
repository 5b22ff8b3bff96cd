"""What of a repository may go, and for what reasons the rest stays.

Pure: :mod:`lading.operations.garbage.look` finds out, :mod:`lading.operations.gc` acts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from lading.operations.garbage.facts import (
    Facts,
    KnownVersion,
    is_bookkeeping,
    is_list,
    is_of_people,
    reached,
    subject_tag,
    version_tag,
)
from lading.spec import tags
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.duration import duration

LeftoverKind = Literal["keep tag", "list of evidence", "evidence", "image", "tombstone", "manifest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which versions somebody wants to be rid of: all that is said must hold of one."""

    keep_last: int | None = None
    older_than: timedelta | None = None
    prereleases: bool = False
    deprecated: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether only leftovers are meant."""
        return self == Wish()

    def __str__(self) -> str:
        said = ["it is a pre-release"] if self.prereleases else []
        said += ["it is deprecated"] if self.deprecated else []
        if self.older_than is not None:
            said.append(f"it is older than {_long(self.older_than)}")
        if self.keep_last is not None:
            said.append(f"it is not among the last {self.keep_last}")
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A version that was considered: it goes, unless there are reasons why it stays."""

    version: KnownVersion
    stays: tuple[str, ...]
    frees: int = 0
    # Everything that goes with it: its manifests, its evidence, and theirs.
    belongings: frozenset[Digest] = frozenset()

    @property
    def goes(self) -> bool:
        """Whether nothing holds it."""
        return not self.stays


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that belongs to nothing any more."""

    kind: LeftoverKind
    tag: str | None
    digest: Digest
    stays: tuple[str, ...] = ()
    frees: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What may go and what not."""

    versions: tuple[Verdict, ...]
    leftovers: tuple[Leftover, ...]
    # What something needs.
    kept: frozenset[Digest] = frozenset()

    @property
    def going(self) -> tuple[Verdict, ...]:
        """The versions that go, the oldest first."""
        return tuple(verdict for verdict in self.versions if verdict.goes)

    @property
    def clearing(self) -> tuple[Leftover, ...]:
        """The leftovers that go."""
        return tuple(leftover for leftover in self.leftovers if not leftover.stays)

    @property
    def frees(self) -> int:
        """The bytes of all that goes."""
        return sum(v.frees for v in self.going) + sum(left.frees for left in self.clearing)


def plan(facts: Facts, wish: Wish, *, sure: Collection[Digest] = frozenset()) -> Plan:
    """What may go of a repository.

    ``sure`` are manifests that were decided on before: they are not too young.
    """
    verdicts = judged(facts, _selected(facts, wish))
    going = {verdict.version.tag for verdict in verdicts if verdict.goes}
    kept = kept_by(facts, going)
    verdicts = tuple(
        replace(v, belongings=_belongings(facts, v, kept)) if v.goes else v for v in verdicts
    )
    belongings = frozenset(digest for verdict in verdicts for digest in verdict.belongings)
    leftovers = _held_together(facts, tuple(_leftovers(facts, kept, belongings, sure)))
    freed = _Freed(facts, kept | {leftover.digest for leftover in leftovers if leftover.stays})
    # What several versions have goes with the last of them.
    counted = [replace(v, frees=freed.by(v.belongings)) for v in reversed(verdicts)][::-1]
    cleared = [replace(left, frees=freed.by([left.digest])) for left in leftovers]
    return Plan(tuple(counted), tuple(cleared), kept)


def kept_by(facts: Facts, going: Collection[str] = frozenset()) -> frozenset[Digest]:
    """The manifests that something needs, once some versions are gone."""
    return reached(facts, _roots(facts, going), going)


def judged(facts: Facts, chosen: Iterable[KnownVersion]) -> tuple[Verdict, ...]:
    """Whether these versions may go, with every reason why one stays; all others do stay."""
    direct = {version: _direct(facts, version) for version in chosen}
    stays = direct
    while True:
        staying = [v for v in facts.versions if v not in stays or stays[v]]
        found = {v: (*reasons, *_made_from(v, staying)) for v, reasons in direct.items()}
        if found == stays:
            return tuple(Verdict(version, reasons) for version, reasons in stays.items())
        stays = found


def _selected(facts: Facts, wish: Wish) -> tuple[KnownVersion, ...]:
    if wish.is_empty:
        return ()
    chosen = [v for v in facts.versions if _is_meant(facts, wish, v)]
    chosen.sort(key=lambda version: version.version)
    # The last of those that are meant, so that a wish never takes more than one thinks.
    return tuple(chosen[: max(0, len(chosen) - (wish.keep_last or 0))])


def _is_meant(facts: Facts, wish: Wish, version: KnownVersion) -> bool:
    if wish.prereleases and version.version.is_release:
        return False
    if wish.deprecated and version.digest not in facts.deprecated:
        return False
    if wish.older_than is None or version.pushed is None:
        return wish.older_than is None
    return facts.now - version.pushed > wish.older_than


def _direct(facts: Facts, version: KnownVersion) -> tuple[str, ...]:
    reasons = list(facts.named.get(version.digest, ()))
    others = sorted(
        name
        for name, digest in facts.tags.items()
        if digest == version.digest and is_of_people(name)
    )
    reasons += [f"the tag {name} names it" for name in others if f"{name} names it" not in reasons]
    releases = [v.version for v in facts.versions if v.version.is_release]
    if version.version == max(releases, default=None):
        reasons.append("it is the highest release")
    if facts.tags.get(tags.LATEST) == version.digest:
        reasons.append("latest names it")
    return (*reasons, *_young(version.pushed, facts), *facts.blind)


def _made_from(version: KnownVersion, staying: Iterable[KnownVersion]) -> Iterator[str]:
    for other in staying:
        if other.digest != version.digest and other.parents & version.digests:
            yield f"{other.version} was made from it"


def _young(at: datetime | None, facts: Facts) -> tuple[str, ...]:
    if not facts.grace:
        return ()
    if at is None:
        return ("nobody knows when it came here; --grace 0s takes it all the same",)
    if facts.now - at < facts.grace:
        return (f"it came here less than {_long(facts.grace)} ago",)
    return ()


def _roots(facts: Facts, going: Collection[str]) -> Iterator[Digest]:
    """What is kept for its own sake, with or without a tag."""
    for name, digest in facts.tags.items():
        manifest = facts.manifests.get(digest)
        # An image is there for its version.
        if is_bookkeeping(name) or version_tag(name) or name in going:
            continue
        if manifest and not manifest.tombstone:
            yield digest
    yield from (digest for digest in facts.named if digest in facts.manifests)
    yield from facts.loose
    # What others were made from, by its own digest or that of a manifest in it.
    wanted = {parent for v in facts.versions if v.tag not in going for parent in v.parents}
    for digest, known in facts.manifests.items():
        if digest in wanted or wanted.intersection(child.digest for child in known.children):
            yield digest


def _belongings(facts: Facts, verdict: Verdict, kept: Collection[Digest]) -> frozenset[Digest]:
    return reached(facts, [verdict.version.digest]).difference(kept)


def _leftovers(
    facts: Facts,
    kept: Collection[Digest],
    belongings: Collection[Digest],
    sure: Collection[Digest],
) -> Iterator[Leftover]:
    # A list that something needs by its digest does not go with what it is about: its tag does.
    lists = set(map(tags.fallback_tag, kept))
    named = set()
    for name, digest in sorted(facts.tags.items()):
        kind = _kind(facts, name, digest)
        if kind is None or digest in belongings or subject_tag(name) in lists:
            continue
        if digest in kept and not is_list(name):
            continue
        named.add(digest)
        yield Leftover(kind, name, digest, _hold(facts, kind, digest, sure))
    for digest in sorted(facts.manifests.keys() - set(kept) - set(belongings) - named):
        about = facts.manifests[digest].subject
        what: LeftoverKind = "evidence" if about else "manifest"
        yield Leftover(what, None, digest, _hold(facts, what, digest, sure))


def _held_together(facts: Facts, leftovers: Iterable[Leftover]) -> tuple[Leftover, ...]:
    """The leftovers; what one that stays has, stays with it."""
    leftovers = tuple(leftovers)
    staying = reached(facts, (leftover.digest for leftover in leftovers if leftover.stays))
    return tuple(
        replace(left, stays=("something that stays has it",))
        if left.digest in staying and not left.stays
        else left
        for left in leftovers
    )


def _kind(facts: Facts, name: str, digest: Digest) -> LeftoverKind | None:
    """What a tag is a leftover of, if it is one at all."""
    manifest = facts.manifests.get(digest)
    if manifest and manifest.tombstone:
        return "tombstone"
    if is_list(name):
        return "list of evidence"
    if version_tag(name):
        return "image"
    if not name.startswith("keep-") or not tags.is_own(name):
        return None
    return "evidence" if manifest and manifest.subject else "keep tag"


def _hold(
    facts: Facts, kind: LeftoverKind, digest: Digest, sure: Collection[Digest]
) -> tuple[str, ...]:
    # Nothing is lost with a tombstone, or with a list of what is about something that is gone.
    if kind in ("tombstone", "list of evidence") or digest in sure:
        return ()
    manifest = facts.manifests.get(digest)
    # Evidence of what is gone is nobody's parent.
    blind = () if kind == "evidence" else facts.blind
    return (*_young(manifest.created if manifest else None, facts), *blind)


class _Freed:
    """How many bytes go with what; each counted once."""

    def __init__(self, facts: Facts, kept: Collection[Digest]) -> None:
        self._facts = facts
        self._left = {piece.digest for digest in kept for piece in self._pieces(digest)}

    def by(self, manifests: Iterable[Digest]) -> int:
        """The bytes that these manifests have for themselves."""
        total = 0
        for digest in manifests:
            for piece in self._pieces(digest):
                if piece.digest not in self._left:
                    self._left.add(piece.digest)
                    total += piece.size
        return total

    def _pieces(self, digest: Digest) -> tuple[Descriptor, ...]:
        manifest = self._facts.manifests.get(digest)
        return (manifest.descriptor, *manifest.children) if manifest else ()


def _long(stretch: timedelta) -> str:
    return duration(int(stretch.total_seconds()))
