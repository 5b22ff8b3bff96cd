"""Where a webhook goes: the one URL that an operator gave, checked before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lading.errors import InvalidInput
from lading.stores.remote.origin import Origin

_LONGEST = 2048
# What may stand in a URL as it travels; anything else could end the request's first line.
_VISIBLE = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that may be posted to. Its path may be a secret, so only the origin is ever shown."""

    url: str
    origin: Origin

    @classmethod
    def parse(cls, text: str, *, insecure: bool = False) -> Address:
        """The address in what an operator wrote.

        Plain http is for this machine alone, unless ``insecure`` says that it is meant.

        Raises:
            InvalidInput: it is no http or https URL, holds a password, or is not encrypted.
        """
        if "@" in _authority(text):
            raise InvalidInput(
                "a password does not belong in a webhook's URL",
                cause="URLs end up in logs",
                hint="deliveries are signed: --secret-env NAME",
            )
        origin = _origin(text, "not a webhook's URL")
        if origin.scheme != "https" and not (insecure or origin.is_loopback):
            raise InvalidInput(
                f"a webhook to {origin} would not be encrypted",
                hint="an https URL, or --insecure-webhook where the network is trusted",
            )
        return cls(urlsplit(text)._replace(fragment="").geturl(), origin)

    @property
    def target(self) -> str:
        """Path and query: what the request asks for."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def redirected(self, location: str) -> Address:
        """Where a redirect leads, on the same origin.

        Raises:
            InvalidInput: it leads elsewhere: nobody but the operator chooses who is told.
        """
        nowhere = f"{self.origin} redirects to no URL"
        try:
            url = urljoin(self.url, location)
        except ValueError as error:
            raise InvalidInput(nowhere) from error
        origin = _origin(url, nowhere)
        if origin != self.origin:
            raise InvalidInput(
                f"{self.origin} redirects to another place",
                cause=f"to {origin}; nothing was sent there",
                hint="give the receiver's final URL",
            )
        return Address(urlsplit(url)._replace(fragment="").geturl(), origin)

    def __str__(self) -> str:
        return str(self.origin)


def _origin(url: str, what: str) -> Origin:
    """The origin of a URL that can be sent; the URL itself is not repeated in what is raised."""
    if len(url) > _LONGEST or _VISIBLE.fullmatch(url) is None:
        raise InvalidInput(what, cause="it is empty, too long or has characters of no URL")
    try:
        return Origin.of(url)
    except InvalidInput:
        # Its message would show the path.
        raise InvalidInput(what, cause="no http or https URL of a host") from None


def _authority(text: str) -> str:
    """What stands where a host should, even in text that is no URL."""
    return re.split(r"[/?#\\]", text.partition("//")[2], maxsplit=1)[0]
