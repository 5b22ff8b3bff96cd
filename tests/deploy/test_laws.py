"""Whatever is asked for, of every kind: valid YAML without a tag in it, as every reader takes it.

One law for deployments, init containers, KServe in each storage, jobs, pods, Compose and Podman, on
every version of what runs them; and for what Flux and Argo CD are told. What cannot be is refused
with what would, and nothing else may happen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml
from deploy import given as g
from deploy import unit_file, yaml_12
from deploy.asked import Case, cases, namespaces, texts
from deploy.crds_of import problems
from hypothesis import assume, given
from hypothesis import strategies as st
from parts.laws import tries

from lading.deploy import (
    argocd,
    compose,
    flux,
    kinds,
    kustomize,
    machine,
    text,
    values,
)
from lading.deploy.lint import lint
from lading.deploy.pins import Pins
from lading.deploy.puller import puller
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Wish, name_from
from lading.errors import InvalidInput, Unsupported
from lading.operations.deploying.folder import headed
from lading.spec.digest import Digest

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAGGED = re.compile(r"[a-z0-9.]+(?::\d+)?/[a-z0-9./-]+:[A-Za-z0-9_][\w.-]*")


def documents(case: Case) -> tuple[Resource, ...]:
    """The documents; what cannot be is refused with what would, and that is all that may happen."""
    try:
        return kinds.resources(case.pins, case.facts, case.wish)
    except (Unsupported, InvalidInput) as refused:
        assert refused.hint
        assume(False)
        raise


def files(case: Case, made: tuple[Resource, ...]) -> dict[str, str]:
    """Every text that is written of them, as in a folder."""
    if not kinds.is_kubernetes(case.wish.kind):
        return headed(kinds.written(made, case.wish))
    return headed(kustomize.files(made) | {"values.yaml": text.document(values.values(case.pins))})


def read(written: str) -> list[Any]:
    """The documents in a text, which readers of both YAMLs take for the same."""
    found = list(yaml.safe_load_all(written))
    assert yaml_12.load_all(written) == found
    return found


@tries(60)
@given(cases())
def test_it_is_yaml_that_says_the_same_to_every_reader(case: Case) -> None:
    made = documents(case)
    written = files(case, made)

    loaded = {name: read(each) for name, each in written.items() if name.endswith(".yaml")}

    if kinds.is_kubernetes(case.wish.kind):
        bare, patches = kustomize.split(made)
        assert read(text.write(made)) == list(made)
        assert loaded.pop("values.yaml") == [values.values(case.pins)]
        assert loaded.pop(kustomize.DIGESTS) == list(patches)
        names = loaded.pop(kustomize.BASE)[0]["resources"]
        assert [loaded.pop(name) for name in names] == [[each] for each in bare]
        assert kustomize.merge(bare, patches) == made
        # What a cluster pulls with is of no version, and stays where it is.
        moving = [each for each in bare if each["kind"] != "ClusterStorageContainer"]
        assert not _DIGEST.search(text.write(moving))
        assert case.pins.runs.digest.short not in text.write(moving)
        assert not loaded
    elif case.wish.kind == "compose":
        assert loaded == {compose.FILE: list(made)}
    else:
        assert all(found == [made[0]] for found in loaded.values())


@tries(60)
@given(cases())
def test_nothing_is_named_by_tag_or_by_a_digest_that_mounts_empty(case: Case) -> None:
    made = documents(case)
    shown = "".join(files(case, made).values())

    assert lint(made, case.forbidden) == ()
    assert set(_DIGEST.findall(shown)) <= case.known
    assert str(case.pins.runs.digest) in shown
    assert not [found for found in strings(made) if _TAGGED.fullmatch(found)]
    assert lint(made, [Digest(case.pins.runs.digest)])


@tries(20)
@given(cases("compose") | cases("kserve"))
def test_what_is_not_kubernetes_own_is_as_those_have_it_who_read_it(case: Case) -> None:
    for each in documents(case):
        if case.wish.kind == "compose":
            assert problems("compose", each, kind="Compose") == []
        elif each["apiVersion"].startswith("serving.kserve.io/"):
            assert problems("kserve", each, case.wish.kserve.minor) == []


@tries(60)
@given(cases("compose"))
def test_compose_puts_no_variable_into_what_is_written(case: Case) -> None:
    (made,) = documents(case)
    server = uninterpolated(made)["services"]["model"]

    assert server["labels"] == machine.labels(case.pins, case.facts, case.wish)
    assert server["environment"] == machine.environment(case.pins)
    assert made["name"] == case.wish.name


@tries(60)
@given(cases("podman"))
def test_systemd_takes_each_word_of_a_unit_as_it_stands(case: Case) -> None:
    made = documents(case)
    units = {name: each for name, each in files(case, made).items() if name != "pod.yaml"}
    read_units = {name: unit_file.sections(each) for name, each in units.items()}

    server = read_units[f"{case.wish.name}.container"]
    how = machine.way(case.pins)
    assert settings_in(server, "Label") == machine.labels(case.pins, case.facts, case.wish)
    assert settings_in(server, "Environment") == machine.environment(case.pins)
    assert command_in(server, case) == list(machine.command(how, case.wish))
    for name, found in read_units.items():
        kind = name.rpartition(".")[2].capitalize()
        assert set(found) <= {"Unit", kind, "Service", "Install"}
        assert all(unit_file.specified(value) for each in found.values() for _, value in each)
        assert not {key for key, _ in found.get("Service", ())} & {"ExecStart", "ExecStop"}
    if how == "pulled":
        pulls = puller(
            case.pins, credentials=bool(case.wish.credentials), insecure=case.wish.insecure
        )
        pull = read_units[f"{case.wish.name}-pull.container"]
        assert settings_in(pull, "Environment") == pulls.env
        assert command_in(pull, case) == [*pulls.command, *pulls.args]


@given(g.pins, g.pins, g.facts, g.wishes)
def test_another_version_changes_the_patches_alone(
    pins: Pins, other: Pins, facts: Facts, wish: Wish
) -> None:
    bare = frozenset[Digest]()
    other = replace(other, serving=replace(other.serving, holds_model=pins.serving.holds_model))
    # Where the puller speaks plain http, its documents name the host.
    wish = replace(wish, insecure=False)

    before = kustomize.files(documents(Case(pins, facts, wish, bare)))
    after = kustomize.files(documents(Case(other, facts, wish, bare)))

    assert {name for name in before if before[name] != after[name]} <= {kustomize.DIGESTS}
    assert before.keys() == after.keys()


@given(g.pins)
def test_values_are_named_by_digest(pins: Pins) -> None:
    made = values.values(pins)

    assert _DIGEST.fullmatch(made["image"]["digest"])
    assert lint([made]) == ()


@given(
    st.recursive(
        st.text(max_size=20) | st.integers() | st.booleans() | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
        ),
    )
)
def test_any_plain_value_is_read_back(value: Any) -> None:
    assert read(text.document(value)) == [value]


def settings_in(unit: dict[str, list[tuple[str, str]]], key: str) -> dict[str, str]:
    """What a unit of a container sets."""
    found = [
        word for each, value in unit["Container"] if each == key for word in unit_file.words(value)
    ]
    return {name: value for name, _, value in (word.partition("=") for word in found)}


def command_in(unit: dict[str, list[tuple[str, str]]], case: Case) -> list[str]:
    """What a unit of a container runs."""
    values = {key: value for key, value in unit["Container"] if key in ("Entrypoint", "Exec")}
    if not case.wish.podman.entrypoints and "Exec" in values:
        flags = [
            word for key, value in unit["Container"] if key == "PodmanArgs" for word in [value]
        ]
        values["Entrypoint"] = next(
            word.partition("=")[2] for word in flags if word.startswith("--entrypoint=")
        )
    first = [values["Entrypoint"]] if "Entrypoint" in values else []
    return [*first, *unit_file.words(values.get("Exec", ""))]


def uninterpolated(value: Any) -> Any:
    """A Compose file as it is when variables were put in: there are none."""
    if isinstance(value, dict):
        return {key: uninterpolated(part) for key, part in value.items()}
    if isinstance(value, list):
        return [uninterpolated(part) for part in value]
    if isinstance(value, str):
        assert "$" not in value.replace("$$", "")
        return value.replace("$$", "$")
    return value


def strings(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str):
        yield value
    elif not isinstance(value, int | float | None):
        for part in value:
            yield from strings(part)


# What Flux and Argo CD are told


hosts = st.sampled_from(["https://git.example.com/ml/deploy", "ssh://git@git.example.com/x.git"])
branches = st.sampled_from(["main", "1e3", "0x10", "no", "y", "1.0", "release/1.0", "2026-11-22"])
folders = st.sampled_from(["./deploy/prod", ".", "./-", "1e3", "null", "0x10", "2026-11-22"])


@tries(60)
@given(
    name=texts.map(name_from),
    url=hosts | texts,
    path=folders | texts,
    branch=branches | texts,
    target=namespaces,
    place=g.places,
    digest=g.digests,
)
def test_what_flux_and_argo_cd_are_told_says_the_same_to_every_reader(
    *, name: str, url: str, path: str, branch: str, target: str | None, place: str, digest: Digest
) -> None:
    def told() -> Iterator[tuple[str, Resource]]:
        for each in flux.from_git(name, url, path=path, branch=branch, target=target):
            yield "flux", each
        for each in flux.from_registry(name, place, str(digest), path=path, target=target):
            yield "flux", each
        yield (
            "argocd",
            argocd.application(
                name,
                url,
                path=path.removeprefix("./") or ".",
                revision=branch,
                target=target or "ml",
            ),
        )

    try:
        made = list(told())
    except InvalidInput as refused:
        assert refused.hint or refused.cause
        return

    assert read(text.write(each for _, each in made)) == [each for _, each in made]
    assert [problem for source, each in made for problem in problems(source, each)] == []
    assert lint(each for _, each in made) == ()
