"""Carrying a plan out, beside people who go on working.

A registry has no transactions, so nothing here is quicker than a promotion at the same moment. The
ledger, the tags and new versions are read again right before each removal and right after it; what
somebody came to need in between is put back, with its evidence. What remains is who found a version
before it was removed, and writes that down after the last look: its stage says that it cannot
follow, and copying or pushing the version again mends that. Tools that copy tag by tag show parts
before their whole: none should fill a repository while leftovers are removed from it.

Interrupted, it is run again: what then has a tag, or is in the ledger, is found. Where registries
have no keep tags, parts of a version whose index is gone are found by nobody but the registry's own
garbage collection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lading.errors import Conflict, NotFound
from lading.operations.garbage.facts import is_list, version_tag
from lading.operations.garbage.plan import Wish, judged, kept_by, plan
from lading.operations.reading.cached_source import CachedSource
from lading.operations.remove import NOT_YET, Removal, delete_manifests, free
from lading.ports import Deleter
from lading.spec.content import BytesContent
from lading.spec.digest import Digest

if TYPE_CHECKING:
    from lading.operations.garbage.facts import Facts
    from lading.operations.garbage.look import Look
    from lading.operations.garbage.plan import Leftover, Plan, Verdict

Status = Literal["goes", "stays", "removed", "put back"]
Fate = tuple[Status, tuple[str, ...]]


@dataclass(slots=True)
class Deletion:
    """A plan, and what became of it."""

    look: Look
    facts: Facts
    plan: Plan
    notes: list[str] = field(default_factory=list)
    _versions: dict[str, Fate] = field(default_factory=dict)
    _cleared: dict[tuple[str | None, Digest], Fate] = field(default_factory=dict)

    def run(self) -> None:
        """Remove versions one by one, then what is left over; then free this machine's disk.

        Raises:
            Unsupported: this registry can delete nothing.
        """
        now = self.look.facts(leftovers=False)
        for verdict in _derived_first(self.plan.going):
            now = self._remove(verdict, now)
        if self.plan.clearing or self._versions:
            self._clear()
        # What was too young for an earlier removal may go now.
        told = free(self.look.store)
        self._note(told if self._versions or self._cleared else set(told) - {NOT_YET})
        if self.look.logbook.place.host and (self._versions or self._cleared):
            self._note(["the registry's garbage collection frees the bytes"])

    @property
    def frees(self) -> int:
        """The bytes of what goes, or went."""
        versions = sum(v.frees for v in self.plan.going if _went(self.of_version(v)))
        return versions + sum(x.frees for x in self.plan.clearing if _went(self.of_leftover(x)))

    def of_version(self, verdict: Verdict) -> Fate:
        """What became of a version, and why it stays."""
        planned: Fate = ("goes", ()) if verdict.goes else ("stays", verdict.stays)
        return self._versions.get(verdict.version.tag, planned)

    def of_leftover(self, leftover: Leftover) -> Fate:
        """What became of a leftover, and why it stays."""
        planned: Fate = ("stays", leftover.stays) if leftover.stays else ("goes", ())
        return self._cleared.get((leftover.tag, leftover.digest), planned)

    # Versions

    def _remove(self, verdict: Verdict, now: Facts) -> Facts:
        """Remove a version that still nobody needs; what is so right after that."""
        tag = verdict.version.tag
        left = {v.version.tag: v.version.digest for v in self.plan.going}
        chosen = [v for v in now.versions if left.get(v.tag) == v.digest]
        again = next((v for v in judged(now, chosen) if v.version.tag == tag), None)
        if again is None or again.stays:
            self._versions[tag] = "stays", again.stays if again else ("it is gone, or another",)
            return now
        # What another version has in common with it stays, whatever was planned.
        own = verdict.belongings - kept_by(now, {tag})
        place = self.look.logbook.place.with_tag(tag)
        logbook = self.look.logbook
        reader = CachedSource(self.look.store, logbook.shelf)
        removal = Removal(self.look.store, place, tag, logbook, collects=False, reader=reader)
        try:
            self._note(removal.done().notes)
        except Conflict as error:
            # Somebody named it a moment ago; nothing was done.
            self._versions[tag] = "stays", (error.cause or error.what,)
            return self.look.facts(leftovers=False)
        except NotFound as error:
            self._versions[tag] = "stays", (f"somebody else is removing it: {error}",)
            return self.look.facts(leftovers=False)
        after = self.look.facts(leftovers=False)
        if needed := _needed(after, own):
            self._put_back(own)
            self._push(verdict.version.digest, tag)
            for name, digest in self.facts.tags.items():
                if version_tag(name) == tag and digest in own:
                    self._push(digest, name)
            self._let_stages_follow(verdict.version.digest)
            self._versions[tag] = "put back", needed
        else:
            self._versions[tag] = "removed", ()
        return after

    def _let_stages_follow(self, digest: Digest) -> None:
        logbook = self.look.logbook
        book, state = logbook.read(whole=True)
        moved = [name for name, stage in state.stages.items() if stage.value == digest]
        if moved:
            logbook.show(book, moved)

    # Leftovers

    def _clear(self) -> None:
        """Clear away what was planned, and what came loose with the versions, by what holds now."""
        went = [v for v in self.plan.going if self._versions[v.version.tag][0] == "removed"]
        sure = frozenset(digest for verdict in went for digest in verdict.belongings)
        meant = {(leftover.tag, leftover.digest) for leftover in self.plan.clearing}
        now = plan(self.look.facts(leftovers=True), Wish(), sure=sure)
        going = [
            left for left in now.clearing if (left.tag, left.digest) in meant or left.digest in sure
        ]
        gone = {leftover.digest for leftover in going} - now.kept
        # Some registries (ECR) delete nothing that an index still names.
        order = sorted(gone, key=lambda digest: (not self.look.seen[digest][0].is_index, digest))
        self._note(
            delete_manifests(self.look.store, [self.look.seen[digest][0] for digest in order])
        )
        for leftover in going:
            self._untag(leftover.tag)
            self._cleared[leftover.tag, leftover.digest] = "removed", ()
        for key in meant - self._cleared.keys():
            self._cleared[key] = "stays", ("it is gone, or something needs it now",)
        after = self.look.facts(leftovers=False)
        if needed := _needed(after, gone):
            self._put_back(gone & kept_by(after))
            self._note([f"what something came to need meanwhile was put back: {needed[0]}"])

    def _untag(self, name: str | None) -> None:
        if name is None:
            return
        assert isinstance(self.look.store, Deleter)
        try:
            self.look.store.untag(name)
        except NotFound:
            return  # it went with its manifest, or somebody was quicker

    # Both

    def _put_back(self, digests: Collection[Digest]) -> None:
        """Give back manifests, those that others name first; their content is still there."""
        known = {digest: self.facts.manifests[digest] for digest in digests}
        lists = {name: d for name, d in self.facts.tags.items() if is_list(name) and d in known}
        # A list comes back with the evidence on it; what only looks like one has its name back.
        waiting = set(known) - set(lists.values())
        signatures = {name: d for name, d in lists.items() if not known[d].descriptor.is_index}
        while waiting:
            ready = {
                digest
                for digest in waiting
                if not waiting & {child.digest for child in known[digest].children}
                and known[digest].subject not in waiting
            }
            for digest in sorted(ready or waiting):
                self._push(digest, None)
            waiting -= ready or waiting
        for name, digest in signatures.items():
            self._push(digest, name)

    def _push(self, digest: Digest, name: str | None) -> None:
        descriptor, raw = self.look.seen[digest]
        self.look.store.push(descriptor, BytesContent(raw), name)

    def _note(self, notes: Iterable[str]) -> None:
        self.notes += [note for note in notes if note not in self.notes]


def _derived_first(going: Iterable[Verdict]) -> Iterator[Verdict]:
    """Should this be interrupted, nothing is gone that a version which is left was made from."""
    waiting = list(reversed(list(going)))
    while waiting:
        named = {parent for verdict in waiting for parent in verdict.version.parents}
        free_ = (v for v in waiting if not v.version.digests & (named - v.version.parents))
        chosen = next(free_, waiting[0])
        waiting.remove(chosen)
        yield chosen


def _needed(facts: Facts, gone: Collection[Digest]) -> tuple[str, ...]:
    """Why something needs what is gone."""
    reasons = [reason for digest in gone for reason in facts.named.get(digest, ())]
    reasons += [f"the tag {name} names it" for name, d in facts.tags.items() if d in gone]
    reasons += [f"{v.version} was made from it" for v in facts.versions if v.parents & set(gone)]
    if not reasons and kept_by(facts) & set(gone):
        reasons.append("another version holds manifests of it")
    return tuple(dict.fromkeys(reasons))


def _went(fate: Fate) -> bool:
    return fate[0] in ("goes", "removed")
