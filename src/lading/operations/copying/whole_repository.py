"""Copy a whole repository: versions, evidence, events, other names, and what stages say at last.

The destination's ledger and stages are never overwritten. Events are added to those that are there;
the index is made anew, and stages' tags go where all events together say. Interrupted at any moment
and run again, it goes on: until the end no stage moves, and events come parents first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lading.errors import Conflict, NotFound
from lading.ledger.book import given
from lading.ledger.read import read_book
from lading.operations.copying.ledger import copy_events, name_highest
from lading.operations.lifecycle.own_version import demand_own_version
from lading.spec import tags
from lading.spec.descriptor import Descriptor
from lading.spec.version import Version
from lading.stores.bundle import BundleStore

if TYPE_CHECKING:
    from lading.ledger.book import Book
    from lading.ledger.fold import Member, Stage, State
    from lading.ledger.line import Line
    from lading.ledger.write import Moved
    from lading.operations.copying.shipment import Shipment
    from lading.operations.lifecycle.logbook import Logbook
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.digest import Digest
    from lading.spec.reference import Reference

# The specification's lists of referrers; with a suffix it is a signature of cosign's, and content.
_REFERRERS: Final = re.compile(r"sha(256|512)-[0-9a-f]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Came:
    """What came beside the tags: events, the stages that they moved, and what is to be said."""

    events: int
    moved: tuple[Moved, ...]
    notes: tuple[str, ...]


def copy_all(shipment: Shipment, source: AnyStore, origin: Reference, settings: Settings) -> Came:
    """Copy everything of a repository; ``origin`` is what the source is called.

    Raises:
        NotFound: the source has no tags.
        IntegrityError: a version's tag names another version there; nothing was copied.
        Conflict: a version exists there with other content, or a protected stage would be in
            dispute; nothing was copied.
    """
    names = frozenset(source.names())
    if not names:
        raise NotFound("the source has no tags", hint="lading list shows what is there")
    to = shipment.numbers.logbook
    book = read_book(source, whole=True, names=names, shelf=to.shelf, jobs=settings.jobs)
    own, _ = to.read(whole=True)
    shipment.numbers.book = own
    return _Copy(shipment, source, names, book, to, own, origin, not settings.unchecked).done()


@dataclass(slots=True)
class _Copy:
    shipment: Shipment
    source: AnyStore
    names: frozenset[str]
    book: Book
    to: Logbook
    own: Book
    origin: Reference
    # Whether a version's tag must name that version.
    checks: bool
    notes: list[str] = field(default_factory=list)

    def done(self) -> Came:
        """Versions first, with their evidence; what moves comes last."""
        self.notes += [f"in the source: {trouble.what}" for trouble in self.book.troubles]
        versions = {name: self._version(name) for name in sorted(filter(_is_version, self.names))}
        for name, root in versions.items():
            self.shipment.refuse_to_move(name, root.digest)
        self._demand_peace()
        self._numbers()
        for name, root in versions.items():
            self.shipment.one(root, name)
        self._versions_without_tag({root.digest for root in versions.values()})
        stages = self._stages()
        for name in sorted(filter(is_plain, self.names - stages)):
            self._other(name)
        events = self._events()
        name_highest(self.shipment.target, self.names)
        settled = self.to.show(self.to.read(whole=True)[0], sorted(stages & self._moved()))
        said = self.book.state()
        for name in sorted(self.names & stages):
            root = self._resolved(name)
            if said.stage(name).value != root.digest:
                self._stage_that_no_event_explains(name, root)
        return Came(len(events), settled.moved, (*self.notes, *self.to.notes))

    # What stages there are

    def _stages(self) -> frozenset[str]:
        """Every name that is a stage, here or there: declared, or moved by an event."""
        return self._moved() | frozenset(self.to.stages)

    def _moved(self) -> frozenset[str]:
        lines = (*self.book.lines.values(), *self.own.lines.values())
        return frozenset(line.stage for line in lines if line.moves and line.stage)

    def _demand_peace(self) -> None:
        """Refuse before anything moves what would leave a protected stage without its version.

        Two ledgers that know nothing of each other dispute every stage that both moved. A protected
        stage then keeps what both agreed on, which may be nothing at all.
        """
        before, after = self._state(self.own), self._state(_union(self.own, self.book))
        for name, stage in after.stages.items():
            was = before.stage(name)
            if stage.kept and not was.fork and was.value not in (None, stage.value):
                raise Conflict(
                    f"both ledgers moved the protected stage {name}, each without the other",
                    cause=f"the destination names {was.value}; together they name"
                    f" {stage.value or 'nothing'} until somebody promotes again",
                    hint=f"carry versions over one by one:"
                    f" lading promote SRC {self.to.place.base} --stage {name}",
                )
            if stage.fork and not was.fork:
                disputed = "was moved in both places" if was.moved else "comes in dispute"
                self.notes.append(
                    f"{name} {disputed}; it names {stage.value or 'nothing'} now,"
                    " and the next promotion settles it"
                )

    def _numbers(self) -> None:
        """Say which numbers each ledger gave to content of its own: nothing can mend that later."""
        here = given(self.own.lines.values())
        for tag, theirs in sorted(given(self.book.lines.values()).items()):
            if here.get(tag) and not set(theirs) & set(here[tag]):
                self.notes.append(
                    f"{tag} was registered in both places with different content:"
                    f" {here[tag][-1]} in the destination, {theirs[-1]} in the source"
                )

    def _state(self, book: Book) -> State:
        return book.state(protected=self.to.protected)

    # What is copied

    def _versions_without_tag(self, copied: set[Digest]) -> None:
        """What the ledger says stages name: its own tag may have been lost."""
        for stage in self.book.state().stages.values():
            for member in stage.members:
                if member.digest in copied:
                    continue
                copied.add(member.digest)
                try:
                    root = self.source.resolve(member.digest)
                except NotFound:
                    self._stayed_behind(stage, member)
                else:
                    self.shipment.one(root, None)

    def _stayed_behind(self, stage: Stage, member: Member) -> None:
        """Say what a stage names that does not come, unless it is there; and how it would."""
        if self._there(member.digest) is not None:
            return
        called, to = member.version or member.digest, self.to.place
        tag = (member.version or stage.name).replace("+", "_")
        if isinstance(self.source, BundleStore):
            brings = f"bundle {self.source.repository}:{tag} as well, and unbundle it with --stages"
        else:
            brings = (
                f"lading copy FROM@{member.digest} {to.with_tag(tag)} brings it from where it is,"
                f" and then lading ledger repair {to.base}"
            )
        self.notes.append(
            f"the stage {stage.name} names {called}, which is neither in {self.origin.base} nor in"
            f" {to.base}: {brings}"
        )

    def _other(self, name: str) -> None:
        """A name that may move; what it named there before is said."""
        root = self._resolved(name)
        there = self._there(name)
        self.shipment.one(root, name, there=there)
        if there not in (None, root.digest):
            self.notes.append(f"{name} named {there} in the destination before")

    def _events(self) -> list[Line]:
        """Give the destination every event that it does not have under its own tag."""
        new = [
            line
            for line in sorted(self.book.lines.values(), key=lambda line: line.order)
            if line.mark not in self.own.lines or line.tag not in self.own.names
        ]
        source, target = self.source, self.shipment.target
        copy_events(source, target, new, shelf=self.to.shelf, jobs=self.shipment.jobs)
        return [line for line in new if line.mark not in self.own.lines]

    def _stage_that_no_event_explains(self, name: str, root: Descriptor) -> None:
        """A stage's tag from before there was a ledger, or that another tool moved.

        Whoever may push tags can make one; into a protected stage only events lead.
        """
        there = self._there(name)
        if there is None and name not in self._moved() | self.to.protected:
            self.shipment.one(root, name)
        elif there != root.digest:
            self.notes.append(
                f"the stage {name} was left as it is: no event says that it names {root.digest};"
                f" lading promote {self.to.place.with_digest(root.digest)} {name}"
            )

    def _version(self, name: str) -> Descriptor:
        root = self._resolved(name)
        if self.checks:
            demand_own_version(self.source, self.origin.with_tag(name), root)
        return root

    def _resolved(self, name: str) -> Descriptor:
        return self.source.resolve(name)

    def _there(self, name: str) -> Digest | None:
        try:
            return self.shipment.target.resolve(name).digest
        except NotFound:
            return None


def _union(own: Book, other: Book) -> Book:
    """Both ledgers as one; whose moves count is for the destination's policy to say."""
    strange = {mark: replace(line, refused=False) for mark, line in other.lines.items()}
    return replace(own, lines={**strange, **own.lines})


def _is_version(name: str) -> bool:
    return Version.from_tag(name) is not None


def is_plain(name: str) -> bool:
    """Whether a name is copied as it is.

    The destination keeps its own books: keep tags where it needs them, lists of referrers as those
    arrive, ``latest`` by what is there, and the ledger's index by its events.
    """
    if _is_version(name) or name == tags.LATEST:
        return False
    if name.startswith(("sha256-", "sha512-")):
        return _REFERRERS.fullmatch(name) is None
    return not tags.is_own(name)
