"""Each rule of a stage, holding and failing."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.cases import (
    ADA,
    BOB,
    EVE,
    NOW,
    OTHER,
    ago,
    approved,
    decision,
    event,
    rejected,
    rule,
    rules,
)

from lading.errors import PolicyRefused
from lading.policy.rules import USUAL, StageRules
from lading.spec.event import Recorded

ONE = {"protected": True, "approvals": 1, "not_author": True}
MADE = {"authors": ["Somebody Else"]}


def test_the_usual_stages_need_nothing() -> None:
    for stage in USUAL.stages:
        assert decision(stage).holds
        assert not decision(stage).protected


def test_one_yes_is_enough_for_one_approval() -> None:
    found = rule("approvals", rules(**ONE), MADE, events=(approved(BOB),))

    assert found.holds
    assert found.why == "1 of 1: Bob <bob@example.com> (unsigned)"


def test_without_a_yes_it_says_how_to_give_one() -> None:
    found = rule("approvals", rules(**ONE), MADE)

    assert not found.holds
    assert found.why == "0 of 1"
    assert found.hint == 'lading approve REF --stage prod --because "…"'


@pytest.mark.parametrize(
    "word",
    [
        approved(BOB, digest=OTHER),
        approved(BOB, stage="staging"),
        event("requested", BOB),
        event("noted", BOB),
        approved(BOB, expires=ago(days=1)),
        approved(BOB, expires=ago()),
    ],
)
def test_a_word_that_is_none_on_this_version_in_this_stage_now_does_not_count(
    word: Recorded,
) -> None:
    assert not rule("approvals", rules(**ONE), MADE, events=(word,)).holds


def test_an_approval_expires_exactly_when_it_says() -> None:
    now = approved(BOB, expires=NOW.isoformat())
    later = approved(BOB, expires=(NOW + timedelta(seconds=1)).isoformat())

    assert not rule("approvals", rules(**ONE), MADE, events=(now,)).holds
    assert rule("approvals", rules(**ONE), MADE, events=(later,)).holds


def test_a_rejection_refuses_and_says_who_and_why_and_who_approves_does_not_matter() -> None:
    events = (approved(BOB), approved(ADA), rejected(EVE, reason="drifts on cards"))

    found = decision(rules(**ONE), MADE, events=events)

    assert not found.holds
    (failed,) = found.failed
    assert failed.name == "not rejected"
    assert failed.why == "Eve <eve@example.com> (unsigned) rejected it: drifts on cards"


def test_a_rejection_refuses_where_no_approval_is_needed_and_by_whomever() -> None:
    document = {"authors": [ADA]}

    assert not rule("not rejected", rules(protected=True), document, events=(rejected(ADA),)).holds


def test_everybodys_latest_word_counts() -> None:
    changed = (rejected(BOB), approved(BOB))
    taken_back = (approved(BOB), rejected(BOB))

    assert decision(rules(**ONE), MADE, events=changed).holds
    assert decision(rules(**ONE), MADE, events=changed[::-1]).holds
    assert not decision(rules(**ONE), MADE, events=taken_back).holds


def test_of_two_words_that_did_not_know_of_each_other_the_no_counts() -> None:
    for name in (1, 2):
        events = (approved(BOB, seq=7, name=name), rejected(BOB, seq=7, name=3 - name))

        assert not decision(rules(**ONE), MADE, events=events).holds


def test_a_rejection_that_has_expired_does_not_bring_back_the_yes_before_it() -> None:
    events = (approved(BOB), rejected(BOB, expires=ago(hours=1)))

    found = decision(rules(**ONE), MADE, events=events)

    assert [each.name for each in found.failed] == ["approvals"]


def test_one_person_counts_once() -> None:
    twice = rules(protected=True, approvals=2)
    again = (approved(BOB), approved("bob@example.com"))
    renamed = (approved(BOB), approved("BOB <b@other.example>"))

    assert rule("approvals", twice, events=(approved(BOB), approved(BOB))).why.startswith("1 of 2")
    assert not rule("approvals", twice, events=again).holds
    found = rule("approvals", twice, events=renamed)
    assert not found.holds
    assert "has the name or the address of somebody who counts already" in found.why
    assert rule("approvals", twice, events=(approved(BOB), approved(EVE))).holds


@pytest.mark.parametrize(
    "author",
    [
        BOB,
        "Bob",
        "bob@example.com",
        "ROBERT <BOB@EXAMPLE.COM>",
        "  bOb   <someone@else.example>",
        "Ｂｏｂ",  # the same letters in another width
        "Robert <bob@example.com> (at work)",
        "mailto:bob@example.com",
        '"Bob", of the risk team <bob@example.com>',
    ],
)
def test_an_authors_own_yes_does_not_count_however_the_name_is_written(author: str) -> None:
    found = rule("approvals", rules(**ONE), {"authors": [EVE, author]}, events=(approved(BOB),))

    assert not found.holds
    assert found.why == "0 of 1; Bob <bob@example.com> (unsigned) does not count: is an author"


@pytest.mark.parametrize(
    ("kind", "why"), [("registered", "registered it"), ("requested", "requested it")]
)
def test_who_registered_or_requested_it_does_not_count(kind: Any, why: str) -> None:
    events = (event(kind, "bob <BOB@example.com>"), approved(BOB), approved(EVE))

    found = rule("approvals", rules(**ONE), MADE, events=events)

    assert found.holds
    assert f"Bob <bob@example.com> (unsigned) does not count: {kind} it" in found.why


def test_who_registered_another_version_or_requested_another_stage_counts() -> None:
    events = (
        event("registered", BOB, digest=OTHER),
        event("requested", BOB, stage="staging"),
        approved(BOB),
    )

    assert rule("approvals", rules(**ONE), MADE, events=events).holds


def test_an_author_counts_where_the_policy_does_not_mind() -> None:
    stage = rules(protected=True, approvals=1)

    assert rule("approvals", stage, {"authors": [BOB]}, events=(approved(BOB),)).holds


def test_where_nobody_is_known_to_have_made_it_nobody_can_be_another() -> None:
    unknown = rule("approvals", rules(**ONE), events=(approved(BOB),))
    known = rule("approvals", rules(**ONE), events=(event("registered", ADA), approved(BOB)))

    assert not unknown.holds
    assert "it is not known who made it" in unknown.why
    assert str(unknown.hint).startswith("lading ledger adopt MODEL registers")
    assert known.holds


def test_a_named_signer_is_never_met_by_what_is_unsigned() -> None:
    for said in ({"approvals": 1}, {}):
        found = rule("approvals", rules(signers=["key"], **said), events=(approved(BOB),))

        assert not found.holds
        assert "0 of 1; cannot be met yet: unsigned" in found.why
        assert "does not count: unsigned" in found.why


def test_a_named_signer_is_met_by_that_key_only() -> None:
    stage = rules(approvals=1, signers=["key"])

    assert rule("approvals", stage, events=(approved(BOB, signer="key"),)).holds
    assert not rule("approvals", stage, events=(approved(BOB, signer="other"),)).holds


def test_a_named_assigner_is_never_met_by_what_is_unsigned() -> None:
    stage = rules(assigners=["key"])

    assert rule("assigners", stage, actor=BOB).why == "cannot be met yet: unsigned"
    assert not rule("assigners", stage, actor=BOB).holds
    assert not rule("assigners", stage, signer="other").holds
    assert rule("assigners", stage, signer="key").holds


def test_it_must_have_been_in_the_stage_before() -> None:
    stage = rules(after="staging")

    assert rule("after staging", stage, stages=frozenset({"staging"})).holds
    found = rule("after staging", stage, stages=frozenset({"dev"}))
    assert not found.holds
    assert found.hint == "lading promote REF staging"


def test_a_deprecated_version_is_refused_where_the_stage_is_protected() -> None:
    events = (event("deprecated", ADA, stage=None, reason="leaks"),)

    found = rule("not deprecated", rules(protected=True), events=events)

    assert not found.holds
    assert found.why == f"{ADA} deprecated it: leaks"
    assert decision(rules(), events=events).holds
    other = event("deprecated", ADA, stage=None, digest=OTHER)
    assert decision(rules(protected=True), events=(other,)).holds


def test_a_refusal_names_every_rule_that_fails() -> None:
    stage = rules(
        **ONE, after="staging", gates=["lock", {"name": "good", "rule": "metrics.auc > 0.9"}]
    )

    refusal = decision(stage, events=(rejected(EVE),)).refusal("ml/fraud:1.2.0")

    assert isinstance(refusal, PolicyRefused)
    assert refusal.exit_code == 9
    assert refusal.what == "ml/fraud:1.2.0 may not be prod"
    for name in ("not rejected", "approvals", "after staging", "lock", "good"):
        assert f"{name}: " in str(refusal.cause)
    assert "not deprecated" not in str(refusal.cause)


def test_every_rule_is_told_also_those_that_hold() -> None:
    stage = rules(**ONE, after="staging", gates=["lock"])

    found = decision(stage, {"environment": {"lock": {"path": "x"}}}, stages=frozenset({"staging"}))

    assert [(each.name, each.holds) for each in found.rules] == [
        ("not deprecated", True),
        ("after staging", True),
        ("not rejected", True),
        ("approvals", False),
        ("lock", True),
    ]


def test_what_others_wrote_does_not_make_a_rule_long() -> None:
    events = tuple(rejected(f"{'x' * 5000}{at}", reason="y" * 5000) for at in range(200))
    started = time.process_time()

    found = rule("not rejected", rules(**ONE), MADE, events=events)

    assert not found.holds
    assert len(found.why) < 2000
    assert "and 195 more" in found.why
    assert time.process_time() - started < 2


_WORDS = st.lists(
    st.tuples(
        st.sampled_from(["approved", "rejected", "requested", "registered"]),
        st.sampled_from([ADA, BOB, EVE, "bob@example.com", "Eve"]),
        st.integers(1, 4),
    ),
    max_size=8,
)


@given(_WORDS, st.randoms())
def test_a_decision_does_not_depend_on_the_order_in_which_events_are_known(
    words: list[tuple[Any, str, int]], random: Any
) -> None:
    events = [event(kind, actor, seq=seq, name=at) for at, (kind, actor, seq) in enumerate(words)]
    other = random.sample(events, len(events))
    stage: StageRules = rules(**ONE)

    one, another = (decision(stage, events=tuple(each)) for each in (events, other))

    assert one.holds is another.holds
    assert {r.name for r in one.failed} == {r.name for r in another.failed}


@given(_WORDS)
def test_it_holds_only_if_somebody_else_says_yes_and_nobody_says_no(
    words: list[tuple[Any, str, int]],
) -> None:
    events = tuple(
        event(kind, actor, seq=at + 1, name=at) for at, (kind, actor, _) in enumerate(words)
    )

    found = decision(rules(**ONE), {"authors": [ADA]}, events=events)

    said = {actor: kind for kind, actor, _ in words if kind in ("approved", "rejected")}
    if found.holds:
        assert "approved" in said.values()
        assert {actor for actor, kind in said.items() if kind == "approved"} - {ADA}
