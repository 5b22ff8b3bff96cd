"""What is said of documents that name another registry than the one that their site has."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping

from lading.deploy import read, read_machine
from lading.deploy.kustomize import DIGESTS
from lading.deploy.named import named
from lading.errors import LadingError
from lading.spec.reference import Reference
from lading.spec.version import Version

# A folder as it is called where it is written, and its files that are text.
Papers = tuple[str, Mapping[str, str]]


def told(documents: Iterable[Papers], site: str, *, first: str = "") -> Iterator[str]:
    """Digests stay what they are, and so do documents: who asks must be led to the new place.

    ``first`` is what is to be typed before a folder of them is there.
    """
    documents = list(documents)
    names = (name for _, texts in documents for name in named(texts).names)
    hosts = sorted({str(name.reference.host) for name in names} - {site})
    if not hosts:
        return
    mirrors = " ".join(f"{host}={site}" for host in hosts)
    note = (
        f"documents name {', '.join(hosts)}: let nodes mirror that from {site}, and lading with"
        f' LADING_MIRRORS="{mirrors}"'
    )
    updates = [
        f"lading deploy update {shlex.quote(folder)} {site}/{version}"
        for folder, texts in documents
        if (version := _version(texts))
    ]
    yield f"{note}; or have them name {site}: {first}{' && '.join(updates)}" if updates else note


def _version(texts: Mapping[str, str]) -> str | None:
    """What documents run, without the host that it had; None where Lading did not write them."""
    try:
        text = texts.get(DIGESTS)
        runs = read_machine.running(texts) if text is None else read.running(text)
        place = Reference.parse(runs.place)
        tag = Version.parse(runs.version).tag if runs.version else None
    except LadingError:
        return None
    return f"{place.repository}:{tag}" if tag else f"{place.repository}@{runs.digest}"
