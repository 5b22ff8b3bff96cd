"""The policy file: what it means, and how what is wrong in it is told."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import InvalidInput
from lading.policy.file import parse_policy
from lading.policy.rules import USUAL, Policy

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "policy.schema.json").read_bytes())
WRITTEN = """
stages:
  dev: {}
  staging:
  prod:
    protected: true
    approvals: 1
    not_author: true
    signers: []
    assigners: []
    after: staging
    gates: ['metrics.auc >= 0.9', 'schema.compatible', {name: scanned, rule: 'scan == "clean"'}]
    evidence_max_age: 30d
    exclusive: true
  shadow: {exclusive: false}
models:
  - match: "risk/*"
    stages: {prod: {approvals: 2, gates: []}, canary: {after: prod}}
  - match: "risk/small"
    stages: {prod: {approvals: 0}}
"""


def parsed(text: str) -> Policy:
    return parse_policy(text.encode(), "lading-policy.yaml")


def test_a_policy_is_read() -> None:
    policy = parsed(WRITTEN)

    prod = policy.rules("ml/fraud", "prod")

    assert list(policy.for_model("ml/fraud")) == ["dev", "staging", "prod", "shadow"]
    assert (prod.protected, prod.approvals, prod.not_author) == (True, 1, True)
    assert prod.after == "staging"
    assert prod.evidence_max_age == 30 * 86400
    assert [gate.name for gate in prod.gates] == [
        "metrics.auc >= 0.9",
        "schema.compatible",
        "scanned",
    ]
    assert prod.exclusive
    assert not policy.rules("ml/fraud", "shadow").exclusive
    assert policy.digest == "sha256:" + hashlib.sha256(WRITTEN.encode()).hexdigest()


def test_other_models_change_field_by_field_and_the_first_match_counts() -> None:
    policy = parsed(WRITTEN)

    prod = policy.rules("risk/small", "prod")

    assert prod.approvals == 2
    assert prod.protected
    assert prod.after == "staging"
    assert prod.gates == ()
    assert list(policy.for_model("risk/a/b")) == ["dev", "staging", "prod", "shadow", "canary"]
    assert policy.for_model("other/risk/small") == policy.for_model("ml/fraud")


@pytest.mark.parametrize(
    "text", ["", "# nothing", "---", "{}", "stages:", "stages: {}", "models: []", "former: []"]
)
def test_a_policy_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(
        InvalidInput, match=r"^the policy lading-policy\.yaml says nothing"
    ) as found:
        parsed(text)

    assert "lading policy init" in str(found.value.hint)


def test_a_file_that_only_speaks_of_some_models_has_the_usual_stages() -> None:
    policy = parsed('models: [{match: "risk/*", stages: {prod: {approvals: 1}}}]')

    assert policy.stages == USUAL.stages
    assert policy.digest is not None
    assert USUAL.digest is None


def test_a_stage_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidInput, match="ml/fraud has no stage 'production'") as refusal:
        parsed(WRITTEN).rules("ml/fraud", "production")

    assert refusal.value.cause == "lading-policy.yaml has dev, staging, prod, shadow"
    assert str(refusal.value.hint).startswith("did you mean prod?")


@pytest.mark.parametrize(
    ("text", "what", "more"),
    [
        ("stages: {prod: {aprovals: 1}}", "there is no field 'stages.prod.aprovals'", "approvals?"),
        ("stage: {}", "there is no field 'stage'", "did you mean stages?"),
        ("gates: [lock]", "there is no field 'gates'", "gates belong to a stage"),
        (
            "models: [{match: x, stages: {p: {gate: 1}}}]",
            "no field 'models.0.stages.p.gate'",
            "gates?",
        ),
        (
            "stages: {prod: {gates: [{rul: lock}]}}",
            "'stages.prod.gates.0.rul'",
            "did you mean rule?",
        ),
        ("stages: {prod: {gates: ['lock', 'a >']}}", "stages.prod.gates.1 is wrong", "at the end"),
        ("stages: {prod: {gates: lock}}", "stages.prod.gates is wrong", "a list"),
        (
            "stages: {prod: {gates: [lock, lock]}}",
            "stages.prod.gates is wrong",
            "two gates are called lock",
        ),
        ("stages: {prod: {gates: [true]}}", "stages.prod.gates.0 is wrong", ""),
        ("stages: {prod: {approvals: '1'}}", "stages.prod.approvals is wrong", "got '1'"),
        ("stages: {prod: {approvals: true}}", "stages.prod.approvals is wrong", ""),
        ("stages: {prod: {approvals: -1}}", "stages.prod.approvals is wrong", ""),
        ("stages: {prod: {protected: 'yes'}}", "stages.prod.protected is wrong", ""),
        ("stages: {prod: {evidence_max_age: 30}}", "stages.prod.evidence_max_age is wrong", ""),
        ("stages: {prod: {evidence_max_age: 1y}}", "stages.prod.evidence_max_age is wrong", ""),
        ("stages: {prod: {evidence_max_age: 99999999w}}", "evidence_max_age is wrong", "duration"),
        ("stages: {prod: {after: dev}}", "stages.prod.after is wrong", "there is no stage 'dev'"),
        ("stages: {a: {after: b}, b: {after: a}}", "stages.a.after is wrong", "after itself"),
        ("stages: {a: {after: a}}", "stages.a.after is wrong", "after itself"),
        ("stages: {Prod: {}}", "stages.Prod is wrong", "not a stage"),
        ("stages: {1.2.0: {}}", "stages.1.2.0 is wrong", "1.2.0"),
        ("stages: {latest: {}}", "stages.latest is wrong", "latest"),
        ("stages: {ledger: {}}", "stages.ledger is wrong", "ledger"),
        ("stages: {prod: {}, prod: {protected: true}}", "is not YAML", "'prod' stands there twice"),
        ("stages: [prod]", "stages is wrong", "fields with their values"),
        ("stages: {prod: 5}", "stages.prod is wrong", ""),
        ("models: {a: b}", "models is wrong", "a list"),
        ("models: [{stages: {}}]", "models.0.match is wrong", "it is missing"),
        ("models: [{match: x, stages: {prod: {after: none}}}]", "models.0.stages.prod.after", ""),
        ("models: [5]", "models.0 is wrong", ""),
        ("- stages", "is no list of fields", "got list"),
        ("a: &x [1]\nb: *x", "is not YAML", "aliases"),
        (
            "stages: {prod: {gates: ['" + "(" * 5000 + "']}}",
            "stages.prod.gates.0 is wrong",
            "64 levels",
        ),
        ("stages: " + "[" * 5000, "is not YAML", "nested"),
        ('stages: {"\\ud800": {}}', "lading-policy.yaml", ""),
        ("x" * (1024 * 1024 + 1), "larger than 1 MiB", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, what: str, more: str) -> None:
    with pytest.raises(InvalidInput, match=r"^lading-policy.yaml") as refusal:
        parsed(text)

    assert what in refusal.value.what
    assert more in f"{refusal.value.cause} {refusal.value.hint}"
    assert len(str(refusal.value)) < 600


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stages: {prod: {evidence_max_age: 30days}}", "it must be a time, as in 30d, 12h or 90m"),
        ("stages: {prod: {approvals: many}}", "it must be a whole number, got 'many'"),
        ("stages: {prod: {approvals: -1}}", "it must be at least 0, got -1"),
        ("stages: {prod: {approvals: 101}}", "it must be at most 100, got 101"),
        ("stages: {prod: {protected: yess}}", "it must be true or false, got 'yess'"),
        ("stages: {prod: {after: [x]}}", "it must be text"),
        ("stages: {prod: {signers: ['']}}", "it must not be empty"),
        ("former: [abc]", "it must be a digest, as in sha256:2c26…, in full, got 'abc'"),
        ("stages: {prod: {gates: [" + "lock, " * 51 + "]}}", "there are more than 50"),
        ("stages:\n\tprod: {}", "line 2, column 1: nothing can begin with this character"),
        ("stages: 'prod", "line 1, column 14: a quote is not closed"),
        ("a: b: c", "line 1, column 5: there is a second ': ' here"),
        ("a: {b: c\nd: e", "line 2, column 2: a comma or } is missing (it begins in line 1)"),
    ],
)
def test_what_is_wrong_is_said_in_words_of_people(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parsed(text)

    assert str(refusal.value.cause).startswith(words)
    for raw in ("Input should", "String should", "unicode string", "Value error", "pattern"):
        assert raw not in str(refusal.value)


@pytest.mark.parametrize(
    ("rule", "wrong", "hint"),
    [
        ("metrcs.auc > 0.9", "metrcs.auc", "did you mean metrics.auc?"),
        ("lock and metrcs.`top 5` > 1", "metrcs.`top 5`", "did you mean metrics.`top 5`?"),
        ("schema.compatable", "schema.compatable", "did you mean schema.compatible?"),
        ("not (lok or scan = 'clean')", "lok", "did you mean lock?"),
        ("Stage = 'dev'", "Stage", "did you mean stage?"),
        ("framework.nme = 'x'", "framework.nme", "did you mean framework.name?"),
        ("environment.pyton.version = '3'", "environment.pyton.version", "environment.python?"),
        ("environment.python.version.major = 3", "version.major", "known are: metrics.NAME, "),
        ("lineage.parents.reference = 'x'", "lineage.parents.reference", "known are: "),
        ("accuracy > 0.9", "accuracy", "known are: metrics.NAME, "),
        ("tags = 'risk'", "tags", "tags.NAME"),
        ("metrics > 1", "metrics", "metrics.NAME"),
    ],
)
def test_a_gate_that_asks_for_what_nothing_is_called_is_refused_when_it_is_read(
    rule: str, wrong: str, hint: str
) -> None:
    for gate in (rule, {"name": "mine", "rule": rule}):
        words = {"stages": {"prod": {"gates": ["lock", gate]}}}

        with pytest.raises(InvalidInput) as refusal:
            parsed(json.dumps(words))

        named = "" if gate is rule else " (mine)"
        assert refusal.value.what == f"lading-policy.yaml: stages.prod.gates.1{named} is wrong"
        assert "a gate knows nothing called " in str(refusal.value.cause)
        assert str(refusal.value.cause).endswith(wrong)
        assert hint in str(refusal.value.hint)


@pytest.mark.parametrize(
    ("rule", "wrong", "hint"),
    [
        ("scan = 'claen'", "scan is never 'claen'", "did you mean clean?"),
        ("hazards.verdict != 'dangerus'", "hazards.verdict is never", "did you mean dangerous?"),
        ("stage = 'prd'", "stage is never 'prd'", "did you mean prod?"),
        ("lock and metrics.auc > 'high'", "metrics.auc compares with a number", "> 0.9"),
        ("evaluation.auc > 'high'", "evaluation.auc compares with a number", "> 0.9"),
        ("not created > 'yesterday'", "created compares with a moment", "2026-01-31"),
        ("age_days < '30d'", "age_days compares with a number", "age_days < 0.9"),
    ],
)
def test_a_gate_that_compares_with_what_never_is_is_refused_when_it_is_read(
    rule: str, wrong: str, hint: str
) -> None:
    with pytest.raises(InvalidInput, match=r"stages\.prod\.gates\.0 is wrong") as refusal:
        parsed(json.dumps({"stages": {"prod": {"gates": [rule]}}}))

    assert wrong in str(refusal.value.cause)
    assert hint in str(refusal.value.hint)


def test_a_gate_may_name_every_stage_of_its_own_policy() -> None:
    canary = {"match": "x", "stages": {"canary": {}, "prod": {"gates": ["stage = 'canary'"]}}}
    base = {"dev": {"gates": ["stage != 'prod' and tags.x = 5 and params.x > 'y'"]}, "prod": {}}

    policy = parsed(json.dumps({"stages": base, "models": [canary]}))

    assert policy.rules("x", "prod").gates
    with pytest.raises(InvalidInput, match="'canary'"):
        parsed(json.dumps({"stages": {"prod": {"gates": ["stage = 'canary'"]}}}))


def test_gates_of_other_rules_for_some_models_are_read_as_well() -> None:
    with pytest.raises(InvalidInput, match=r"models\.0\.stages\.prod\.gates\.0 is wrong"):
        parsed("models: [{match: x, stages: {prod: {gates: [lok]}}}]")


@pytest.mark.parametrize(
    "rule",
    [
        "metric.auc > 0.9 and param.lr < 1 and tag.team = 'x' and attributes.name = 'x'",
        "metrics.anything > 1 and params.a.b.c = 1 and evaluation.`é` > 0 and tags.x is null",
        "name = 'x' and version > '1.0.0' and created > '2026' and authors = 'x'",
        "framework = 'x' and framework.version = '1' and parameters < 5 and stage is null",
        "schema.present and schema.compatible and scan = 'clean' and lock and age_days < 3",
        "not signed and environment.python.version like '3.%' and hazards.verdict = 'clean'",
        "framework.load.anything = 1 and facts.dtypes.bfloat16 > 0 and lineage.code.dirty = false",
        "governance.provider.name = 'x' and card.languages = 'de' and description is not null",
    ],
)
def test_a_gate_may_ask_for_whatever_can_stand_for_something(rule: str) -> None:
    policy = parsed(json.dumps({"stages": {"prod": {"gates": [rule]}}}))

    assert policy.rules("x", "prod").gates


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        parse_policy(b"\xff", "it")


_GATES = st.sampled_from(["lock", {"rule": "params.a > 1"}, {"name": "x"}, 5])
_WORDS = st.fixed_dictionaries(
    {},
    optional={
        "protected": st.booleans() | st.integers(),
        "approvals": st.integers(-1, 101),
        "gates": st.lists(_GATES, max_size=2),
        "evidence_max_age": st.sampled_from(["30d", "0d", "1y", 5]),
        "exclusive": st.booleans(),
        "signers": st.lists(st.sampled_from(["key", "", 5]), max_size=2),
        "other": st.none(),
    },
)


@given(_WORDS)
def test_what_is_taken_is_what_the_schema_of_the_file_says(words: dict[str, Any]) -> None:
    value = {"stages": {"prod": words, "dev": None}}
    gates = [str(gate) for gate in words.get("gates", [])]
    if len(set(gates)) < len(gates):
        return

    try:
        jsonschema.validate(value, SCHEMA)
    except jsonschema.ValidationError:
        with pytest.raises(InvalidInput):
            parsed(json.dumps(value))
    else:
        assert "prod" in parsed(json.dumps(value)).for_model("x")


def test_without_a_file_nothing_heavy_is_imported() -> None:
    script = (
        "import sys, lading.policy.rules; print(*sorted({'pydantic', 'yaml'} & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


@given(st.text(max_size=60))
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    try:
        policy = parsed(text.encode("utf-8", "replace").decode())
    except InvalidInput as refusal:
        assert refusal.what
    else:
        assert policy.stages
