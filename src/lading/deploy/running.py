"""What runs in a cluster, read from what its API says of pods and of KServe's services. Pure.

Whoever may write into the cluster wrote it, so every value is taken for what it is. A version
counts as seen only where a ``spec`` names it by digest: ``status.imageID`` tells configs, which
versions share, and annotations are claims.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from lading.deploy.pins import DIGEST, REFERENCE
from lading.errors import InvalidInput
from lading.spec.digest import Digest
from lading.spec.plain import Fields, table, tables, text, texts

How = Literal["image volume", "image", "command", "storageUri", "annotation"]

SERVICES: Final = "inferenceservices.serving.kserve.io"
_SERVICE_LABEL: Final = "serving.kserve.io/inferenceservice"
_HASH_LABEL: Final = "pod-template-hash"
_ENDED: Final = frozenset({"Succeeded", "Failed"})
_SCHEME: Final = re.compile(r"(?:oci(?:\+[a-z]+)?|lading|docker)://")
_PINNED: Final = re.compile(r"\S{1,512}@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})", re.ASCII)
_SERVE: Final = "serve-"
_LONGEST: Final = 253
_MOST_OF_ONE: Final = 256


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model: its repository without the host, its versions, and their images."""

    repository: str
    versions: Collection[Digest]
    # Images that hold a version, as its evidence names them.
    images: Mapping[Digest, Digest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """One workload that runs one version."""

    namespace: str
    name: str
    # None where it is named by tag: what runs is then not known.
    digest: Digest | None
    how: tuple[How, ...]
    since: str | None
    pods: int = 0
    ready: int = 0
    # The reference, where it is no digest that is known.
    named: str | None = None
    # What an annotation says, where the spec says something else.
    claims: Digest | None = None

    @property
    def is_claimed(self) -> bool:
        """Whether only an annotation says so."""
        return self.how == ("annotation",)

    @property
    def place(self) -> str:
        """Where it is within its cluster."""
        return f"{self.namespace}/{self.name}"


def running(
    pods: Iterable[Fields], services: Iterable[Fields], known: Known
) -> tuple[Running, ...]:
    """Every workload that runs a version of the model, by place."""
    found: dict[tuple[str, Digest | str | None], Running] = {}
    for each in (*_of_pods(pods, known), *_of_services(services, known)):
        key = (each.place, each.digest or each.named)
        found[key] = _merged(found[key], each) if key in found else each
    return tuple(sorted(found.values(), key=lambda each: (each.place, str(each.digest))))


def unknown_images(pods: Iterable[Fields], known: Known) -> frozenset[Digest]:
    """Digests of containers' images that lie beside the model and are no version themselves."""
    return frozenset(
        digest
        for pod in pods
        for container in _containers(pod)
        for digest in [_digest_in(text(container.get("image")))]
        if digest
        and digest not in known.versions
        and _repository(str(container["image"])) == known.repository
    )


@dataclass(frozen=True, slots=True)
class _Naming:
    """One place in a spec that names something of the model."""

    how: How
    digest: Digest | None
    named: str | None = None


def _of_pods(pods: Iterable[Fields], known: Known) -> Iterator[Running]:
    for pod in pods:
        status, metadata = table(pod.get("status")), table(pod.get("metadata"))
        if text(status.get("phase")) in _ENDED:
            continue
        namings = list(_in_spec(pod, known))
        claimed = _claimed(metadata, known)
        if not namings and claimed:
            namings = [_Naming("annotation", claimed)]
        told = {naming.digest for naming in namings}
        for digest, named in dict.fromkeys((each.digest, each.named) for each in namings):
            ways = (each.how for each in namings if (each.digest, each.named) == (digest, named))
            yield Running(
                namespace=_name(metadata.get("namespace"), "default"),
                name=_workload(metadata),
                digest=digest,
                how=tuple(dict.fromkeys(ways)),
                since=_moment(metadata),
                pods=1,
                ready=int(_is_ready(status)),
                named=named,
                claims=claimed if claimed and claimed not in told else None,
            )


def _of_services(services: Iterable[Fields], known: Known) -> Iterator[Running]:
    for service in services:
        metadata = table(service.get("metadata"))
        predictor = table(table(service.get("spec")).get("predictor"))
        addresses = [text(table(part).get("storageUri")) for part in predictor.values()]
        for address in filter(None, [text(predictor.get("storageUri")), *addresses]):
            naming = _of_model("storageUri", _SCHEME.sub("", address, count=1), known)
            if naming:
                yield Running(
                    namespace=_name(metadata.get("namespace"), "default"),
                    name=_name(metadata.get("name"), "?"),
                    digest=naming.digest,
                    how=("storageUri",),
                    since=_moment(metadata),
                    named=naming.named,
                )


def _in_spec(pod: Fields, known: Known) -> Iterator[_Naming]:
    """What a pod's spec names of the model, each once."""
    seen = set[tuple[How, Digest | None, str | None]]()
    for naming in _namings(pod, known):
        key = (naming.how, naming.digest, naming.named)
        if key not in seen and len(seen) < _MOST_OF_ONE:
            seen.add(key)
            yield naming


def _namings(pod: Fields, known: Known) -> Iterator[_Naming]:
    spec = table(pod.get("spec"))
    for volume in tables(spec.get("volumes")):
        reference = text(table(volume.get("image")).get("reference"))
        if reference and (naming := _of_model("image volume", reference, known)):
            yield naming
    for container in _containers(pod):
        image = text(container.get("image")) or ""
        digest = _digest_in(image)
        if digest and (digest in known.versions or digest in known.images):
            yield _Naming("image", known.images.get(digest, digest))
        elif digest is None and _is_serving(image, known):
            yield _Naming("image", None, image)
        for word in (*texts(container.get("command")), *texts(container.get("args"))):
            pinned = _PINNED.fullmatch(word)
            if pinned and (told := _digest_in(word)) in known.versions:
                yield _Naming("command", told)


def _of_model(how: How, reference: str, known: Known) -> _Naming | None:
    """What a reference to the model itself names; None where it is another model's."""
    digest = _digest_in(reference)
    if digest in known.versions:
        return _Naming(how, digest)
    if _repository(reference) != known.repository:
        return None
    return _Naming(how, digest, reference[:_LONGEST])


def _containers(pod: Fields) -> Iterator[Fields]:
    spec = table(pod.get("spec"))
    for kind in ("containers", "initContainers"):
        yield from tables(spec.get(kind))


def _claimed(metadata: Fields, known: Known) -> Digest | None:
    """What an annotation says: of a version that is known, or of this model by name."""
    annotations = table(metadata.get("annotations"))
    digest = _digest(text(annotations.get(DIGEST)))
    place = text(annotations.get(REFERENCE)) or ""
    is_ours = digest in known.versions or (place and _repository(place) == known.repository)
    return digest if is_ours else None


def _is_serving(image: str, known: Known) -> bool:
    """Whether an image is named by a tag that Lading gives to images with a model in them."""
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag.startswith(_SERVE) and _repository(image) == known.repository


def _repository(reference: str) -> str:
    """The name without host, tag and digest: a mirror has the same content under another host."""
    plain = reference.partition("@")[0]
    above, slash, last = plain.rpartition("/")
    plain = f"{above}{slash}{last.partition(':')[0]}"
    host, slash, rest = plain.partition("/")
    return rest if slash and ("." in host or ":" in host or host == "localhost") else plain


def _digest_in(reference: str | None) -> Digest | None:
    return _digest((reference or "").partition("@")[2])


def _digest(value: str | None) -> Digest | None:
    try:
        return Digest(value) if value else None
    except InvalidInput:
        return None


def _workload(metadata: Fields) -> str:
    """What a person calls what a pod belongs to: a deployment, not its replica set."""
    labels = table(metadata.get("labels"))
    if service := text(labels.get(_SERVICE_LABEL)):
        return _name(service, "?")
    owners = [owner for owner in tables(metadata.get("ownerReferences")) if text(owner.get("name"))]
    if not owners:
        return _name(metadata.get("name"), "?")
    owner = _name(owners[0].get("name"), "?")
    suffix = text(labels.get(_HASH_LABEL))
    if owners[0].get("kind") == "ReplicaSet" and suffix:
        return owner.removesuffix(f"-{suffix}")
    return owner


def _name(value: object, otherwise: str) -> str:
    return (text(value) or otherwise)[:_LONGEST]


def _moment(metadata: Fields) -> str | None:
    found = text(metadata.get("creationTimestamp"))
    return found[:40] if found else None


def _is_ready(status: Fields) -> bool:
    return any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in tables(status.get("conditions"))
    )


def _merged(one: Running, other: Running) -> Running:
    """Two sightings of one workload: of two pods, or twice in one."""
    how = tuple(dict.fromkeys((*one.how, *other.how)))
    times = [each for each in (one.since, other.since) if each]
    return replace(
        one,
        how=how,
        since=min(times, default=None),
        pods=one.pods + other.pods,
        ready=one.ready + other.ready,
        claims=one.claims or other.claims,
    )
