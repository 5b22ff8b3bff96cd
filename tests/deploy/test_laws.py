"""Whatever is pinned, known and wished for: what is always true of documents."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import yaml
from deploy import given as g
from hypothesis import assume, given
from hypothesis import strategies as st

from lading.deploy import kinds, kustomize, text, values
from lading.deploy.lint import lint
from lading.deploy.pins import Pins
from lading.deploy.resource import Resource
from lading.deploy.wish import Facts, Wish
from lading.errors import Unsupported

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAGGED = re.compile(r"[a-z0-9.]+(?::\d+)?/[a-z0-9./-]+:[A-Za-z0-9_][\w.-]*")


def documents(pins: Pins, facts: Facts, wish: Wish) -> tuple[Resource, ...]:
    """The documents; what a cluster cannot do is refused, and that is all that may happen."""
    try:
        return kinds.resources(pins, facts, wish)
    except Unsupported as refused:
        assert refused.hint
        assume(False)
        raise


@given(g.pins, g.facts, g.wishes)
def test_documents_are_yaml_that_says_the_same(pins: Pins, facts: Facts, wish: Wish) -> None:
    made = documents(pins, facts, wish)

    assert tuple(yaml.safe_load_all(text.write(made))) == made


@given(g.pins, g.facts, g.wishes)
def test_nothing_is_named_by_tag_or_by_a_digest_that_mounts_empty(
    pins: Pins, facts: Facts, wish: Wish
) -> None:
    made = documents(pins, facts, wish)
    known = {str(pins.runs.digest), str(pins.runs.event)}
    known |= {name.partition("@")[2] for name in (pins.serving.reference, pins.puller or "")}

    shown = text.write(made)

    assert lint(made) == ()
    assert set(_DIGEST.findall(shown)) <= known
    assert not [found for found in strings(made) if _TAGGED.fullmatch(found)]


@given(g.pins, g.facts, g.wishes)
def test_a_base_and_its_patches_are_the_documents(pins: Pins, facts: Facts, wish: Wish) -> None:
    made = documents(pins, facts, wish)

    bare, patches = kustomize.split(made)

    assert kustomize.merge(bare, patches) == made
    assert not _DIGEST.search(text.write(bare))
    assert pins.runs.digest.short not in text.write(bare)


@given(g.pins, g.pins, g.facts, g.wishes)
def test_another_version_changes_the_patches_alone(
    pins: Pins, other: Pins, facts: Facts, wish: Wish
) -> None:
    other = replace(other, serving=replace(other.serving, holds_model=pins.serving.holds_model))
    # Where the puller speaks plain http, its documents name the host.
    wish = replace(wish, insecure=False)

    before = kustomize.files(documents(pins, facts, wish))
    after = kustomize.files(documents(other, facts, wish))

    assert {name for name in before if before[name] != after[name]} <= {kustomize.DIGESTS}
    assert before.keys() == after.keys()


@given(g.pins, st.booleans())
def test_values_are_yaml_and_named_by_digest(pins: Pins, _: bool) -> None:
    made = values.values(pins)

    assert yaml.safe_load(text.document(made)) == made
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
    assert yaml.safe_load(text.document(value)) == value


def strings(value: Any) -> list[str]:
    """Every text in a value."""
    if isinstance(value, dict):
        return [found for part in value.values() for found in strings(part)]
    if isinstance(value, list | tuple):
        return [found for part in value for found in strings(part)]
    return [value] if isinstance(value, str) else []
