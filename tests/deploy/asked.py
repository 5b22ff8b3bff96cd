"""Whatever somebody may ask for, of every kind: what is pinned, known and wished for, together.

Mostly what can be: what cannot is refused, and there is nothing to look at. What no registry and no
ledger would take as a name (a stage with a line end in it) is here all the same: whoever writes
documents is a stranger to both, and must not depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from deploy import given as g
from hypothesis import strategies as st

from lading.deploy import pod
from lading.deploy.cluster import USUAL, Cluster
from lading.deploy.engines import Podman
from lading.deploy.kserve_version import NEWEST, OLDEST, STORAGES, KServe
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.wish import KINDS, Facts, Kind, Scoring, Volume, Wish, name_from
from lading.spec.digest import Digest


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked for, and the digests of the version that no runtime mounts."""

    pins: Pins
    facts: Facts
    wish: Wish
    forbidden: frozenset[Digest]

    @property
    def known(self) -> set[str]:
        """Every digest that documents may have."""
        runs = self.pins.runs
        images = (self.pins.serving.reference, self.pins.puller, self.pins.modelcar)
        named = {image.partition("@")[2] for image in images if image}
        return named | {str(runs.digest), *([str(runs.event)] if runs.event else [])}


# Text that somebody's reader takes for something else: YAML's, systemd's, a shell's, Compose's.
HARD = (
    *("y", "no", "On", "NULL", "~", "true", "1e3", "0x10", "0o17", "010", "-", "--", "1.0", ".5"),
    *("2026-11-22", "2026-02-30T25:00:00Z", "12:30:45", "1_000", ".inf", "=", "<<", "*a", "&a"),
    *("a: b", "a #b", 'say "no"', "it's", "a\nb: c", "\n[Service]\nExecStart=/bin/sh", "\ttab"),
    *("%h", "%%", "$HOME", "${X}", "$$", "$(id)", "`id`", "a\\", "a\\nb", " a ", "a;b", "{{a}}"),
    *("---", "...", "? a", "!!str a", "| a", "> a", "@a", "é", "\u2028", "\x7f", "x" * 63, ""),
)
texts = st.sampled_from(HARD) | st.text(max_size=20)
names = (st.sampled_from(["y", "no", "on", "null", "e3", "a", "z" * 63]) | texts).map(name_from)
# A namespace may begin with a digit, and be a number, or a day.
namespaces = st.none() | st.sampled_from(["1e3", "0x10", "0", "010", "2026-11-22", "y", "no"])
objects = st.sampled_from(["a", "1e3", "regcred", "my.secret", "0", "1.0", "2026-11-22", "z" * 63])
paths = st.sampled_from(
    ["/data/rows.csv", "/data/1e3", "/data/-", "/data/a..b", "/data/_.-/x", "/data/..a"]
)
scorings = st.builds(
    Scoring.checked,
    paths,
    paths,
    objects.map(lambda claim: (Volume.parse(f"{claim}:/data"),)),
)
podmans = st.builds(Podman, st.integers(5, 6), st.integers(0, 9)) | st.builds(
    Podman, st.just(4), st.integers(4, 9)
)
runs = st.builds(
    Runs, g.places, g.digests, st.none() | texts, st.none() | texts, st.none() | g.digests
)
pins = st.builds(
    Pins,
    runs,
    st.builds(Serving, g.references, st.booleans()),
    st.none() | g.references,
    st.none() | g.references,
)
wishes = st.builds(
    Wish,
    kind=st.sampled_from(KINDS),
    name=names,
    namespace=namespaces,
    cluster=st.sampled_from(g.VERSIONS).map(Cluster),
    image_volumes=st.booleans(),
    replicas=st.integers(1, 5),
    most=st.none() | st.integers(6, 9),
    pull_secrets=st.lists(objects, max_size=2).map(tuple),
    credentials=st.none() | objects,
    port=st.sampled_from([8080, 1, 65535]),
    published=st.sampled_from([8080, 1, 65535]),
    allow_pickle=st.booleans(),
    cpu=st.none() | st.sampled_from(["500m", "2", "0.5", "010", "1000000m"]),
    memory=st.none() | st.sampled_from(["2Gi", "512Mi", "1000000000", "1k", "0.5Ti"]),
    insecure=st.booleans(),
    podman=podmans,
    scoring=scorings,
    kserve=st.integers(OLDEST, NEWEST).map(KServe),
    kserve_storage=st.sampled_from([None, *STORAGES]),
)


@st.composite
def cases(draw: st.DrawFn, kind: Kind | None = None) -> Case:
    """Something that is asked for, of any kind or of one."""
    pinned, facts, wish = draw(pins), draw(g.facts), draw(wishes)
    wish = replace(wish, kind=kind or wish.kind)
    if facts.platforms and not wish.image_volumes:
        wish = replace(wish, platform=facts.platforms[0])
    if wish.kind == "deployment" and not pod.mounts(wish):
        wish = replace(wish, cluster=Cluster(USUAL))
    if wish.kind in ("compose", "podman"):
        wish = replace(wish, replicas=1, most=None)
    if wish.kind == "kserve":
        pinned, wish = _brought(pinned, wish)
    bare = draw(st.frozensets(g.digests, min_size=2, max_size=2))
    case = Case(pinned, facts, wish, bare)
    return replace(case, forbidden=frozenset(each for each in bare if each not in case.known))


def _brought(pinned: Pins, wish: Wish) -> tuple[Pins, Wish]:
    """What each way to a server of KServe's needs."""
    more: dict[str, Any] = {}
    storage = wish.kserve_storage
    if storage == "native":
        more = {"kserve": KServe(NEWEST), "cluster": Cluster(USUAL)}
    elif storage == "modelcar":
        more = {"kserve": max(wish.kserve, KServe(12))}
        pinned = replace(pinned, modelcar=pinned.modelcar or g.SERVER)
    elif storage == "image":
        pinned = replace(pinned, serving=replace(pinned.serving, holds_model=True))
    else:
        pinned = replace(pinned, puller=pinned.puller or g.CLIENT)
    return pinned, replace(wish, **more)
