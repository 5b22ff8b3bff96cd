"""References: ``[HOST/]REPO[:TAG|@DIGEST]`` and ``oci:FOLDER[:TAG|@DIGEST]``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from lading.errors import InvalidInput
from lading.spec.digest import Digest
from lading.spec.tags import TAG

_LAYOUT = "oci:"
_SCHEMES = ("http://", "https://", "docker://")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:.]+\])(?::\d{{1,5}})?", re.ASCII)
_HINT = "write [HOST/]NAME[:TAG|@DIGEST], for example registry.example.com/ml/fraud:1.2.0"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a version is: on a registry (host), in the local store, or in a layout folder.

    Exactly one of these holds: ``host`` is set; ``layout`` is set; neither is, and the name
    lives in the local store. A digest wins over a tag where both are written.
    """

    repository: str
    host: str | None = None
    layout: str | None = None
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse a reference.

        Raises:
            InvalidInput: with the part that is wrong, and how to write it.
        """
        if text.startswith(_LAYOUT):
            return _parse_layout(text)
        if scheme := next((each for each in _SCHEMES if text.lower().startswith(each)), None):
            raise InvalidInput(
                f"not a reference: {text[:200]!r}",
                cause="a reference is no URL",
                hint=f"write it without {scheme}: {text[len(scheme) :][:200]}",
            )
        rest, digest = _split_digest(text)
        rest, tag = _split_tag(rest, text)
        host, repository = _split_host(rest)
        _check(text, host, repository)
        return cls(repository, host=host, tag=tag, digest=digest)

    @property
    def name(self) -> str | None:
        """The digest, else the tag, else nothing: what a store resolves."""
        return self.digest or self.tag

    @property
    def base(self) -> str:
        """The reference without tag and digest."""
        if self.layout is not None:
            return _LAYOUT + self.layout
        return f"{self.host}/{self.repository}" if self.host else self.repository

    def with_tag(self, tag: str) -> Reference:
        """The same place under a tag."""
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: Digest) -> Reference:
        """The same place by digest."""
        return replace(self, tag=None, digest=digest)

    def with_host(self, host: str) -> Reference:
        """The same name on a registry."""
        return replace(self, host=host)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.base}{tag}" + (f"@{self.digest}" if self.digest else "")


def _parse_layout(text: str) -> Reference:
    rest, digest = _split_layout_digest(text.removeprefix(_LAYOUT))
    folder, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        folder, tag = rest, ""
    if not folder or "\0" in folder:
        raise InvalidInput(
            f"not a reference: {text[:200]!r}", hint="write oci:FOLDER[:TAG|@DIGEST]"
        )
    if folder != rest and TAG.fullmatch(tag) is None:
        raise InvalidInput(f"not a reference: {text[:200]!r}", cause=f"{tag!r} is not a tag")
    name = folder.rstrip("/").rpartition("/")[2] or "model"
    return Reference(name, layout=folder, tag=tag or None, digest=digest)


def _split_layout_digest(text: str) -> tuple[str, Digest | None]:
    # Folders may have an @ in their names.
    rest, _, digest = text.rpartition("@")
    return (rest, Digest(digest)) if digest.startswith(("sha256:", "sha512:")) else (text, None)


def _split_digest(text: str) -> tuple[str, Digest | None]:
    rest, at, digest = text.partition("@")
    return rest, Digest(digest) if at else None


def _split_tag(rest: str, text: str) -> tuple[str, str | None]:
    head, slash, last = rest.rpartition("/")
    name, colon, tag = last.partition(":")
    if not colon:
        return rest, None
    if TAG.fullmatch(tag) is None:
        hint = "semver's + is written _ in a tag" if "+" in tag else _HINT
        raise InvalidInput(
            f"not a reference: {text[:200]!r}", cause=f"{tag[:130]!r} is not a tag", hint=hint
        )
    return head + slash + name, tag


def _split_host(rest: str) -> tuple[str | None, str]:
    first, slash, repository = rest.partition("/")
    # Docker's rule: what has a dot or a colon, or is localhost, is a host.
    if slash and (first == "localhost" or "." in first or ":" in first):
        return first, repository
    return None, rest


def _check(text: str, host: str | None, repository: str) -> None:
    if host is not None and not is_host(host):
        raise InvalidInput(
            f"not a reference: {text[:200]!r}", cause=f"{host[:100]!r} is not a host", hint=_HINT
        )
    if not is_repository(repository):
        cause = "names are in lower case" if repository != repository.lower() else None
        raise InvalidInput(
            f"not a reference: {text[:200]!r}",
            cause=cause or f"{repository[:100]!r} is not a repository name",
            hint=_HINT,
        )


def is_repository(text: str) -> bool:
    """Whether a repository may have that name."""
    return len(text) <= 255 and _REPOSITORY.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Whether some text is a registry's host, with or without a port."""
    if _HOST.fullmatch(text) is None:
        return False
    port = text.rpartition(":")[2] if not text.endswith("]") and ":" in text else "1"
    return 0 < int(port) < 65536
