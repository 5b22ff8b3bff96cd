"""How evidence is hung on a version: what is written beside it, and what is not written twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.operations import stores
from lading.operations.lifecycle.actor import actor
from lading.operations.lifecycle.stages import checked
from lading.operations.reading.gathered import evidence_manifest
from lading.packing.artifact import recognise
from lading.ports import Content
from lading.spec import evidence as kinds
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.event import moment
from lading.spec.manifest import Manifest
from lading.spec.reference import Reference
from lading.transfer import OnProgress
from lading.transfer.attach import attach, listed

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings

Status = Literal["attached", "unchanged"]

# The same said again by the same person within this time is one attempt after another: a job that
# was killed and runs again. Later it is news: that it still holds.
_ONE_ATTEMPT: Final = timedelta(hours=1)
_COMPARED: Final = 20
_TOO_MANY: Final = (
    "this version has {} pieces of evidence; some verifiers read them all: keep it to about {}"
)


@dataclass(frozen=True, slots=True)
class Attached:
    """The manifest that holds the evidence, and whether it was there already."""

    digest: Digest
    status: Status
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attachment:
    """The version that evidence is to be hung on, and who does it."""

    place: Reference
    store: AnyStore
    root: Descriptor
    # Survives a copy that was compressed; only versions of Lading's own have one.
    model: Digest | None
    actor: str

    @classmethod
    def to(cls, reference: str | Reference, settings: Settings) -> Attachment:
        """The version that a reference names.

        Raises:
            NotFound: there is none.
            InvalidInput: it is no model.
            IntegrityError: a stage is named whose tag is not what the ledger says.
        """
        place = stores.with_name(stores.locate(reference, settings))
        store = stores.open_store(place, settings)
        root = checked(store, place, stores.resolve(store, place), settings)
        artifact = recognise(store, root, str(place))
        model = artifact.model.digest if artifact.index and artifact.kind == "lading" else None
        return cls(place, store, root, model, actor(settings))

    def hang(
        self,
        layer: tuple[Descriptor, Content],
        *,
        artifact_type: str,
        created: str,
        annotations: Mapping[str, str],
        says_the_same: Callable[[Manifest], bool],
        once: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Attached:
        """Publish evidence, unless the same was published a moment ago; or, where it is said
        ``once``, ever, by anybody.

        Raises:
            Unavailable: it was put, and others or the registry keep losing it.
        """
        notes = dict(annotations) | {kinds.ACTOR: self.actor}
        if self.model:
            notes[kinds.MODEL] = self.model
        there = list(listed(self.store, self.root))
        looked = there if once else self._near(there, created)
        near = None if once else created
        if before := self._before(looked, artifact_type, near, notes, says_the_same):
            return Attached(before, "unchanged", ())
        attached = attach(
            self.store,
            self.root,
            [layer],
            artifact_type=artifact_type,
            annotations=notes | {mediatypes.CREATED: created},
            on_progress=on_progress,
        )
        count = len({entry.digest for entry in (*there, attached)})
        many = (_TOO_MANY.format(count, kinds.ENOUGH),) if count > kinds.ENOUGH else ()
        return Attached(attached.digest, "attached", many)

    def _near(self, there: Sequence[Descriptor], created: str) -> list[Descriptor]:
        """What may have been published by the same actor within one attempt's time."""
        return [
            entry
            for entry in there
            if entry.annotations.get(kinds.ACTOR, self.actor) == self.actor
            and _is_near(entry.annotations, created, unknown=True)
        ]

    def _before(
        self,
        there: Sequence[Descriptor],
        artifact_type: str,
        created: str | None,
        notes: Mapping[str, str],
        says_the_same: Callable[[Manifest], bool],
    ) -> Digest | None:
        """The same evidence; of that moment and by the same actor, where a moment is given.

        A list's word is enough to leave an entry out of this, and never to take it for the same.
        """
        near = [entry for entry in there if entry.artifact_type in (None, artifact_type)]
        # What was killed a moment ago is among the newest, which lists by tag name last.
        near.reverse()
        near.sort(key=lambda entry: entry.annotations.get(mediatypes.CREATED, ""), reverse=True)
        for entry in near[:_COMPARED]:
            try:
                manifest = evidence_manifest(self.store, self.root, entry)
                if (
                    manifest.artifact_type == artifact_type
                    and (created is None or _is_that(manifest.annotations, created, notes))
                    and says_the_same(manifest)
                ):
                    return entry.digest
            except (NotFound, InvalidInput, IntegrityError):
                continue  # not ours, whatever it is; `lading evidence` tells of it
        return None


def _is_that(said: Mapping[str, str], created: str, notes: Mapping[str, str]) -> bool:
    """Whether all that is written beside the content is the same, but for a moment's difference."""
    without = {name: text for name, text in said.items() if name != mediatypes.CREATED}
    return _is_near(said, created, unknown=False) and without == notes


def _is_near(annotations: Mapping[str, str], created: str, *, unknown: bool) -> bool:
    said = annotations.get(mediatypes.CREATED)
    if said is None:
        return unknown
    try:
        return abs(moment(said) - moment(created)) <= _ONE_ATTEMPT
    except (InvalidInput, OverflowError):
        return False
