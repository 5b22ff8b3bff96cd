"""A plan made into a version: the document, and four views of one cargo under one index.

What each part looks like, and which consumer asks for it, is in the format's table: the order of
entries, what carries a title, what has a platform. Files are read elsewhere.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from lading.errors import InvalidInput, NotFound
from lading.packing.artifact import DOCUMENT_PATH, DOCUMENT_TITLE, PREFIX
from lading.packing.plan import Plan, PlannedLayer, PlannedMember
from lading.packing.record import Bundle, Elsewhere, bundle_of
from lading.packing.roles import Role, format_of
from lading.packing.summary import index_annotations, modelpack_config
from lading.packing.tarview import AbsentView, BytesMember, TarView
from lading.ports import Content, Reader
from lading.spec import mediatypes
from lading.spec.content import BytesContent
from lading.spec.descriptor import UNKNOWN_PLATFORM, Descriptor, Platform
from lading.spec.digest import Digest
from lading.spec.encoding import check_depth, decode_object, encode
from lading.spec.identity import Identity
from lading.spec.manifest import DOCUMENT_LIMIT, MANIFEST_LIMIT, Index, Manifest
from lading.spec.plain import tables, text
from lading.spec.statement import Statement

# A node refuses an index without its platform; s390x and ppc64le cost a kilobyte each.
PLATFORMS: Final = (Platform("amd64", "linux"), Platform("arm64", "linux"))

_MODELPACK_KINDS: Final[dict[Role, str]] = {
    "weights": "weight",
    "config": "weight.config",
    "code": "code",
    "doc": "doc",
    "dataset": "dataset",
}

_Entry = dict[str, object]


@dataclass(frozen=True, slots=True)
class PackedVersion:
    """A version in full: a source of everything it is made of."""

    plan: Plan = field(repr=False)
    root: Descriptor
    index: Index
    model: Descriptor
    document: bytes
    manifests: tuple[tuple[Descriptor, bytes], ...] = field(repr=False)
    layers: tuple[Descriptor, ...] = field(repr=False)
    _contents: Mapping[Digest, Content] = field(repr=False)

    def resolve(self, name: str) -> Descriptor:
        """The index, as ``root`` or by its digest, or a manifest by its digest.

        Raises:
            NotFound: this version has nothing of that name.
        """
        if name in ("root", self.root.digest):
            return self.root
        for descriptor, _ in self.manifests:
            if name == descriptor.digest:
                return descriptor
        raise NotFound(f"the version has no {name}")

    @contextmanager
    def fetch(self, descriptor: Descriptor, offset: int = 0) -> Iterator[Reader]:
        """The bytes of a manifest, a config or a layer.

        Raises:
            NotFound: it is no part of this version.
            LocalFailure: a file cannot be read, or is not what it was.
        """
        with self.content(descriptor).open(offset) as reader:
            yield reader

    def content(self, descriptor: Descriptor) -> Content:
        """The content itself, in the form that can be sent fastest.

        Raises:
            NotFound: it is no part of this version.
        """
        try:
            return self._contents[descriptor.digest]
        except KeyError:
            raise NotFound(f"the version has no content {descriptor.digest}") from None


def seal(
    plan: Plan,
    statement: Statement | Identity,
    *,
    created: str,
    platforms: Iterable[Platform] = PLATFORMS,
) -> PackedVersion:
    """The version of a plan; what is not hashed yet is read.

    The same plan, statement and time give the same digest.

    Raises:
        InvalidInput: there is too much to say.
        LocalFailure: a file cannot be read, or is not what it was.
    """
    plan = plan.hashed()
    document = _stated(statement).document(created)
    document["files"] = _files(plan, {})
    return _sealed(plan, document, tuple(platforms))


def reseal(
    plan: Plan,
    statement: Statement | Identity,
    existing: bytes,
    *,
    layers: Iterable[Descriptor] = (),
    platforms: Iterable[Platform] = PLATFORMS,
) -> PackedVersion:
    """The version of a plan as it would have been, had it been sealed when another one was.

    The time, the name, what was captured, and everything else that nobody gives now, come from the
    existing version: its document, and of its ``layers`` those that Lading wrote. So the digest is
    the same if the files are, and if nothing was given that differs; of tags, metrics and
    parameters each counts by itself.

    Raises:
        InvalidInput: the existing document is none.
        LocalFailure: a file cannot be read, or is not what it was.
    """
    known = decode_object(existing, "the existing version's document")
    files = tables(known.get("files"))
    plan = _with_their_bundles(plan.hashed(), files, {each.digest: each.size for each in layers})
    document = _stated(statement).document_over(known)
    before = {str(entry.get("path")): dict(entry) for entry in files}
    document["files"] = _files(plan, before)
    return _sealed(plan, document, tuple(platforms))


def _stated(statement: Statement | Identity) -> Statement:
    return Statement(statement) if isinstance(statement, Identity) else statement


def _with_their_bundles(
    plan: Plan, files: Iterable[Mapping[str, object]], sizes: Mapping[Digest, int]
) -> Plan:
    """The plan with what Lading wrote into an existing version, where the folder has none of it."""
    theirs: dict[tuple[Bundle, Digest], list[Elsewhere]] = {}
    for entry in files:
        path, layer, size = entry.get("path"), entry.get("layer"), entry.get("size")
        if isinstance(path, str) and isinstance(size, int) and (bundle := bundle_of(path)):
            theirs.setdefault((bundle, Digest(str(layer))), []).append(Elsewhere(path, size))
    for (bundle, layer), members in theirs.items():
        if layer in sizes and not plan.has(bundle):
            plan = plan.with_absent(bundle, layer, sizes[layer], members)
    return plan


def _files(plan: Plan, before: Mapping[str, _Entry]) -> list[_Entry]:
    entries = [_entry(layer, member) for layer in plan.layers for member in layer.members]
    entries.sort(key=lambda entry: str(entry["path"]))
    return [_as_before(entry, before) for entry in entries]


def _entry(layer: PlannedLayer, member: PlannedMember) -> _Entry:
    fields: _Entry = {
        "path": member.path,
        "size": member.size,
        "sha256": layer.sha256.get(member.path),
        "role": layer.role,
        "format": format_of(member.path),
        "layer": layer.digest,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _as_before(entry: _Entry, before: Mapping[str, _Entry]) -> _Entry:
    """What an existing document says of the same file: it may know more, or less."""
    known = before.get(str(entry["path"]), {})
    same = all(known.get(name) == entry[name] for name in ("path", "size", "layer"))
    hashes = {str(each["sha256"]) for each in (known, entry) if "sha256" in each}
    return known if same and len(hashes) < 2 else entry


def _encoded(document: Mapping[str, object]) -> bytes:
    check_depth(dict(document), "the document")
    try:
        raw = encode(document)
    except ValueError as error:
        raise InvalidInput("the document holds what JSON cannot say", cause=str(error)) from error
    if len(raw) > DOCUMENT_LIMIT:
        raise InvalidInput(
            "the document would be larger than 16 MiB",
            cause=f"{len(raw):,} bytes",
            hint="put many small files into archives, or say less",
        )
    return raw


@dataclass(frozen=True, slots=True)
class _Cargo:
    """A layer as all manifests share it, and what only some of them say about it."""

    digest: Digest
    view: TarView
    title: str
    role: Role
    path: str
    is_folder: bool
    length: int

    def described(self, media_type: str, annotations: Mapping[str, str]) -> Descriptor:
        return Descriptor(media_type, self.digest, self.view.size, annotations)


def _cargo(plan: Plan, document: bytes) -> Iterator[_Cargo]:
    for layer in plan.layers:
        if layer.digest is None:
            raise ValueError(f"layer {layer.title} is not hashed")
        single = len(layer.members) == 1 and not layer.folders
        path = PREFIX + layer.members[0].path if single else _common_folder(layer)
        length = layer.members[0].size if single else 0
        yield _Cargo(layer.digest, layer.view, layer.title, layer.role, path, not single, length)
    # The last one, so that other metadata never changes another layer.
    view = TarView([BytesMember(DOCUMENT_PATH, document)])
    digest = view.digest()
    yield _Cargo(digest, view, DOCUMENT_TITLE, "doc", DOCUMENT_PATH, False, len(document))


def _common_folder(layer: PlannedLayer) -> str:
    parents = [PREFIX + member.path for member in layer.members]
    folders = [parent.rpartition("/")[0] for parent in parents]
    return posixpath.commonpath([*folders, *(PREFIX + folder for folder in layer.folders)])


def _sealed(
    plan: Plan,
    document: Mapping[str, object],
    platforms: tuple[Platform, ...],
) -> PackedVersion:
    raw = _encoded(document)
    created = text(document.get("created")) or ""
    cargo = tuple(_cargo(plan, raw))
    images = [_image(platform, cargo, created) for platform in platforms]
    model = _model(raw, cargo)
    modelpack = _modelpack(cargo, document, _formats(plan))
    index = Index.build(
        (
            *(
                _entry_of(part.manifest, "image", platform)
                for part, platform in zip(images, platforms, strict=True)
            ),
            _entry_of(model.manifest, "model", UNKNOWN_PLATFORM),
            _entry_of(modelpack.manifest, "modelpack", UNKNOWN_PLATFORM),
        ),
        artifact_type=mediatypes.MODEL,
        annotations=index_annotations(
            document,
            model.manifest.config.digest,
            formats=_formats(plan),
            size=sum(member.size for member in plan.own),
            files=len(plan.own),
        ),
    )
    _check_size(index.raw)
    parts = (*images, model, modelpack)
    return PackedVersion(
        plan=plan,
        root=index.descriptor,
        index=index,
        model=model.manifest.descriptor,
        document=raw,
        manifests=tuple((part.manifest.descriptor, part.manifest.raw) for part in parts),
        layers=model.manifest.layers,
        _contents=_contents(index, parts, cargo),
    )


@dataclass(frozen=True, slots=True)
class _View:
    """A manifest and the bytes of its config."""

    manifest: Manifest
    config: bytes


def _image(platform: Platform, cargo: tuple[_Cargo, ...], created: str) -> _View:
    """What a container runtime takes for an image: it unpacks the layers and runs nothing."""
    value: dict[str, object] = {"created": created} if created else {}
    value |= platform.as_json()
    value["config"] = {}
    value["rootfs"] = {"type": "layers", "diff_ids": [layer.digest for layer in cargo]}
    layers = tuple(layer.described(mediatypes.IMAGE_LAYER, {}) for layer in cargo)
    return _view(encode(value), mediatypes.IMAGE_CONFIG, layers, None)


def _model(document: bytes, cargo: tuple[_Cargo, ...]) -> _View:
    """Lading's own manifest, the only one with titles: oras refuses the same title twice."""
    layers = tuple(
        layer.described(mediatypes.MODEL_LAYER, {mediatypes.TITLE: layer.title}) for layer in cargo
    )
    return _view(document, mediatypes.MODEL_CONFIG, layers, mediatypes.MODEL)


