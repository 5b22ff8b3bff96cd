"""Keep tags: the children of tagged indexes get tags of their own where a registry needs that.

Distribution 2.x deletes them when its garbage collection runs with ``-m``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from lading.spec.descriptor import Descriptor
from lading.spec.tags import keep_tag
from lading.stores.remote.dialect import DialectMemory

if TYPE_CHECKING:
    from lading.settings import KeepTags as Mode


class KeepTags:
    """What one repository's children are called."""

    def __init__(
        self,
        mode: Mode,
        dialect: DialectMemory,
        *,
        is_distribution_2: Callable[[], bool],
        put: Callable[[str, Descriptor, bytes], object],
    ) -> None:
        self._mode = mode
        self._dialect = dialect
        self._is_distribution_2 = is_distribution_2
        self._put = put
        # Children pushed before it was known whether this registry needs keep tags.
        self._waiting: list[tuple[Descriptor, bytes]] = []

    def name_of(self, child: Descriptor) -> str:
        """The name under which a child is put."""
        return keep_tag(child.digest) if self._known() else str(child.digest)

    def remember(self, child: Descriptor, raw: bytes) -> None:
        """A child was put; it gets its tag as soon as it is known whether it needs one."""
        if self._known() is None:
            self._waiting.append((child, raw))

    def settle(self) -> None:
        """A first named manifest is there: find out what this registry is, once for each host."""
        if not self._waiting:
            return  # and nothing hangs on the answer
        self.needed()
        waiting, self._waiting = self._waiting, []
        self.keep(waiting, frozenset())

    def keep(self, children: Iterable[tuple[Descriptor, bytes]], names: Collection[str]) -> None:
        """Put children under their tags where this registry needs that and they are missing."""
        for child, raw in children if self.needed() else ():
            if keep_tag(child.digest) not in names:
                self._put(keep_tag(child.digest), child, raw)

    def needed(self) -> bool:
        """Whether children must be tagged here; asks the registry where that is not known."""
        if self._known() is None:
            self._dialect.learn(loses_children=self._is_distribution_2())
        return bool(self._known())

    def _known(self) -> bool | None:
        """Whether children get tags here; None while that is not known."""
        if self._mode != "auto":
            return self._mode == "always"
        return self._dialect.known.loses_children
