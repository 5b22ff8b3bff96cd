"""Which repository and which tag an entry of index.json is for. Values only, no files.

Lading writes ``REPOSITORY:TAG`` as the entry's name, which is what skopeo and Podman ask for, and
the repository once more beside it: entries without a name belong to one as well. What other tools
write is understood: a whole reference, whose host is left out, or a tag alone, which is of the
repository that has no name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lading.errors import InvalidInput, NotFound
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.mediatypes import REF_NAME
from lading.spec.nearest import near
from lading.spec.reference import Reference, is_repository
from lading.spec.tags import TAG, is_own
from lading.stores.layout.index import Entry, LayoutIndex
from lading.stores.layout.manifests import plain

REPOSITORY: Final = "dev.lading.repository"
# The repository of what another tool bundled under a tag alone, or under nothing.
NAMELESS: Final = ""


@dataclass(slots=True)
class Names:
    """What one repository has names for, and the manifests that have none."""

    tags: dict[str, Descriptor] = field(default_factory=dict)
    listed: dict[Digest, Descriptor] = field(default_factory=dict)

    def find(self, tag: str, called: str) -> Descriptor:
        """What a tag names.

        Raises:
            NotFound: nothing has that name; the hint lists names near it.
        """
        if tag in self.tags:
            return self.tags[tag]
        others = [name for name in self.tags if not is_own(name)]
        close = near(tag, others, most=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(close)}?" if close else None
        raise NotFound(f"{called} has no {tag[:200]!r}", hint=hint)

    def name(self, descriptor: Descriptor, tag: str | None, children: Iterable[Digest]) -> None:
        """Give a manifest a tag, or list it; what it names itself need not be listed any more."""
        if tag is not None:
            self.tags[tag] = descriptor
            self.listed.pop(descriptor.digest, None)
        elif descriptor not in self.tags.values():
            self.listed[descriptor.digest] = descriptor
        for child in children:
            self.listed.pop(child, None)

    def manifests(self) -> Iterator[Descriptor]:
        """Every manifest that is named or listed."""
        yield from self.tags.values()
        yield from self.listed.values()


def repositories(index: LayoutIndex) -> dict[str, Names]:
    """What index.json says, repository by repository.

    Raises:
        InvalidInput: one name stands for two things, or a repository's name is none.
    """
    found: dict[str, Names] = {}
    for entry in index.entries:
        repository, tag = _place(entry)
        names = found.setdefault(repository, Names())
        descriptor = plain(entry.descriptor)
        if tag is None:
            names.listed[descriptor.digest] = descriptor
        elif names.tags.setdefault(tag, descriptor).digest != descriptor.digest:
            raise InvalidInput(
                f"{repository}:{tag} names several things",
                cause=f"{names.tags[tag].digest} and {descriptor.digest}",
            )
    return found


def index_of(found: Mapping[str, Names]) -> LayoutIndex:
    """The same as index.json."""
    return LayoutIndex(
        tuple(
            _entry(repository, tag, descriptor)
            for repository, names in sorted(found.items())
            for tag, descriptor in (
                *sorted(names.tags.items()),
                *((None, each) for _, each in sorted(names.listed.items())),
            )
        )
    )


def _entry(repository: str, tag: str | None, descriptor: Descriptor) -> Entry:
    annotations = {REPOSITORY: repository}
    if tag is not None:
        annotations[REF_NAME] = f"{repository}:{tag}"
    described = descriptor.with_annotations(annotations)
    return Entry(described, described.as_json())


def _place(entry: Entry) -> tuple[str, str | None]:
    stated = entry.descriptor.annotations.get(REPOSITORY)
    if stated is not None:
        if not is_repository(stated):
            raise InvalidInput(
                "the bundle's index is not right",
                cause=f"{stated[:200]!r} is not a repository name",
            )
        name = entry.descriptor.annotations.get(REF_NAME, "")
        tag = name.removeprefix(f"{stated}:")
        return stated, tag if TAG.fullmatch(tag) else None
    # The longest is the whole reference, where containerd wrote it beside the tag.
    for name in sorted(entry.names, key=len, reverse=True):
        if TAG.fullmatch(name):
            return NAMELESS, name
        try:
            reference = Reference.parse(name)
        except InvalidInput:
            continue  # another tool's words, which are no reference
        if reference.layout is None:
            return reference.repository, reference.tag
    return NAMELESS, None
