"""Say how well a version did, after it was pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from lading.errors import InvalidInput
from lading.operations import stores
from lading.operations.attaching.attachment import Attached, Attachment, Status
from lading.spec import evidence as kinds
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.event import moment, now
from lading.spec.manifest import Manifest
from lading.spec.plain import read_table
from lading.transfer import read

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.reference import Reference

# Clocks differ by so much; what is of later than that cannot be true.
_AHEAD: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class EvaluateResult:
    """The evaluation; ``digest`` is the version's, ``evidence`` the manifest's that holds it."""

    reference: str
    digest: str
    evidence: str
    status: Status
    content: dict[str, Any]
    notes: tuple[str, ...]


def evaluate(
    reference: str | Reference,
    metrics: Mapping[str, float] | Sequence[Mapping[str, object]],
    *,
    dataset: str | None = None,
    split: str | None = None,
    tool: str | None = None,
    because: str | None = None,
    settings: Settings | None = None,
) -> EvaluateResult:
    """Record metrics of a version that exists, as evidence; the version stays as it is.

    ``metrics`` are ``{"auc": 0.91, "auc@test": 0.9}``, or a list with the fields of a metric. The
    same by the same actor within an hour is one attempt after another, and is recorded once;
    later it is recorded again, for rules that ask how old evidence is.

    Raises:
        InvalidInput: there is no metric, or one is no number.
        NotFound: there is no such version.
        Unavailable: it was put, and others or the registry keep losing it; run it again.
    """
    settings = stores.settled(settings)
    said = {"dataset": dataset, "split": split, "tool": tool, "notes": because}
    value = {"metrics": metrics} | {name: text for name, text in said.items() if text}
    attachment = Attachment.to(reference, settings)
    done, _, content = hang_evaluation(attachment, value, "the evaluation", annotations={})
    return EvaluateResult(
        reference=str(attachment.place),
        digest=attachment.root.digest,
        evidence=done.digest,
        status=done.status,
        content=content,
        notes=done.notes,
    )


def hang_evaluation(
    attachment: Attachment, value: object, where: str, *, annotations: Mapping[str, str]
) -> tuple[Attached, int, dict[str, Any]]:
    """Hang an evaluation in any shape on a version: what became of it, its size, what it says.

    Raises:
        InvalidInput: it is none.
    """
    from lading.spec.evaluation import EvaluatedVersion, evaluation

    of = EvaluatedVersion(index=attachment.root.digest, model=attachment.model)
    made = evaluation(value, where, subject=of, created=now(), actor=attachment.actor)
    if moment(made.created) > moment(now()) + _AHEAD:
        raise InvalidInput(f"{where} was made in the future", cause=f"it says {made.created}")
    raw, said = made.encode(), made.as_json()
    kind = kinds.artifact_type(kinds.EVALUATION)
    done = attachment.hang(
        (Descriptor.of(raw, kind), BytesContent(raw)),
        artifact_type=kind,
        created=made.created,
        annotations=annotations,
        says_the_same=lambda manifest: _says(attachment, manifest) == _lasting(said),
    )
    return done, len(raw), dict(kinds.content_of(kinds.EVALUATION, raw))


def _says(attachment: Attachment, manifest: Manifest) -> Mapping[str, Any] | None:
    if len(manifest.layers) != 1:
        return None
    return _lasting(
        read_table(read(attachment.store, manifest.layers[0], limit=kinds.CONTENT_LIMIT))
    )


def _lasting(content: Mapping[str, Any]) -> dict[str, Any]:
    """What an evaluation says whenever it is said."""
    return {name: part for name, part in content.items() if name != "created"}