def _modelpack(
    cargo: tuple[_Cargo, ...], document: Mapping[str, object], formats: str | None
) -> _View:
    """What modctl, kit and Harbor read; its config has no field that is not in their schema."""
    said = modelpack_config(document, formats)
    value = {
        "descriptor": said["descriptor"],
        "modelfs": {"type": "layers", "diffIds": [layer.digest for layer in cargo]},
        "config": said["config"],
    }
    layers = tuple(
        layer.described(
            f"application/vnd.cncf.model.{_MODELPACK_KINDS[layer.role]}.v1.tar",
            {
                mediatypes.FILEPATH: layer.path,
                mediatypes.FILE_METADATA: encode(_metadata(layer)).decode(),
            },
        )
        for layer in cargo
    )
    return _view(encode(value), mediatypes.MODELPACK_CONFIG, layers, mediatypes.MODELPACK)


def _metadata(layer: _Cargo) -> dict[str, object]:
    """ModelPack's FileMetadata, in the order of its fields; the type is tar's, as a number."""
    return {
        "name": layer.path.rpartition("/")[2],
        "mode": 0o755 if layer.is_folder else 0o644,
        "uid": 0,
        "gid": 0,
        "size": layer.length,
        "mtime": "1970-01-01T00:00:00Z",
        "typeflag": ord("5") if layer.is_folder else ord("0"),
    }


