"""An option changes the documents of a kind, or is refused by its name: nothing is passed over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from deploy.given import CLIENT, FACTS, PINS, PLACE, SCORING, SERVER

from lading.deploy import kinds, text
from lading.deploy.cluster import Cluster
from lading.deploy.engines import Podman
from lading.deploy.kserve_version import KServe
from lading.deploy.options import demand_known, demand_used
from lading.deploy.pins import Pins, Serving
from lading.deploy.wish import KINDS, Kind, Wish
from lading.errors import InvalidInput
from lading.spec.digest import Digest

CAR = f"{PLACE}@{Digest.of(b'car')}"
HELD = replace(PINS, serving=Serving(SERVER, holds_model=True))
# What each option makes of a wish.
WISHES: Final[dict[str, dict[str, Any]]] = {
    "--allow-pickle": {"allow_pickle": True},
    "--cpu": {"cpu": "3"},
    "--credentials": {"credentials": "auth"},
    "--kserve-storage": {"kserve_storage": "lading"},
    "--kserve-version": {"kserve": KServe(14)},
    "--kubernetes-version": {},
    "--max-replicas": {"most": 4},
    "--namespace": {"namespace": "ml"},
    "--platform": {"platform": "linux/amd64"},
    "--podman-version": {"podman": Podman(4, 9)},
    "--port": {"published": 9090},
    "--pull-secret": {"pull_secrets": ("regcred",)},
    "--replicas": {"replicas": 3},
}
# Others that write otherwise than the usual one, by the way to the model.
CLUSTERS: Final[dict[str, dict[str, Any]]] = {
    "held": {"cluster": Cluster(28)},
    "mounted": {"cluster": Cluster(31), "image_volumes": True},
    "init": {"cluster": Cluster(28)},
    "pulled": {"cluster": Cluster(30)},
}
# What holds in the documents that are compared.
WAYS: Final[dict[str, dict[str, Any]]] = {
    "held": {},
    "mounted": {},
    "pulled": {"cluster": Cluster(28)},
}


def wish(kind: Kind, **more: Any) -> Wish:
    scoring = SCORING if kind == "job" else None
    return Wish(**{"kind": kind, "name": "fraud", "scoring": scoring} | more)


def shown(pins: Pins, asked: Wish) -> str:
    return text.write(kinds.resources(pins, FACTS, asked))


def taken(option: str, pins: Pins, asked: Wish) -> bool:
    try:
        demand_known(asked.kind, (option,))
        demand_used(pins, asked, (option,))
    except InvalidInput as refused:
        assert option in refused.what
        assert refused.cause
        assert refused.hint
        return False
    return True


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", WISHES)
def test_what_changes_nothing_is_refused_and_nothing_else_is(
    option: str, kind: Kind, way: str
) -> None:
    pins = replace(HELD if way == "held" else PINS, modelcar=CAR, puller=CLIENT)
    if kind == "deployment" and way == "pulled":
        return  # it is refused, whatever else is said: --as init
    if kind in ("compose", "podman") and way == "mounted":
        pins = replace(pins, puller=None)
    usual = wish(kind, **WAYS[way])
    before = shown(pins, usual)

    other = CLUSTERS["init" if (kind, way) == ("init", "mounted") else way]
    asked = replace(usual, **other if option == "--kubernetes-version" else WISHES[option])

    if kind in ("compose", "podman") and option in ("--replicas", "--max-replicas"):
        assert not taken(option, pins, asked)
        return
    assert taken(option, pins, asked) == (shown(pins, asked) != before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("holds_model", [True, False])
@pytest.mark.parametrize("minor", [29, 35])
def test_an_image_that_pulls_nothing_is_refused(
    kind: Kind, minor: int, *, holds_model: bool
) -> None:
    asked = wish(kind, cluster=Cluster(minor))
    if kind == "deployment" and not holds_model and minor == 29:
        return  # it is refused, whatever else is said: --as init
    named = replace(HELD if holds_model else PINS, puller=CLIENT)

    assert taken("--puller", named, asked) == (CLIENT in shown(named, asked))


@pytest.mark.parametrize("kind", ["pod", "job"])
def test_image_volumes_mean_something_where_there_are_some(kind: Kind) -> None:
    for minor, expected in ((29, False), (31, True), (34, True), (35, False), (36, False)):
        asked = wish(kind, cluster=Cluster(minor), image_volumes=True)
        assert taken("--image-volumes", PINS, asked) == expected
    assert not taken("--image-volumes", PINS, wish("init", image_volumes=True))


@pytest.mark.parametrize(
    ("option", "kind", "says"),
    [
        ("--rows", "pod", "--as job"),
        ("--predictions", "compose", "--as job"),
        ("--volume", "deployment", "--as job"),
        ("--helm", "podman", "leave it out"),
        ("--push", "compose", "leave it out"),
        ("--apply", "podman", "leave it out"),
        ("--pull-secret", "podman", "podman login"),
        ("--kubernetes-version", "podman", "--podman-version"),
        ("--replicas", "pod", "--as deployment"),
        ("--credentials", "kserve", "lading-registry"),
    ],
)
def test_it_is_said_what_to_write_instead(option: str, kind: Kind, says: str) -> None:
    with pytest.raises(InvalidInput, match=f"{option} means nothing to --as {kind}") as refused:
        demand_known(kind, (option,))

    assert says in str(refused.value.hint)


def test_what_is_written_instead_of_credentials_depends_on_who_logs_in() -> None:
    for kind, says in (("deployment", "--pull-secret"), ("compose", "docker login")):
        with pytest.raises(InvalidInput, match="where the model is mounted") as refused:
            demand_used(PINS, wish(kind, credentials="auth"), ("--credentials",))  # type: ignore[arg-type]
        assert says in str(refused.value.hint)
