"""A repository whose content others have as well: the registry's word, anybody's bytes.

What is asked for by digest may come from anybody, since it is verified. What a name means, which
names there are and what refers to what only the registry knows: where it is down a mirror's word
is taken, said, and nothing is written by it. Everything that writes, and what it reads to do so, is
the registry's own (:class:`RemoteStore`, which knows nothing of mirrors).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from lading.errors import IntegrityError, InvalidInput, LadingError, NotFound, Unavailable
from lading.ports import Content, Reader, Source
from lading.spec.content import BytesContent
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest
from lading.spec.mirror import Mirror
from lading.spec.reference import Reference
from lading.spec.version import Version
from lading.stores.mirrored.asking import Asking, Failure, Turn, with_mirrors
from lading.stores.mirrored.health import HEALTH
from lading.stores.mirrored.stream import MirroredReader
from lading.stores.mirrored.witness import Witness, hasty, mirror_witness
from lading.stores.remote.authorization import Authorization
from lading.stores.remote.client import Client
from lading.stores.remote.registry import RemoteStore

if TYPE_CHECKING:
    from lading.settings import Settings

_log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class MirroredStore(RemoteStore):
    """One repository on one registry, and its mirrors; safe to use from many threads.

    Parts of large content come from the registry alone: no digest tells whether a part is right.
    """

    def __init__(
        self,
        host: str,
        repository: str,
        settings: Settings,
        mirrors: Sequence[tuple[Mirror, Reference]],
        *,
        client: Client | None = None,
        own_word: bool = False,
    ) -> None:
        """A repository, and what it is called on each mirror, in the order in which to ask.

        With ``own_word`` mirrors give content only: what names mean the registry says, or nobody.
        """
        super().__init__(host, repository, settings, client=client)
        quick = hasty(settings)
        authorization = Authorization.of(self.origin, settings)
        registry = Witness(
            str(self),
            lambda: RemoteStore(
                host, repository, quick, client=Client(self.origin, authorization, quick)
            ),
            lambda: RemoteStore(host, repository, settings, client=self.client),
        )
        self._asking = Asking(
            registry,
            [mirror_witness(mirror, there, settings) for mirror, there in mirrors],
            mirrors_first=settings.mirrors_first,
        )
        self._own_word = own_word
        # Whose word about names was taken in place of the registry's.
        self.spokesman: str | None = None
        self._said: set[str] = set()

    def close(self) -> None:
        """Close what is idle, here and at the mirrors."""
        super().close()
        for witness in self._asking.everybody:
            witness.close()

    # Content, from anybody

    def resolve(self, name: str) -> Descriptor:
        """What a tag means, as the registry says, or a mirror where it is down; or a digest."""
        if ":" in name:
            return self._asking.content(Digest(name), lambda store: store.resolve(name), near=False)
        return self._named(
            lambda store: store.resolve(name), f"{self}:{name}", is_fixed=_is_version(name)
        )

    @contextlib.contextmanager
    def fetch(self, descriptor: Descriptor, offset: int = 0) -> Iterator[Reader]:
        """The bytes of a manifest or a blob; who breaks off is followed by the next."""
        if descriptor.is_manifest:
            raw = self._asking.content(
                descriptor.digest,
                lambda store: store.read_manifest(descriptor.digest)[1],
                near=False,
            )
            with BytesContent(raw).open(offset) as stream:
                yield stream
            return
        reader = MirroredReader(self._asking, descriptor, offset)
        try:
            yield reader
        finally:
            reader.close()

    def doubt(self, descriptor: Descriptor) -> bool:
        """What was fetched for this was wrong: whether somebody else may have it right."""
        return self._asking.doubt(descriptor.digest)

    def read_blob(self, digest: Digest, limit: int) -> bytes:
        """A small blob of which only the digest is known, whole and verified."""
        return self._asking.content(digest, lambda store: store.read_blob(digest, limit))

    def is_anywhere(self, descriptor: Descriptor) -> bool:
        """Whether content can be had; who writes asks whether the registry has it (``exists``)."""

        def found(store: RemoteStore) -> None:
            if not store.exists(descriptor):
                raise NotFound(f"{descriptor.digest} is not in {store}")

        try:
            self._asking.content(descriptor.digest, found)
        except NotFound:
            return False
        return True

    # Names, as the registry says

    def names(self) -> Iterator[str]:
        """Every tag, each once."""

        def begun(store: RemoteStore) -> Iterator[str]:
            tags = store.names()
            # Once the first is here, this listing is the registry's, or fails.
            first = next(tags, None)
            return iter(()) if first is None else chain([first], tags)

        yield from self._named(begun, f"the tags of {self}")

    def referrers(
        self, subject: Descriptor, artifact_type: str | None = None
    ) -> Iterable[Descriptor]:
        """The manifests whose subject this is."""
        return self._named(
            lambda store: list(store.referrers(subject, artifact_type)),
            f"what refers to {subject.digest.short} in {self}",
        )

    def listed_referrers(self, subject: Descriptor) -> Iterable[Descriptor]:
        """What is said to refer to this: claims, for who looks at each manifest anyway."""
        return self._named(
            lambda store: list(store.listed_referrers(subject)),
            f"what refers to {subject.digest.short} in {self}",
        )

    def _named(
        self, ask: Callable[[RemoteStore], Answer], what: str, *, is_fixed: bool = False
    ) -> Answer:
        """The registry's answer; where it is down a mirror's, said.

        Raises:
            IntegrityError: it is down, mirrors contradict each other, and it is fixed for ever.
            LadingError: the registry refuses; or it is down, and no mirror knows.
        """
        down: LadingError | None = None
        failed: list[Failure] = []
        queue = [
            turn
            for turn in self._asking.turns("names")
            if turn.witness.is_registry or not self._own_word
        ]
        while queue:
            turn = queue.pop(0)
            try:
                found = ask(turn.store)
            except LadingError as error:
                if turn.witness.is_registry and not isinstance(error, Unavailable):
                    raise
                failed.append((turn.witness, error))
                self._failed(turn, error, what)
                down = error if turn.witness.is_registry else down
                if later := self._asking.later(turn, error):
                    queue.append(later)
                continue
            if not turn.witness.is_registry:
                self._heed(turn.witness, ask, found, what, is_fixed=is_fixed)
                self._say_whose_word(turn.witness, down)
            return found
        down = down or Unavailable(f"cannot learn {what}", cause="nobody answers")
        raise with_mirrors(down, failed)

    def _failed(self, turn: Turn, error: LadingError, what: str) -> None:
        if isinstance(error, IntegrityError | InvalidInput):
            _log.warning("%s is not believed about %s: %s", turn.witness, what, error)
        elif turn.witness.is_registry and isinstance(error, Unavailable):
            # It is said with whose word is taken instead, or is the error.
            self._asking.rests(turn, "names", error)
        else:
            self._asking.failed(turn, "names", error, None)

    def _heed(
        self,
        mirror: Witness,
        ask: Callable[[RemoteStore], Answer],
        found: Answer,
        what: str,
        *,
        is_fixed: bool,
    ) -> None:
        """Take a mirror's word, and say who says otherwise."""
        self.spokesman = mirror.name
        others = [each for each in self._asking.mirrors if each is not mirror]
        against = [each.name for each in others if _contradicts(each, ask, found)]
        if against and is_fixed:
            raise IntegrityError(
                f"mirrors contradict each other about {what}",
                cause=f"{mirror} and {', '.join(against)} name different content, and"
                f" {self.host} does not answer",
                hint="name the version by its digest",
            )
        if against and what not in self._said:
            self._said.add(what)
            _log.warning(
                "%s is heeded about %s: %s says otherwise", mirror, what, ", ".join(against)
            )

    def _say_whose_word(self, mirror: Witness, down: LadingError | None) -> None:
        """That the registry does not answer, once for all of its names.

        Where it was not asked again, that was said before.
        """
        if HEALTH.is_news(f"{self} {mirror}"):
            _log.warning(
                "%s names in %s are what the mirror %s says, which may be behind",
                f"{down.cause or down}:" if down else f"until {self.host} answers,",
                self,
                mirror,
            )

    # Everything else is the registry's

    def push(self, descriptor: Descriptor, content: Content, name: str | None = None) -> None:
        """Store content on the registry."""
        self._demand_its_own_word()
        super().push(descriptor, content, name)

    def absorb(self, content: Content, media_type: str) -> Descriptor:
        """Store a blob on the registry, and hash it while it travels."""
        self._demand_its_own_word()
        return super().absorb(content, media_type)

    def mount(self, descriptor: Descriptor, source: Source) -> bool:
        """Take a blob from another repository of the registry."""
        self._demand_its_own_word()
        return super().mount(descriptor, source)

    def keep(self, children: Iterable[tuple[Descriptor, bytes]], names: Collection[str]) -> None:
        """Put children under keep tags where the registry needs that."""
        self._demand_its_own_word()
        super().keep(children, names)

    def untag(self, name: str) -> None:
        """Forget a tag on the registry."""
        self._demand_its_own_word()
        super().untag(name)
        self._asking.registry.forget()

    def delete_manifest(self, digest: Digest) -> None:
        """Delete a manifest on the registry; mirrors may have it for longer."""
        self._demand_its_own_word()
        super().delete_manifest(digest)
        self._asking.registry.forget()

    def _demand_its_own_word(self) -> None:
        """A mirror may be behind: who decided by its word would overwrite what came since."""
        if self.spokesman is not None:
            raise Unavailable(
                f"nothing was written to {self}",
                cause=f"{self.host} did not answer, and what was read came from its mirror"
                f" {self.spokesman}",
                hint=f"try again when {self.host} answers",
            )


def _is_version(name: str) -> bool:
    return Version.from_tag(name) is not None


def _contradicts(witness: Witness, ask: Callable[[RemoteStore], Answer], found: Answer) -> bool:
    """Whether somebody says something else; who says nothing does not."""
    if not isinstance(found, Descriptor):
        return False
    try:
        return ask(witness.store) != found
    except LadingError:
        return False
