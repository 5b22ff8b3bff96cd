"""A folder that is about to be merged: is all of it there, allowed, and what the stage says?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from operations.team import ADA, BOB, Team
from operations.tied import tie
from parts.certificates import Authority

from lading.errors import (
    Conflict,
    IntegrityError,
    InvalidInput,
    LadingError,
    NotFound,
    PolicyRefused,
    Unavailable,
)
from lading.operations.clear import clear
from lading.operations.deploy import deploy
from lading.operations.deploy_check import deploy_check
from lading.operations.promote import promote
from lading.operations.request import approve, reject
from lading.spec.manifest import parse
from lading.transfer import read

pytestmark = pytest.mark.parametrize("place", ["registry"], indirect=True)

DIGESTS = "digests.yaml"
APPROVED = "stages: {prod: {protected: true, approvals: 1}}"


@pytest.fixture
def fraud(team: Team) -> Team:
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    return team


@pytest.fixture
def folder(fraud: Team, tmp_path: Path) -> Path:
    made = tmp_path / "fraud"
    deploy(fraud.place, stage="prod", name="fraud", output=made, settings=fraud.settings)
    return made


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_what_was_written_a_moment_ago_is_in_order(fraud: Team, folder: Path) -> None:
    done = deploy_check(folder, settings=fraud.settings)

    assert (done.status, done.stage, done.version) == ("current", "prod", "1.0.0")
    assert done.now == done.digest == fraud.tag("1.0.0")
    # The index and every manifest in it, and the serving image with its own.
    store = fraud.store
    roots = [store.resolve(done.digest), store.resolve(done.image.partition("@")[2])]
    there = [root.digest for root in roots]
    for root in roots:
        there += [each.digest for each in parse(read(store, root), root.media_type).children]
    assert {each.partition("@")[2] for each in done.found} == set(there)
    assert done.notes == ()


def test_a_stage_that_moved_on_is_told_and_is_no_error(fraud: Team, folder: Path) -> None:
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)
    moved = deploy_check(folder, settings=fraud.settings)
    clear(fraud.place, "prod", settings=fraud.settings)
    emptied = deploy_check(folder, settings=fraud.settings)

    assert (moved.status, moved.now, moved.now_version) == ("moved", fraud.tag("1.1.0"), "1.1.0")
    assert (emptied.status, emptied.now) == ("moved", None)


def test_a_version_that_was_given_again_is_told_with_what_writes_it(
    fraud: Team, folder: Path
) -> None:
    for version in ("1.1.0", "1.0.0"):
        promote(f"{fraud.place}:{version}", "prod", settings=fraud.settings)

    (note,) = deploy_check(folder, settings=fraud.settings).notes

    assert f"lading deploy update {folder} --stage prod says so" in note


def test_a_policy_that_refuses_says_which_rule(fraud: Team, folder: Path) -> None:
    strict = fraud.under(APPROVED)

    with pytest.raises(PolicyRefused) as caught:
        deploy_check(folder, settings=strict.settings)

    assert "approvals" in str(caught.value.cause)
    assert any(not rule.holds for rule in caught.value.rules)


def test_an_approved_version_is_allowed_until_somebody_takes_it_back(
    fraud: Team, tmp_path: Path
) -> None:
    strict = fraud.under(APPROVED)
    reference, bob = f"{fraud.place}:1.1.0", strict.acting(BOB)
    approve(reference, "prod", settings=bob.settings)
    promote(reference, "prod", settings=strict.settings)
    folder = tmp_path / "fraud"
    deploy(fraud.place, stage="prod", output=folder, settings=strict.settings)

    allowed = deploy_check(folder, settings=strict.settings)
    reject(reference, "prod", because="too many alarms", settings=bob.settings)

    assert (allowed.status, all(rule.holds for rule in allowed.rules)) == ("current", True)
    with pytest.raises(PolicyRefused):
        deploy_check(folder, settings=strict.settings)


def test_a_tag_that_another_tool_moved_is_drift(fraud: Team, folder: Path) -> None:
    fraud.set_tag("prod", "1.1.0")

    with pytest.raises(IntegrityError, match="DRIFT"):
        deploy_check(folder, settings=fraud.settings)


def test_a_version_that_is_gone_is_found_before_a_cluster_looks_for_it(
    fraud: Team, folder: Path
) -> None:
    text = (folder / DIGESTS).read_text()
    gone = f"sha256:{'0' * 64}"

    (folder / DIGESTS).write_text(text.replace(str(fraud.tag("1.0.0")), gone))
    with pytest.raises(NotFound, match="is gone") as caught:
        deploy_check(folder, settings=fraud.settings)
    assert "lading copy" in str(caught.value.hint)
    (folder / DIGESTS).write_text(text.replace(serving(text), gone))
    with pytest.raises(NotFound, match="is gone"):
        deploy_check(folder, settings=fraud.settings)


def serving(text: str) -> str:
    line = next(line for line in text.splitlines() if " image: " in line)
    return line.partition("@")[2].strip('"')


def test_the_digest_of_a_model_s_own_manifest_is_refused(fraud: Team, folder: Path) -> None:
    store = fraud.store
    root = store.resolve("1.0.0")
    (model, *_) = parse(read(store, root), root.media_type).children
    edit(folder / DIGESTS, root.digest, model.digest)

    with pytest.raises(LadingError) as caught:
        deploy_check(folder, settings=fraud.settings)

    # It is no version: nothing of it can be deployed, whatever else is wrong with it.
    assert isinstance(caught.value, (IntegrityError, InvalidInput))


def with_a_tag_in_the_patch(folder: Path) -> None:
    text = (folder / DIGESTS).read_text()
    edit(folder / DIGESTS, f"@{serving(text)}", f":1.0.0@{serving(text)}")


def sidecar(folder: Path) -> None:
    edit(
        folder / "deployment.yaml",
        "containers:\n",
        "containers:\n      - name: proxy\n        image: r.io/proxy:1.2\n",
    )


def transformed(folder: Path) -> None:
    path = folder / "kustomization.yaml"
    path.write_text(path.read_text() + "images:\n- name: x\n  newTag: latest\n")


def elsewhere(folder: Path) -> None:
    edit(folder / "kustomization.yaml", "- service.yaml", "- https://example.com/service.yaml")


def above(folder: Path) -> None:
    edit(folder / "kustomization.yaml", "- service.yaml", "- ../service.yaml")


def unpatched(folder: Path) -> None:
    edit(folder / "kustomization.yaml", "- deployment.yaml\n", "")


def missing(folder: Path) -> None:
    (folder / "service.yaml").unlink()


def shapeless(folder: Path) -> None:
    (folder / "service.yaml").write_text("- 1\n")


def anonymous(folder: Path) -> None:
    (folder / DIGESTS).write_text((folder / DIGESTS).read_text().partition("\n")[2])


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (with_a_tag_in_the_patch, IntegrityError),
        (sidecar, IntegrityError),
        (transformed, IntegrityError),
        (elsewhere, IntegrityError),
        (above, IntegrityError),
        (unpatched, IntegrityError),
        (missing, LadingError),
        (shapeless, InvalidInput),
        (anonymous, Conflict),
    ],
)
def test_whatever_somebody_edited_is_found_without_a_registry(
    spoil: Callable[[Path], None], error: type[Exception], fraud: Team, folder: Path
) -> None:
    spoil(folder)

    with pytest.raises(error) as caught:
        deploy_check(folder, settings=fraud.settings)

    assert not isinstance(caught.value, (Unavailable, NotFound)) or spoil is missing


def test_where_no_registry_answers_it_says_how_far_it_got(fraud: Team, folder: Path) -> None:
    host = fraud.place.partition("/")[0]
    for path in folder.iterdir():
        path.write_text(path.read_text().replace(host, "127.0.0.1:9"))

    with pytest.raises(Unavailable, match="in order by itself") as caught:
        deploy_check(folder, settings=replace(fraud.settings, insecure=frozenset({"127.0.0.1:9"})))

    assert "127.0.0.1:9" in str(caught.value.cause)


def test_what_has_a_registry_answer_is_said_as_well(
    fraud: Team, folder: Path, authority: Authority
) -> None:
    host = fraud.place.partition("/")[0]
    over_tls = replace(fraud.settings, ca_file=authority.ca_file, insecure=frozenset())

    with pytest.raises(Unavailable, match="in order by itself") as caught:
        deploy_check(folder, settings=over_tls)

    assert f"--insecure {host}" in str(caught.value.hint)


def test_without_a_stage_nothing_is_asked_of_a_policy(fraud: Team, tmp_path: Path) -> None:
    folder = tmp_path / "deploy"
    deploy(f"{fraud.place}:1.0.0", output=folder, settings=fraud.settings)

    free = deploy_check(folder, settings=fraud.settings)
    asked = deploy_check(folder, stage="prod", settings=fraud.settings)

    assert (free.status, free.stage, free.rules) == ("current", None, ())
    assert (asked.status, asked.stage) == ("current", "prod")
    assert "follows no stage" in free.notes[0]


def test_what_is_asked_changes_nothing(fraud: Team, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    events = fraud.events()

    deploy_check(folder, settings=fraud.acting(ADA).settings)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert fraud.events() == events
