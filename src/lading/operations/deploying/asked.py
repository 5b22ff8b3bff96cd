"""What was asked of a deployment, word by word: refused here before anything is looked up.

Names and amounts are checked where a wish is made of them (:mod:`lading.deploy.wish`); which option
means something to which kind, a table says (:mod:`lading.deploy.options`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast

from lading.deploy import kserve_name, options
from lading.deploy.cluster import Cluster
from lading.deploy.engines import Podman
from lading.deploy.kserve_version import STORAGES, KServe, Storage
from lading.deploy.wish import (
    KINDS,
    PORT,
    Kind,
    Scoring,
    Volume,
    Wish,
    checked_name,
    checked_namespace,
    checked_object,
    checked_quantity,
)
from lading.errors import InvalidInput
from lading.spec.nearest import near, nearest

if TYPE_CHECKING:
    from lading.spec.reference import Reference

T = TypeVar("T")

# Called so until the version is known that documents are named after.
_UNNAMED: Final = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The options of a deployment as somebody wrote them."""

    kind: str
    name: str | None
    namespace: str | None
    puller: str | Reference | None
    replicas: int
    max_replicas: int | None
    pull_secrets: tuple[str, ...]
    credentials: str | None
    kubernetes_version: str | None
    image_volumes: bool
    podman_version: str | None
    cpu: str | None
    memory: str | None
    platform: str | None
    port: int | None
    rows: str | None
    predictions: str | None
    volumes: tuple[str, ...]
    kserve_version: str | None
    kserve_storage: str | None
    helm: bool
    allow_pickle: bool | None
    push: str | None
    apply: bool

    @property
    def given(self) -> tuple[str, ...]:
        """The options that somebody wrote."""
        said: dict[str, object] = {
            "--allow-pickle": self.allow_pickle,
            "--apply": self.apply,
            "--cpu": self.cpu,
            "--credentials": self.credentials,
            "--helm": self.helm,
            "--image-volumes": self.image_volumes,
            "--kserve-storage": self.kserve_storage,
            "--kserve-version": self.kserve_version,
            "--kubernetes-version": self.kubernetes_version,
            "--max-replicas": self.max_replicas,
            "--namespace": self.namespace,
            "--platform": self.platform,
            "--podman-version": self.podman_version,
            "--port": self.port,
            "--predictions": self.predictions,
            "--pull-secret": self.pull_secrets,
            "--puller": self.puller,
            "--push": self.push,
            "--replicas": self.replicas != 1,
            "--rows": self.rows,
            "--volume": self.volumes,
        }
        return tuple(
            name
            for name, value in said.items()
            if value is not None and value is not False and value != ()
        )

    def wish(self) -> Wish:
        """What they wish for, as far as it can be said before anything is looked up.

        Raises:
            InvalidInput: something that was written cannot be, or means nothing to the kind.
        """
        wanted = kind(self.kind)
        options.demand_known(wanted, self.given)
        secrets = tuple(checked_object(each, "secret") for each in self.pull_secrets)
        volumes = tuple(map(Volume.parse, self.volumes))
        wish = Wish(
            kind=wanted,
            name=_checked(checked_name, self.name) or _UNNAMED,
            namespace=_checked(checked_namespace, self.namespace),
            cluster=_checked(Cluster.parse, self.kubernetes_version or None) or Cluster(),
            image_volumes=self.image_volumes,
            podman=_checked(Podman.parse, self.podman_version or None) or Podman(),
            replicas=self.replicas,
            most=self.max_replicas,
            pull_secrets=secrets,
            credentials=checked_object(self.credentials, "secret") if self.credentials else None,
            cpu=checked_quantity(self.cpu, "cpu") if self.cpu is not None else None,
            memory=checked_quantity(self.memory, "memory") if self.memory is not None else None,
            platform=self.platform,
            published=PORT if self.port is None else self.port,
            scoring=scoring(self.rows, self.predictions, volumes),
            kserve=_checked(KServe.parse, self.kserve_version or None) or KServe(),
            kserve_storage=storage(self.kserve_storage),
        )
        named = self.name is not None or kserve_name.longest_name(wish.namespace) < 1
        if wanted == "kserve" and named:
            kserve_name.demand_name(wish)
        return wish


def _checked(check: Callable[[str], T], word: str | None) -> T | None:
    return check(word) if word is not None else None


def kind(word: str) -> Kind:
    """The kind of documents.

    Raises:
        InvalidInput: there is none of that name; says which there are.
    """
    if word in KINDS:
        return cast(Kind, word)
    raise _unknown(f"nothing is deployed as {word[:60]!r}", word, KINDS)


def storage(word: str | None) -> Storage | None:
    """How KServe brings a model to its server; None where nobody chose.

    Raises:
        InvalidInput: it has no such way; says which there are.
    """
    if word is None or word in STORAGES:
        return cast("Storage | None", word)
    raise _unknown(f"KServe is brought no model by {word[:60]!r}", word, STORAGES)


def _unknown(what: str, word: str, known: Collection[str]) -> InvalidInput:
    """That there is no such word; which there are is said once, where none is near."""
    cause = f"there are {', '.join(known)}" if near(word, known) else None
    return InvalidInput(what, cause=cause, hint=nearest(word, known))


def scoring(
    rows: str | None, predictions: str | None, volumes: tuple[Volume, ...]
) -> Scoring | None:
    """What a job is to do; None where it was not said whole.

    Raises:
        InvalidInput: a path is none, or outside of every volume.
    """
    if rows is None or predictions is None:
        return None
    return Scoring.checked(rows, predictions, volumes)


def demand_company(
    output: str | Path | None,
    confirm: Callable[[str], bool] | None,
    *,
    helm: bool,
    force: bool,
    context: str | None,
) -> None:
    """Refuse what means nothing without another option.

    Raises:
        InvalidInput: such an option stands alone; says beside which it means something.
    """
    if output is None and helm:
        raise InvalidInput("values are written beside the documents", hint="--helm -o DIR")
    if output is None and force:
        raise InvalidInput("--force writes over files of a folder", hint="--force -o DIR")
    if confirm is None and context is not None:
        raise InvalidInput("--context names the cluster of --apply", hint="--apply")
