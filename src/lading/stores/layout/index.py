"""What index.json says: a frozen value; changing it gives another. No files.

What other tools wrote is kept field for field: an entry that is not touched is written back as
it was read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lading.errors import InvalidInput, NotFound
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.encoding import decode_object, encode
from lading.spec.mediatypes import IMAGE_INDEX, REF_NAME
from lading.spec.tags import TAG, is_own

# containerd, Docker and BuildKit write the whole reference here and only the tag as ref.name.
_CONTAINERD_NAME = "io.containerd.image.name"
_EMPTY: Mapping[str, Any] = {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": []}


@dataclass(frozen=True, slots=True)
class Entry:
    """One descriptor of index.json, with everything else that stands there."""

    descriptor: Descriptor
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, descriptor: Descriptor, name: str | None = None) -> Entry:
        """A new entry, as other tools write it."""
        plain = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
        named = plain.with_annotations({REF_NAME: name}) if name else plain
        return cls(named, named.as_json())

    @property
    def names(self) -> tuple[str, ...]:
        """What other tools call it: a tag, a whole reference, both, or nothing."""
        annotations = self.descriptor.annotations
        return tuple(text for key in (REF_NAME, _CONTAINERD_NAME) if (text := annotations.get(key)))

    @property
    def tag(self) -> str | None:
        """Its tag, also where podman or containerd wrote a whole reference."""
        return _tag_of(self.names[0]) if self.names else None

    def named(self, name: str) -> Entry:
        """The same entry under a name."""
        return self._with({**self.descriptor.annotations, REF_NAME: name})

    def nameless(self) -> Entry:
        """The same entry without a name."""
        dropped = (REF_NAME, _CONTAINERD_NAME)
        annotations = self.descriptor.annotations
        return self._with({k: text for k, text in annotations.items() if k not in dropped})

    def _with(self, annotations: Mapping[str, str]) -> Entry:
        raw = {name: value for name, value in self.raw.items() if name != "annotations"}
        if annotations:
            raw["annotations"] = dict(sorted(annotations.items()))
        return Entry(self.descriptor.with_annotations(annotations), raw)


def _tag_of(name: str) -> str | None:
    if TAG.fullmatch(name):
        return name
    last = name.partition("@")[0].rpartition("/")[2]
    tag = last.partition(":")[2]
    return tag if TAG.fullmatch(tag) else None


@dataclass(frozen=True, slots=True)
class LayoutIndex:
    """The whole of index.json."""

    entries: tuple[Entry, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=lambda: _EMPTY, repr=False)

    @classmethod
    def parse(cls, raw: bytes, where: str) -> LayoutIndex:
        """Read index.json.

        Raises:
            InvalidInput: it is no index; says what is wrong in it.
        """
        try:
            value = decode_object(raw, "it")
            items = value.get("manifests")
            # Go writes null for a list without members.
            if items is not None and not isinstance(items, list):
                raise InvalidInput("manifests is not a list")
            entries = tuple(Entry(Descriptor.from_json(item), item) for item in items or ())
        except InvalidInput as error:
            raise InvalidInput(
                f"{where} is damaged",
                cause=str(error),
                hint="copy the layout again from where it came from",
            ) from error
        return cls(entries, value)

    def encode(self) -> bytes:
        """The bytes of index.json."""
        return encode({**self.raw, "manifests": [dict(entry.raw) for entry in self.entries]})

    def tags(self) -> Iterator[str]:
        """Every tag, each once."""
        return iter(dict.fromkeys(tag for entry in self.entries if (tag := entry.tag)))

    def find(self, name: str) -> Descriptor:
        """What a name names.

        Raises:
            NotFound: nothing has that name; the hint lists names near it.
            InvalidInput: several things have it.
        """
        entries = self._named(name)
        if not entries:
            raise NotFound(f"there is no {name[:200]!r}", hint=self._nearest(name))
        if len({entry.descriptor.digest for entry in entries}) > 1:
            raise InvalidInput(
                f"{name[:200]!r} names several things",
                cause=", ".join(f"{e.names[-1]} is {e.descriptor.digest.short}" for e in entries),
                hint="name the one you mean by its digest",
            )
        return entries[0].descriptor

    def by_digest(self, digest: Digest) -> Descriptor | None:
        """The first descriptor with that digest."""
        found = (entry.descriptor for entry in self.entries if entry.descriptor.digest == digest)
        return next(found, None)

    def only(self) -> Descriptor | None:
        """The one thing that this layout holds, whatever it is called; None if there are more."""
        found = {e.descriptor.digest: e.descriptor for e in self.entries if not _is_own(e)}
        return next(iter(found.values())) if len(found) == 1 else None

    def tagged(self, descriptor: Descriptor, tag: str, *, keep_old: bool = True) -> LayoutIndex:
        """The tag names this now; what it named before stays, by digest, unless told otherwise."""
        before = self._moved(tag, descriptor.digest)
        same = next((entry for entry in before if entry.descriptor == descriptor), None)
        if same and len(before) == 1:
            return self
        kept = [entry for entry in self.entries if entry not in before]
        nameless = next((e for e in kept if e.descriptor == descriptor and not e.names), None)
        if nameless and not same:
            kept.remove(nameless)
            same = nameless.named(tag)
        kept.append(same or Entry.of(descriptor, tag))
        known = {entry.descriptor.digest for entry in kept}
        for entry in before if keep_old else ():
            if entry.descriptor.digest not in known:
                kept.append(entry.nameless())
        return replace(self, entries=tuple(kept))

    def listed(self, descriptor: Descriptor) -> LayoutIndex:
        """This is among the entries, with or without a name."""
        if self.by_digest(descriptor.digest):
            return self
        return replace(self, entries=(*self.entries, Entry.of(descriptor)))

    def without_nameless(self, digests: Collection[Digest]) -> LayoutIndex:
        """These need no nameless entry: something that is listed names them."""
        kept = [e for e in self.entries if e.names or e.descriptor.digest not in digests]
        return self if len(kept) == len(self.entries) else replace(self, entries=tuple(kept))

    def untagged(self, name: str) -> LayoutIndex:
        """Without the entries of that name; a digest takes away the nameless entry.

        Raises:
            NotFound: nothing has that name.
            InvalidInput: several things have it.
        """
        if is_digest(name):
            without = self.without_nameless({Digest(name)})
            if without is self:
                raise NotFound(f"there is no {name} without a tag")
            return without
        self.find(name)
        gone = self._named(name)
        return replace(self, entries=tuple(e for e in self.entries if e not in gone))

    def without_tags(self, tags: Iterable[str]) -> LayoutIndex:
        """Without the entries of these tags."""
        gone = set(tags)
        return replace(self, entries=tuple(e for e in self.entries if e.tag not in gone))

    def _named(self, name: str) -> tuple[Entry, ...]:
        """The entries with that very name, else those whose reference ends in it."""
        exact = tuple(entry for entry in self.entries if name in entry.names)
        return exact or tuple(entry for entry in self.entries if entry.tag == name)

    def _moved(self, tag: str, digest: Digest) -> tuple[Entry, ...]:
        """The entries that a tag leaves; whole references of several images keep their names."""
        entries = self._named(tag)
        exact = any(tag in entry.names for entry in entries)
        others = {entry.descriptor.digest for entry in entries} - {digest}
        return entries if exact or len(others) <= 1 else ()

    def _nearest(self, name: str) -> str:
        from lading.spec.nearest import near

        tags = [tag for tag in self.tags() if not is_own(tag)]
        if not tags:
            return "nothing has a name here"
        found = near(name, tags, most=3, cutoff=0.6)
        return f"did you mean {' or '.join(found)}?" if found else _some(tags)


def is_digest(name: str) -> bool:
    """Whether a name is meant as a digest rather than as a tag."""
    return name.startswith(("sha256:", "sha512:"))


def _some(tags: list[str]) -> str:
    shown = ", ".join(tags[:8])
    return f"it has {shown}" + (f" and {len(tags) - 8} more" if len(tags) > 8 else "")


def _is_own(entry: Entry) -> bool:
    return entry.tag is not None and is_own(entry.tag)
