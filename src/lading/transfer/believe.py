"""Content from several places: whoever verified it and found it wrong asks again, elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lading.errors import IntegrityError
from lading.ports import Doubtable, Source
from lading.spec.descriptor import Descriptor

Result = TypeVar("Result")


def believed(source: Source, descriptor: Descriptor, act: Callable[[], Result]) -> Result:
    """What came of reading and verifying some content, done again while the source knows how.

    Raises:
        IntegrityError: nobody has it right.
    """
    while True:
        try:
            return act()
        except IntegrityError:
            if not (isinstance(source, Doubtable) and source.doubt(descriptor)):
                raise
