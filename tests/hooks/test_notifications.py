"""What registries say: distribution, Harbor and zot, each in every form they have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.hooks.notifications import Hint, hints
from lading.spec.mediatypes import IMAGE_INDEX, IMAGE_LAYER, IMAGE_MANIFEST

EVENT_TAG = "evt.00000003.0123456789abcdef"
DIGEST = "sha256:" + "ab" * 32


def distribution(**target: Any) -> dict[str, Any]:
    """One event of an envelope, as distribution's bridge makes it."""
    return {
        "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
        "timestamp": "2026-03-01T12:00:00.000000001Z",
        "action": "push",
        "target": {"mediaType": IMAGE_MANIFEST, "digest": DIGEST, "size": 708}
        | {"repository": "ml/fraud", "tag": EVENT_TAG}
        | {"url": f"http://registry.example.com/v2/ml/fraud/manifests/{DIGEST}"}
        | target,
        "request": {"id": "1", "addr": "10.0.0.1:4000", "host": "registry.example.com"}
        | {"method": "PUT", "useragent": "lading/0.1.0"},
        "actor": {},
        "source": {"addr": "registry-1:5000"},
    }


def harbor_data(tag: str = EVENT_TAG) -> dict[str, Any]:
    """What Harbor says of an artifact, the same in both of its forms."""
    url = f"harbor.example.com/ml/fraud:{tag}"
    return {
        "resources": [{"digest": DIGEST, "tag": tag, "resource_url": url}],
        "repository": {"date_created": 1772366400, "name": "fraud", "namespace": "ml"}
        | {"repo_full_name": "ml/fraud", "repo_type": "private"},
    }


def harbor(kind: str = "PUSH_ARTIFACT", tag: str = EVENT_TAG) -> dict[str, Any]:
    """Harbor's own form."""
    return {
        "type": kind,
        "occur_at": 1772366400,
        "operator": "robot$ci",
        "event_data": harbor_data(tag),
    }


def cloud_event(kind: str, data: Any, **more: str) -> dict[str, Any]:
    """A CloudEvent in structured mode."""
    return {
        "specversion": "1.0",
        "id": "66e18103-09c1-41f6-982f-37df223f3eeb",
        "source": "/projects/2/webhook/policies/15",
        "type": kind,
        "datacontenttype": "application/json",
        "time": "2026-03-01T12:00:00Z",
        "data": data,
    } | more


def zot_data(reference: str = EVENT_TAG) -> dict[str, str]:
    """What zot says of an image."""
    return {
        "name": "ml/fraud",
        "reference": reference,
        "digest": DIGEST,
        "mediaType": IMAGE_MANIFEST,
        "manifest": "{}",
    }


def read(value: Any, **headers: str) -> tuple[Hint, ...]:
    return hints(headers, json.dumps(value).encode())


TAGGED = (Hint("ml/fraud", EVENT_TAG),)


def test_distributions_pushes_are_hints() -> None:
    envelope = {"events": [distribution(), distribution(tag="1.0.0", mediaType=IMAGE_INDEX)]}

    assert read(envelope) == (*TAGGED, Hint("ml/fraud", "1.0.0"))


def test_distributions_pulls_deletions_and_blobs_are_none() -> None:
    pulled = distribution() | {"action": "pull"}
    deleted = distribution() | {"action": "delete"}
    blob = distribution(mediaType=IMAGE_LAYER, tag=None)

    assert read({"events": [pulled, deleted, blob]}) == ()


@pytest.mark.parametrize("kind", ["PUSH_ARTIFACT", "CREATE_TAG"])
def test_harbors_pushes_are_hints_in_its_own_form(kind: str) -> None:
    assert read(harbor(kind)) == TAGGED


@pytest.mark.parametrize("kind", ["harbor.artifact.pushed", "harbor.tag.created"])
def test_harbors_pushes_are_hints_as_cloud_events(kind: str) -> None:
    assert read(cloud_event(kind, harbor_data(), operator="robot$ci")) == TAGGED


def test_harbor_names_a_digest_where_there_is_no_tag() -> None:
    assert read(harbor(tag=DIGEST)) == (Hint("ml/fraud", None),)


@pytest.mark.parametrize("kind", ["PULL_ARTIFACT", "DELETE_ARTIFACT", "SCANNING_COMPLETED"])
def test_what_else_harbor_tells_is_no_hint(kind: str) -> None:
    assert read(harbor(kind)) == ()


@pytest.mark.parametrize("kind", ["zotregistry.image.updated", "com.example.image.updated"])
def test_zots_updates_are_hints_in_both_modes(kind: str) -> None:
    assert read(cloud_event(kind, zot_data())) == TAGGED
    binary = {"Ce-Type": kind, "ce-specversion": "1.0", "ce-id": "1", "ce-source": "zot"}
    assert hints(binary, json.dumps(zot_data()).encode()) == TAGGED


def test_zots_new_repositories_are_hints_and_its_deletions_are_not() -> None:
    assert read(cloud_event("zotregistry.repository.created", {"name": "ml/fraud"})) == (
        Hint("ml/fraud"),
    )
    assert read(cloud_event("zotregistry.image.deleted", zot_data())) == ()


def test_a_batch_of_cloud_events_is_read_whole() -> None:
    batch = [cloud_event("zotregistry.image.updated", zot_data(tag)) for tag in ("a", "b")]

    assert read(batch) == (Hint("ml/fraud", "a"), Hint("ml/fraud", "b"))


def test_hints_matter_for_events_and_where_no_tag_is_said() -> None:
    assert Hint("ml/fraud", EVENT_TAG).matters
    assert Hint("ml/fraud").matters
    assert not Hint("ml/fraud", "1.0.0").matters


def test_no_more_hints_are_taken_than_anybody_sends() -> None:
    assert len(read({"events": [distribution()] * 5000})) == 1000


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'"x"', b"{}", b'{"type":"x"}', b"[" * 100_000, b"\xff"]
)
def test_what_is_no_notification_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        hints({}, body)


NAMES = [
    *("events", "type", "specversion", "data", "event_data", "target", "repository", "action"),
    *("resources", "tag", "mediaType", "name", "reference", "repo_full_name"),
]
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json, st.sampled_from(["", "zotregistry.image.updated", "harbor.artifact.pushed"]))
def test_whatever_comes_is_hints_or_a_refusal(value: Any, kind: str) -> None:
    try:
        found = hints({"ce-type": kind} if kind else {}, json.dumps(value).encode())
    except InvalidInput:
        return

    assert all(0 < len(hint.repository) <= 255 for hint in found)


@given(_json, st.sampled_from(["mediaType", "repository", "tag"]))
def test_every_field_of_a_push_may_be_of_any_type(value: Any, field: str) -> None:
    target = {"mediaType": IMAGE_MANIFEST, "repository": "ml/fraud", "tag": "1.0.0", field: value}

    found = hints({}, json.dumps({"events": [{"action": "push", "target": target}]}).encode())

    assert all(isinstance(hint.repository, str) for hint in found)


@pytest.mark.parametrize("field", ["action", "target"])
@pytest.mark.parametrize("value", [[], {}, None, 5, True, "x"])
def test_a_push_that_is_none_is_no_hint(field: str, value: Any) -> None:
    target = {"mediaType": IMAGE_MANIFEST, "repository": "ml/fraud"}
    event = {"action": "push", "target": target, field: value}

    assert hints({}, json.dumps({"events": [event]}).encode()) == ()
