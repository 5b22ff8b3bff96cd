"""Hang a file on a version as evidence: an evaluation, a scan, a report, a bill of materials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from lading.errors import InvalidInput
from lading.operations import stores
from lading.operations.attaching import attached_file
from lading.operations.attaching.attached_file import AttachedFile
from lading.operations.attaching.attachment import Attached, Attachment, Status
from lading.operations.evaluate import hang_evaluation
from lading.spec import evidence as kinds
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.event import now
from lading.spec.manifest import Manifest

if TYPE_CHECKING:
    from lading.settings import Settings
    from lading.spec.reference import Reference
    from lading.transfer import OnProgress

_MOST_ANNOTATIONS: Final = 64
_LONGEST_KEY: Final = 256
_LONGEST_VALUE: Final = 4096


@dataclass(frozen=True, slots=True)
class AttachResult:
    """The evidence: ``digest`` is the version's, ``evidence`` the manifest's that holds it."""

    reference: str
    digest: str
    evidence: str
    type: str
    size: int
    status: Status
    notes: tuple[str, ...]


def attach(
    reference: str | Reference,
    path: str | Path,
    *,
    type: str,  # noqa: A002  the option's word
    media_type: str | None = None,
    annotations: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> AttachResult:
    """Hang a file on a version. The version itself stays as it is.

    An ``evaluation`` is read and written in one shape, whatever tool it comes from; a ``scan``
    must be JSON with a verdict; anything else is taken as it is, of any size. The same file by the
    same actor within an hour is one attempt after another, and is attached once.

    Raises:
        InvalidInput: it is no evaluation or scan, or there is no such file.
        NotFound: there is no such version.
        Unavailable: it was put, and others or the registry keep losing it; run it again.
    """
    settings = stores.settled(settings)
    artifact_type = kinds.artifact_type(type)
    word, path = kinds.word_of(artifact_type), Path(path)
    if word in (kinds.IMAGE, kinds.IMAGE_CHECK):
        raise InvalidInput(
            f"evidence of the type {word} is not written by hand",
            hint="lading image build, assemble and check --record hang it on the version",
        )
    extra = _checked(annotations or {})
    if word in (kinds.EVALUATION, kinds.SCAN):
        if media_type is not None:
            raise InvalidInput(
                f"the media type of a {word} is known", hint="leave out --media-type"
            )
        raw = attached_file.read_small(path, kinds.CONTENT_LIMIT)
        hang = _evaluation if word == kinds.EVALUATION else _scan
        attachment = Attachment.to(reference, settings)
        done, size = hang(attachment, path, raw, extra)
        return _result(attachment, done, word, size)
    kind = kinds.media_type(media_type or attached_file.guessed(path))
    attachment = Attachment.to(reference, settings)
    file = AttachedFile.of(path)
    layer = Descriptor(kind, file.digest, file.size).with_annotations({mediatypes.TITLE: path.name})
    done = attachment.hang(
        (layer, file),
        artifact_type=artifact_type,
        created=now(),
        annotations=extra,
        says_the_same=lambda manifest: _holds(manifest, layer),
        on_progress=on_progress,
    )
    return _result(attachment, done, word, file.size)


def _evaluation(
    attachment: Attachment, path: Path, raw: bytes, annotations: Mapping[str, str]
) -> tuple[Attached, int]:
    done, size, _ = hang_evaluation(
        attachment, _json(raw, path), str(path), annotations=annotations
    )
    return done, size


def _scan(
    attachment: Attachment, path: Path, raw: bytes, annotations: Mapping[str, str]
) -> tuple[Attached, int]:
    """A scan's JSON as it is, once it is known to have a verdict on this very version."""
    content = kinds.content_of(kinds.SCAN, raw)
    if other := kinds.names_another(kinds.SCAN, content, attachment.root.digest, attachment.model):
        raise InvalidInput(
            f"{path} is a scan of another version",
            cause=f"it names {other}, this is {attachment.root.digest}",
            hint=f"lading scan {attachment.place} --json",
        )
    kind = kinds.artifact_type(kinds.SCAN)
    layer = Descriptor.of(raw, kind).with_annotations({mediatypes.TITLE: path.name})
    done = attachment.hang(
        (layer, BytesContent(raw)),
        artifact_type=kind,
        created=now(),
        annotations=annotations,
        says_the_same=lambda manifest: _holds(manifest, layer),
    )
    return done, len(raw)


def _holds(manifest: Manifest, layer: Descriptor) -> bool:
    return manifest.layers == (layer,) and manifest.layers[0].annotations == layer.annotations


def _result(attachment: Attachment, done: Attached, word: str, size: int) -> AttachResult:
    return AttachResult(
        reference=str(attachment.place),
        digest=attachment.root.digest,
        evidence=done.digest,
        type=word,
        size=size,
        status=done.status,
        notes=done.notes,
    )


def _json(raw: bytes, path: Path) -> object:
    try:
        value: object = json.loads(raw.decode("utf-8-sig"), parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is not an evaluation",
            cause=f"it is not JSON: {error}"[:200],
            hint='write {"auc": 0.91}; another file is attached as it is: --type report',
        ) from error
    return value


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that JSON knows")


def _checked(annotations: Mapping[str, str]) -> dict[str, str]:
    """Annotations that a person gives, as far as they may."""
    if len(annotations) > _MOST_ANNOTATIONS:
        raise InvalidInput(f"more than {_MOST_ANNOTATIONS} annotations")
    for key, value in annotations.items():
        if key.startswith("dev.lading.") or key == mediatypes.CREATED:
            raise InvalidInput(
                f"the annotation {key[:80]!r} is Lading's own", hint="choose another"
            )
        if not 0 < len(key) <= _LONGEST_KEY or not key.isprintable() or " " in key:
            raise InvalidInput(f"not a name for an annotation: {key[:80]!r}")
        if len(value) > _LONGEST_VALUE or any("\ud800" <= char <= "\udfff" for char in value):
            raise InvalidInput(
                f"the annotation {key!r} cannot be written",
                cause=f"{len(value)} characters, the limit is {_LONGEST_VALUE}",
                hint="attach long text as a file",
            )
    return dict(annotations)
