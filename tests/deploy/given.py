"""Pins, facts and wishes: usual ones, and whatever Hypothesis thinks of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from lading.deploy import pod
from lading.deploy.cluster import NEWEST, OLDEST, USUAL, Cluster
from lading.deploy.pins import Pins, Runs, Serving
from lading.deploy.wish import Facts, Kind, Scoring, Volume, Wish
from lading.spec.digest import Digest

PLACE = "registry.example.com/ml/fraud"
MODEL = Digest.of(b"index")
EVENT = Digest.of(b"event")
SERVER = f"{PLACE}@{Digest.of(b'server')}"
CLIENT = f"registry.example.com/tools/lading@{Digest.of(b'client')}"

PINS = Pins(Runs(PLACE, MODEL, "1.2.0", "prod", EVENT), Serving(SERVER, holds_model=False))
FACTS = Facts(1234, "scikit-learn", ("linux/amd64", "linux/arm64"))
SCORING = Scoring("/data/rows.csv", "/data/scored.csv", (Volume("data", "/data"),))

KINDS: tuple[Kind, ...] = ("deployment", "init", "job", "pod")
VERSIONS = range(OLDEST, NEWEST + 1)


def wish(kind: Kind = "deployment", **more: Any) -> Wish:
    """A usual wish."""
    scoring = SCORING if kind == "job" else None
    return Wish(**{"kind": kind, "name": "fraud", "scoring": scoring} | more)


def _possible(asked: Wish) -> Wish:
    """Mostly what clusters can do: what they cannot is refused, and there is nothing to look at."""
    if asked.kind == "deployment" and not pod.mounts(asked):
        return replace(asked, cluster=Cluster(USUAL))
    return asked


hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
digests = hexes.map(lambda text: Digest(f"sha256:{text}"))
places = st.sampled_from(
    [PLACE, "localhost:5000/m", "127.0.0.1:5000/a/b-c", "r.io/y", "1e3.example:443/x/0x1f/null"]
)
references = st.builds("{}@{}".format, places, digests)
stages = st.sampled_from(["dev", "prod", "y", "no", "1e3", "true", "on", "0x1f", "null", "~"])
versions = st.sampled_from(["1.2.0", "1.0.0-rc.1", "10.20.30", "1.0.0_build"])
pins = st.builds(
    Pins,
    st.builds(
        Runs,
        places,
        digests,
        st.none() | versions,
        st.none() | stages,
        st.none() | digests,
    ),
    st.builds(Serving, references, st.booleans()),
    st.none() | references,
)
platforms = st.lists(
    st.sampled_from(["linux/amd64", "linux/arm64/v8", "linux/arm64", "linux/s390x"]), max_size=3
).map(tuple)
# A version mounts everywhere, unless nothing is known of where.
everywhere = st.sampled_from([(), ("linux/amd64", "linux/arm64", "linux/s390x")])
# Nothing in them looks like a part of a digest.
frameworks = st.text(st.characters(exclude_characters="0123456789abcdef"), max_size=80)
facts = st.builds(Facts, st.integers(0, 2**45), st.none() | frameworks, platforms, everywhere)
# Names that somebody's YAML takes for something else, and usual ones.
names = st.sampled_from(["y", "n", "on", "yes", "null", "true", "e3", "a", "fraud", "z" * 63])
secrets = st.lists(st.sampled_from(["a", "1e3", "regcred", "my.secret", "0"]), max_size=2)
wishes = st.builds(
    Wish,
    kind=st.sampled_from(KINDS),
    name=names,
    namespace=st.none() | names,
    cluster=st.sampled_from(VERSIONS).map(Cluster),
    image_volumes=st.booleans(),
    replicas=st.integers(1, 5),
    most=st.none() | st.integers(6, 9),
    pull_secrets=secrets.map(tuple),
    credentials=st.none() | st.sampled_from(["auth", "1"]),
    allow_pickle=st.booleans(),
    cpu=st.none() | st.sampled_from(["500m", "2", "0.5"]),
    memory=st.none() | st.sampled_from(["2Gi", "512Mi", "1000000000"]),
    insecure=st.booleans(),
    scoring=st.just(SCORING),
).map(_possible)
