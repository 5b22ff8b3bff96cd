"""Lists that a registry gives in pages: tags, referrers, the catalogue."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lading.errors import InvalidInput, Unavailable, Unsupported
from lading.spec.encoding import decode_object
from lading.spec.plain import texts
from lading.spec.reference import is_repository
from lading.stores.remote.authorization import Authorization
from lading.stores.remote.client import Client
from lading.stores.remote.grant import Scope
from lading.stores.remote.origin import Origin, origin_of

if TYPE_CHECKING:
    from lading.settings import Settings

_log = logging.getLogger(__name__)

_MOST_PAGES = 10_000
_PAGE = 1000
_CATALOGUE = (Scope(None, frozenset({"*"})),)


def catalogue(host: str, settings: Settings, *, demanded: bool = False) -> Iterator[str]:
    """Every repository that a registry tells of; none where it keeps no catalogue.

    What it tells becomes part of addresses: what is no repository's name is left out, and said.

    Raises:
        Unsupported: it keeps none, and one is demanded.
        LadingError: the registry refuses, or does not answer.
    """
    origin = origin_of(host, settings)
    client = Client(origin, Authorization.of(origin, settings), settings)
    url = f"{origin}/v2/_catalog?n={_PAGE}"
    missing = (400, 404, 405, 501)
    told = False
    strange, first = 0, ""
    for page in pages(client, url, _CATALOGUE, doing=f"list what is on {host}", missing=missing):
        told = True
        for name in texts(page.get("repositories")):
            if is_repository(name):
                yield name
            else:
                strange, first = strange + 1, first or name
    client.close()
    if strange:
        _log.warning(
            "%s lists %d names that no repository may have; the first is %.100r",
            *(host, strange, first),
        )
    if demanded and not told:
        raise Unsupported(
            f"{host} does not say what is on it",
            cause="it keeps no catalogue",
            hint="name the repositories, or set them: LADING_REPOSITORIES=HOST/NAME,…",
        )


def pages(
    client: Client,
    url: str,
    scopes: tuple[Scope, ...],
    *,
    doing: str,
    missing: tuple[int, ...] = (404,),
) -> Iterator[dict[str, object]]:
    """The pages of a list, following Link; none where the list is missing.

    Raises:
        Unavailable: it is no list, the next page is elsewhere, or there is always one more.
    """
    for _ in range(_MOST_PAGES):
        response = client.call("GET", url, scopes, accept=(200, *missing), doing=doing)
        if response.status != 200:
            response.drop()
            return
        link = _next_link(response.header_values("Link"))
        yield answered(response.read(), client.origin, doing)
        if link is None:
            return
        following = client.resolve_location(url, link)
        if Origin.of(following) != client.origin or following == url:
            raise Unavailable(f"cannot {doing}", cause=f"the next page is {following[:200]}")
        url = following
    raise Unavailable(f"cannot {doing}", cause="the list has no end")


def answered(raw: bytes, origin: Origin, doing: str) -> dict[str, object]:
    """What a registry answered to who asked for a list.

    Raises:
        Unavailable: it is none; a proxy's page, as often as not.
    """
    try:
        return decode_object(raw, f"what {origin.netloc} answered")
    except InvalidInput as error:
        raise Unavailable(
            f"cannot {doing}",
            cause=str(error),
            hint=f"curl {origin}/v2/ shows who answers: it may be a proxy, or no registry",
        ) from error


def _next_link(lines: list[str]) -> str | None:
    for line in lines:
        for target, parameters in re.findall(r"<([^<>]*)>([^,<]*)", line):
            if re.search(r'rel\s*=\s*"?next"?', parameters):
                return str(target)
    return None
