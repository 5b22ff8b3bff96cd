"""The checked reading of a stage: beside its tag, what the ledger's index says; one request."""

from __future__ import annotations

from lading.errors import IntegrityError, InvalidInput, NotFound
from lading.ledger.artifact import unseal
from lading.ledger.index import LedgerIndex, read_index
from lading.ports import Source
from lading.spec.digest import Digest
from lading.spec.event import Recorded
from lading.spec.manifest import Index, parse
from lading.spec.tags import LEDGER
from lading.transfer import read


def shown_index(source: Source) -> LedgerIndex | None:
    """What the index says, without looking at any event; None where there is no ledger.

    Raises:
        IntegrityError: what is there is no ledger, or a damaged one.
    """
    try:
        descriptor = source.resolve(LEDGER)
    except NotFound:
        return None
    try:
        index = parse(read(source, descriptor), descriptor.media_type)
        if not isinstance(index, Index):
            raise InvalidInput("it is no index")
        return read_index(index)
    except InvalidInput as error:
        raise IntegrityError(
            "the ledger's index is damaged", cause=str(error), hint="lading ledger repair MODEL"
        ) from error


def read_event(source: Source, digest: Digest) -> Recorded:
    """One event by its digest.

    Raises:
        NotFound: it is not there.
        InvalidInput: it is no event.
        IntegrityError: it is damaged.
    """
    descriptor = source.resolve(digest)
    return unseal(source, descriptor, read(source, descriptor))