def _view(
    config: bytes, config_type: str, layers: tuple[Descriptor, ...], artifact_type: str | None
) -> _View:
    manifest = Manifest.build(
        Descriptor.of(config, config_type), layers, artifact_type=artifact_type
    )
    _check_size(manifest.raw)
    return _View(manifest, config)


def _check_size(raw: bytes) -> None:
    if len(raw) > MANIFEST_LIMIT:
        raise InvalidInput(
            "a manifest would be larger than 4 MiB, and registries refuse that",
            cause=f"{len(raw):,} bytes",
            hint="say less in the description, authors, licenses or tags",
        )


def _entry_of(manifest: Manifest, role: str, platform: Platform) -> Descriptor:
    # No artifactType here: older skopeo drops it, and the index would get another digest.
    return replace(manifest.descriptor, annotations={mediatypes.ROLE: role}, platform=platform)


def _formats(plan: Plan) -> str | None:
    """The formats of the weights, the one with the most bytes first."""
    sizes: Counter[str] = Counter()
    for layer in plan.layers:
        for member in layer.members if layer.role == "weights" else ():
            if name := format_of(member.path):
                sizes[name] += member.size
    return ",".join(sorted(sizes, key=lambda name: (-sizes[name], name))) or None


def _contents(
    index: Index, parts: Iterable[_View], cargo: Iterable[_Cargo]
) -> dict[Digest, Content]:
    contents: dict[Digest, Content] = {index.descriptor.digest: BytesContent(index.raw)}
    for part in parts:
        contents[part.manifest.descriptor.digest] = BytesContent(part.manifest.raw)
        contents[part.manifest.config.digest] = BytesContent(part.config)
    views = {layer.digest: layer.view for layer in cargo}
    # What is in the registry already is never asked for.
    return contents | {
        each: view for each, view in views.items() if not isinstance(view, AbsentView)
    }
