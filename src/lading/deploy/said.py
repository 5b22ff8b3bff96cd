"""What documents say that they run, whatever they are written for; nothing is believed unparsed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from lading.deploy.edit import Path
from lading.deploy.pins import DIGEST, EVENT, REFERENCE, STAGE, VERSION, Runs
from lading.errors import InvalidInput, Unsupported
from lading.spec.digest import Digest
from lading.spec.reference import Reference

# The names under which they say it.
SAID: Final = (REFERENCE, DIGEST, VERSION, STAGE, EVENT)

# How the model gets to its server; ``beside``: another image holds it, KServe's modelcar.
Way = Literal["held", "mounted", "pulled", "beside"]


@dataclass(frozen=True, slots=True)
class Running:
    """What documents run; a stage and an event where one was asked for."""

    # HOST/NAME, without tag and digest.
    place: str
    digest: Digest
    version: str | None
    stage: str | None
    event: str | None
    # HOST/NAME@DIGEST.
    serving: str
    # Where it is not the one that serves.
    puller: str | None
    way: Way
    # As Kubernetes calls the document that runs it, and its name.
    kind: str
    name: str
    # HOST/NAME@DIGEST, where it is KServe's modelcar that holds the model.
    modelcar: str | None = None

    @property
    def reference(self) -> str:
        """The version, by digest."""
        return f"{self.place}@{self.digest}"


def said(values: Callable[[str], Iterable[str]]) -> Runs:
    """The version that is said to run; ``values`` are all that stand somewhere under a name.

    Raises:
        InvalidInput: none is said, or several; or what is said is no reference.
    """
    found = {name: one(values(name), name) for name in SAID}
    place, digest, event = found[REFERENCE], found[DIGEST], found[EVENT]
    if place is None or digest is None:
        raise InvalidInput("nothing says which version runs", cause=f"there is no {DIGEST}")
    _demand_place(place)
    moved = Digest(event) if event else None
    return Runs(place, Digest(digest), found[VERSION], found[STAGE], moved)


def running_by(
    runs: Runs,
    *,
    serving: Iterable[str],
    pulling: Iterable[str],
    way: Way,
    kind: str,
    name: str,
    modelcar: str | None = None,
) -> Running:
    """What runs a version: each image that serves, or pulls, as the documents name them.

    Raises:
        InvalidInput: no image serves, or several do.
    """
    server, puller = one(serving, "serving image"), one(pulling, "pulling image")
    if server is None:
        raise InvalidInput("nothing says which image serves")
    return Running(
        place=runs.place,
        digest=runs.digest,
        version=runs.version,
        stage=runs.stage,
        event=runs.event,
        serving=server,
        puller=puller if puller != server else None,
        way=way,
        kind=kind,
        name=name,
        modelcar=modelcar,
    )


def one(found: Iterable[str], what: str) -> str | None:
    """What every document says alike; None where none says it.

    Raises:
        InvalidInput: they differ.
    """
    all_found = sorted(set(found))
    if len(all_found) > 1:
        raise InvalidInput(
            f"the documents do not agree on one {what}",
            cause=", ".join(each[:120] for each in all_found[:5]),
            hint="a folder runs one version",
        )
    return all_found[0] if all_found else None


def unknown(found: str, path: Path) -> Unsupported:
    """The refusal of something that is named by digest, and that nobody knows."""
    return Unsupported(
        f"nothing says what {found[:200]} is for another version",
        cause=f"it is at {'.'.join(map(str, path[1:]))[:200]}",
        hint="lading deploy REF -o DIR writes the documents anew",
    )


def _demand_place(place: str) -> None:
    """Refuse what is no repository of a registry.

    Raises:
        InvalidInput: it is none.
    """
    found = Reference.parse(place)
    if not found.host or found.name:
        raise InvalidInput(f"no repository of a registry: {place[:200]!r}", cause=REFERENCE)
