"""A folder of documents that follows its stage: only digests change, and nothing unasked."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from images.bases import AMD64, ARM64, CONFIG, BaseImage, beside
from operations.team import Team
from operations.tied import tie
from parts.recorded import record

from lading.errors import Conflict, InvalidInput, NotFound, Unsupported
from lading.images.fit import mark
from lading.operations import stores
from lading.operations.bundle import bundle
from lading.operations.clear import clear
from lading.operations.deploy import deploy
from lading.operations.deploy_update import deploy_update
from lading.operations.deploying.pinned import pinned
from lading.operations.deploying.written import find
from lading.operations.promote import promote
from lading.operations.rollback import rollback
from lading.operations.unbundle import unbundle
from lading.spec.content import BytesContent
from lading.spec.environment import Environment, Python
from lading.spec.reference import Reference
from lading.stores.remote.registry import RemoteStore
from lading.transfer import read

pytestmark = pytest.mark.parametrize("place", ["registry"], indirect=True)

DIGESTS = "digests.yaml"


@pytest.fixture
def fraud(team: Team) -> Team:
    """Two versions, each with an image that serves it; the first one is in prod."""
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    return team


@pytest.fixture
def folder(fraud: Team, tmp_path: Path) -> Path:
    """What runs prod."""
    made = tmp_path / "deploy" / "fraud"
    deploy(fraud.place, stage="prod", name="fraud", output=made, settings=fraud.settings)
    return made


def texts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_promotion_is_a_rollout_and_a_rollback_is_one(fraud: Team, folder: Path) -> None:
    first = texts(folder)
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)

    there = deploy_update(folder, stage="prod", settings=fraud.settings)
    second = texts(folder)
    again = deploy_update(folder, settings=fraud.settings)
    third = texts(folder)
    rollback(fraud.place, "prod", settings=fraud.settings)
    back = deploy_update(folder, settings=fraud.settings)

    assert (there.status, there.version, there.previous_version) == ("updated", "1.1.0", "1.0.0")
    assert there.files == (DIGESTS,)
    assert {name for name in first if first[name] != second[name]} == {DIGESTS}
    assert (again.status, again.files, again.diff, third) == ("unchanged", (), "", second)
    assert (back.status, back.version, back.image) == ("updated", "1.0.0", there_before(first))
    changed = [
        line
        for line, before in zip(
            (folder / DIGESTS).read_text().splitlines(),
            first[DIGESTS].decode().splitlines(),
            strict=True,
        )
        if line != before
    ]
    # The same version by another event.
    assert [line.split()[0] for line in changed] == ["dev.lading/event:"]


def there_before(files: dict[str, bytes]) -> str:
    """The image that served."""
    lines = files[DIGESTS].decode().splitlines()
    return next(line.split()[-1].strip('"') for line in lines if " image: " in line)


def test_what_is_asked_for_dry_is_shown_and_not_done(fraud: Team, folder: Path) -> None:
    before = texts(folder)

    done = deploy_update(folder, f"{fraud.place}:1.1.0", dry_run=True, settings=fraud.settings)

    assert (done.status, done.stage, done.version) == ("planned", None, "1.1.0")
    assert texts(folder) == before
    assert f"--- {folder / DIGESTS}" in done.diff
    assert "-    dev.lading/stage: prod" in done.diff
    assert any("followed prod" in note for note in done.notes)


def test_what_is_typed_next_is_told_where_something_changed(fraud: Team, folder: Path) -> None:
    after = f"{fraud.place}:1.1.0"

    planned = deploy_update(folder, after, dry_run=True, settings=fraud.settings)
    pushed = f"{fraud.place}-papers:prod"
    handed = deploy_update(folder, after, push=pushed, settings=fraud.settings)
    done = deploy_update(folder, f"{fraud.place}:1.0.0", settings=fraud.settings)
    again = deploy_update(folder, f"{fraud.place}:1.0.0", settings=fraud.settings)

    assert f"kubectl apply -k {folder} runs it; in Git, Flux and Argo CD do" in done.notes
    for other in (planned, handed, again):
        assert not any("kubectl" in note for note in other.notes)


def test_the_difference_is_what_patch_reads(fraud: Team, folder: Path) -> None:
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)
    planned = deploy_update(folder, dry_run=True, settings=fraud.settings)
    patched = subprocess.run(
        ["git", "apply", "--unsafe-paths", "-p0", f"--directory={folder.parent}", "-"],
        input=planned.diff.replace(f"{folder.parent}/", ""),
        cwd=folder.parent,
        text=True,
        capture_output=True,
        check=False,
    )
    by_patch = texts(folder)

    done = deploy_update(folder, settings=fraud.settings)

    assert patched.returncode == 0, patched.stderr
    assert (by_patch, done.status) == (texts(folder), "unchanged")


def test_comments_and_line_ends_stay(fraud: Team, folder: Path) -> None:
    path = folder / DIGESTS
    written = path.read_text() + "# Ask the fraud team before you touch this.\n"
    path.write_bytes(written.replace("\n", "\r\n").encode())
    path.chmod(0o664)
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)

    deploy_update(folder, settings=fraud.settings)

    now = path.read_bytes()
    assert now.endswith(b"# Ask the fraud team before you touch this.\r\n")
    assert now.count(b"\n") == now.count(b"\r\n") == written.count("\n")
    assert path.stat().st_mode & 0o777 == 0o664


def test_a_byte_order_mark_is_named(fraud: Team, folder: Path) -> None:
    path = folder / DIGESTS
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    with pytest.raises(InvalidInput, match="byte order mark"):
        deploy_update(folder, settings=fraud.settings)


def test_values_of_the_stage_follow_and_those_of_others_stay(fraud: Team, folder: Path) -> None:
    promote(f"{fraud.place}:1.0.0", "staging", settings=fraud.settings)
    for stage in ("staging", "prod"):
        deploy(
            fraud.place,
            stage=stage,
            name="fraud",
            output=folder,
            helm=True,
            settings=fraud.settings,
        )
    values = folder / "values-prod.yaml"
    values.write_text(values.read_text() + "replicas: 3 # of our own\n")
    before = texts(folder)
    digest = fraud.tag("1.1.0")
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)

    done = deploy_update(folder, settings=fraud.settings)

    assert done.files == (DIGESTS, "values-prod.yaml")
    assert f"digest: {digest}\n" in values.read_text()
    assert values.read_text().endswith("replicas: 3 # of our own\n")
    assert texts(folder)["values-staging.yaml"] == before["values-staging.yaml"]


def test_the_image_in_use_stays_for_a_version_that_runs_already(
    fraud: Team, folder: Path, tmp_path: Path
) -> None:
    chosen = image(fraud, tmp_path, {"dev.lading.target": "runtime"})
    deploy_update(folder, image=chosen, settings=fraud.settings)
    before = texts(folder)

    done = deploy_update(folder, settings=fraud.settings)

    assert (done.status, done.image) == ("unchanged", chosen)
    assert texts(folder) == before


ENVIRONMENT = Environment(
    python=Python(version="3.12.4"), requirements=("framework==1.4.0",), direct=("framework",)
)


def image(team: Team, folder: Path, labels: dict[str, str], **more: object) -> str:
    """An image that nobody tied to a version, by digest."""
    base = BaseImage(config={**CONFIG, "Labels": labels}, **more)  # type: ignore[arg-type]
    return base.put(beside(team.place, folder), team.settings)


@pytest.fixture
def locked(team: Team, tmp_path: Path) -> Callable[[str, Environment], str]:
    """Pushes a version that says what it was made with."""

    def pushed(version: str, environment: Environment) -> str:
        path = tmp_path / "weights.bin"
        path.write_bytes(version.encode())
        reference = f"{team.place}:{version}"
        record(path, reference, team.settings, environment)
        return reference

    return pushed


def thrown_away(image: str, team: Team) -> None:
    place = Reference.parse(image)
    store = stores.open_store(place, team.settings)
    assert isinstance(store, RemoteStore)
    assert place.digest
    store.delete_manifest(place.digest)


def test_an_image_in_use_that_is_gone_gives_way_to_another(
    fraud: Team, folder: Path, tmp_path: Path
) -> None:
    own = there_before(texts(folder))
    chosen = image(fraud, tmp_path, {"dev.lading.target": "runtime"})
    deploy_update(folder, image=chosen, settings=fraud.settings)
    thrown_away(chosen, fraud)

    done = deploy_update(folder, settings=fraud.settings)
    thrown_away(own, fraud)
    with pytest.raises(NotFound, match="nothing serves") as caught:
        deploy_update(folder, settings=fraud.settings)

    assert (done.status, done.image) == ("updated", own)
    assert f"{chosen}, which served, is gone" in done.notes
    assert f"{own}, which served, is gone" in str(caught.value.cause)
    assert there_before(texts(folder)) == own


def test_an_image_made_from_the_same_lock_serves_the_next_version(
    team: Team, locked: Callable[[str, Environment], str], tmp_path: Path
) -> None:
    first, second = (locked(version, ENVIRONMENT) for version in ("2.0.0", "2.1.0"))
    third = locked("2.2.0", ENVIRONMENT.model_copy(update={"requirements": ("framework==2.0",)}))
    labels = {"dev.lading.target": "runtime", "dev.lading.lock": str(mark(ENVIRONMENT))}
    serving = image(team, tmp_path, labels)
    folder = tmp_path / "deploy"
    deploy(first, image=serving, output=folder, settings=team.settings)

    done = deploy_update(folder, second, settings=team.settings)

    assert (done.version, done.image) == ("2.1.0", serving)
    before = texts(folder)
    with pytest.raises(NotFound, match="nothing serves") as caught:
        deploy_update(folder, third, settings=team.settings)
    assert serving in str(caught.value.cause)
    assert "--image" in str(caught.value.hint)
    assert texts(folder) == before


def test_an_image_of_the_same_lock_is_found_where_another_version_s_evidence_names_it(
    team: Team, locked: Callable[[str, Environment], str]
) -> None:
    first, second = (locked(version, ENVIRONMENT) for version in ("2.0.0", "2.1.0"))
    labels = {"dev.lading.target": "runtime", "dev.lading.lock": str(mark(ENVIRONMENT))}
    told = tie(first, team.settings, target="runtime", labels=labels)
    third = locked("2.2.0", ENVIRONMENT.model_copy(update={"requirements": ("framework==2.0",)}))

    done = deploy(second, settings=team.settings)

    assert (done.version, done.image) == ("2.1.0", f"{team.place}@{told}")
    (note,) = (note for note in done.notes if note.startswith("runtime-2.0.0 serves it"))
    assert "goes when 2.0.0 is removed" in note
    with pytest.raises(NotFound, match="nothing serves"):
        deploy(third, settings=team.settings)


def test_an_image_that_only_a_tag_speaks_for_is_named_and_not_taken(
    team: Team, locked: Callable[[str, Environment], str]
) -> None:
    first, second = (locked(version, ENVIRONMENT) for version in ("2.0.0", "2.1.0"))
    labels = {"dev.lading.target": "runtime", "dev.lading.lock": str(mark(ENVIRONMENT))}
    tie(first, team.settings, target="runtime", says="built")
    tie(second, team.settings, target="base", labels=labels)
    store = stores.open_store(Reference.parse(team.place), team.settings)
    moved = store.resolve("base-2.1.0")
    store.push(moved, BytesContent(read(store, moved)), "runtime-2.0.0")

    with pytest.raises(NotFound, match="nothing serves") as caught:
        deploy(second, settings=team.settings)

    assert f"--image {team.place}:runtime-2.0.0" in str(caught.value.hint)


def test_an_image_that_was_brought_for_its_lock_is_named(
    team: Team, locked: Callable[[str, Environment], str], tmp_path: Path
) -> None:
    first, second = (locked(version, ENVIRONMENT) for version in ("2.0.0", "2.1.0"))
    labels = {"dev.lading.target": "runtime", "dev.lading.lock": str(mark(ENVIRONMENT))}
    told = tie(first, team.settings, target="runtime", labels=labels)
    file, site = tmp_path / "bundle.tar", f"{team.place.partition('/')[0]}/site"
    bundle([second], file, settings=team.settings)
    unbundle(file, site, settings=team.settings)
    arrived = Reference.parse(f"{site}/{Reference.parse(second).repository}:2.1.0")

    with pytest.raises(NotFound, match="nothing serves") as caught:
        deploy(arrived, settings=team.settings)

    image = str(caught.value.hint).removeprefix("--image ").partition(";")[0]
    done = deploy(arrived, image=image, settings=team.settings)
    assert done.image == f"{arrived.base}@{told}"
    assert not any("lock" in note for note in done.notes)


def test_a_version_without_a_lock_needs_an_image_of_its_own(fraud: Team, folder: Path) -> None:
    fraud.push("1.2.0")

    with pytest.raises(NotFound, match="nothing serves"):
        deploy_update(folder, f"{fraud.place}:1.2.0", settings=fraud.settings)


def test_a_folder_for_an_image_that_holds_the_model_takes_no_other(
    team: Team, tmp_path: Path
) -> None:
    first = f"{team.place}:1.0.0"
    labels = {"dev.lading.target": "serve", "dev.lading.digest": str(team.tag("1.0.0"))}
    folder = tmp_path / "deploy"
    deploy(first, image=image(team, tmp_path, labels), output=folder, settings=team.settings)
    tie(f"{team.place}:1.1.0", team.settings, target="runtime")

    with pytest.raises(Unsupported, match="does not hold the model") as caught:
        deploy_update(folder, f"{team.place}:1.1.0", settings=team.settings)

    assert "--target serve" in str(caught.value.hint)


def test_an_image_for_other_nodes_is_refused(team: Team, tmp_path: Path) -> None:
    labels = {"dev.lading.target": "runtime"}
    one, other, both = (
        image(team, tmp_path, labels, platforms=platforms)
        for platforms in ((AMD64,), (ARM64,), (AMD64, ARM64))
    )
    held, free = tmp_path / "held", tmp_path / "free"
    reference = f"{team.place}:1.0.0"
    deploy(reference, image=one, output=held, settings=team.settings)
    deploy(reference, image=both, output=free, settings=team.settings)

    with pytest.raises(Unsupported, match="is not for linux/amd64"):
        deploy_update(held, f"{team.place}:1.1.0", image=other, settings=team.settings)
    with pytest.raises(Unsupported, match="is for linux/arm64 only"):
        deploy_update(free, f"{team.place}:1.1.0", image=other, settings=team.settings)
    done = deploy_update(held, f"{team.place}:1.1.0", image=both, settings=team.settings)

    assert done.status == "updated"


def test_an_empty_stage_changes_nothing(fraud: Team, folder: Path) -> None:
    before = texts(folder)
    clear(fraud.place, "prod", settings=fraud.settings)

    with pytest.raises(NotFound, match="nothing in prod"):
        deploy_update(folder, settings=fraud.settings)

    assert texts(folder) == before


def test_a_folder_that_follows_nothing_asks_what_it_is_to_run(fraud: Team, tmp_path: Path) -> None:
    folder = tmp_path / "deploy"
    deploy(f"{fraud.place}:1.0.0", output=folder, settings=fraud.settings)

    with pytest.raises(InvalidInput, match="which version") as caught:
        deploy_update(folder, settings=fraud.settings)

    assert "--stage" in str(caught.value.hint)


def test_a_base_that_was_edited_stays_as_it_is_and_is_told(fraud: Team, folder: Path) -> None:
    path = folder / "deployment.yaml"
    path.write_text(path.read_text().replace("replicas: 1", "replicas: 2"))
    edited = path.read_bytes()
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)

    done = deploy_update(folder, settings=fraud.settings)

    assert (done.status, path.read_bytes()) == ("updated", edited)
    assert any("deployment.yaml" in note for note in done.notes)


def emptied(folder: Path) -> None:
    (folder / DIGESTS).unlink()


def anonymous(folder: Path) -> None:
    text = (folder / DIGESTS).read_text()
    (folder / DIGESTS).write_text(text.partition("\n")[2])


def linked(folder: Path) -> None:
    (folder / DIGESTS).rename(folder / "elsewhere")
    (folder / DIGESTS).symlink_to("elsewhere")


def broken(folder: Path) -> None:
    (folder / DIGESTS).write_text((folder / DIGESTS).read_text() + "a: [\n")


def gone(folder: Path) -> None:
    folder.rename(folder.with_name("gone"))


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (emptied, Conflict),
        (anonymous, Conflict),
        (linked, InvalidInput),
        (broken, InvalidInput),
        (gone, NotFound),
    ],
)
def test_what_lading_did_not_write_is_left_alone(
    spoil: Callable[[Path], None], error: type[Exception], fraud: Team, folder: Path
) -> None:
    spoil(folder)

    with pytest.raises(error):
        deploy_update(folder, settings=fraud.settings)


def test_somebody_who_wrote_meanwhile_is_not_overwritten(
    fraud: Team, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)

    def slow(*words: object, **more: object) -> object:
        path = folder / DIGESTS
        path.write_text(path.read_text() + "# me, too\n")
        return pinned(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("lading.operations.deploy_update.pinned", slow)

    with pytest.raises(Conflict, match="changed meanwhile"):
        deploy_update(folder, settings=fraud.settings)

    assert (folder / DIGESTS).read_text().endswith("# me, too\n")
    assert not list(folder.glob(".*"))


def test_what_was_guessed_for_a_smaller_version_is_told_with_both_figures(
    fraud: Team, folder: Path
) -> None:
    path = folder / "deployment.yaml"
    path.write_text(re.sub(r"memory: \w+", "memory: 1Mi", path.read_text()))
    edited = path.read_bytes()

    done = deploy_update(folder, f"{fraud.place}:1.1.0", settings=fraud.settings)

    assert (done.status, path.read_bytes()) == ("updated", edited)
    assert any("memory 1Mi" in note and "576Mi" in note for note in done.notes)
    assert any(f"-o {folder}" in note for note in done.notes)


def test_a_version_that_does_not_fit_into_its_volume_is_refused(
    fraud: Team, tmp_path: Path
) -> None:
    folder = tmp_path / "init"
    deploy(f"{fraud.place}:1.0.0", kind="init", output=folder, settings=fraud.settings)
    path, before = folder / "deployment.yaml", (folder / DIGESTS).read_bytes()
    path.write_text(path.read_text().replace("sizeLimit: 320Mi", 'sizeLimit: "2"'))

    with pytest.raises(Unsupported, match="does not fit") as caught:
        deploy_update(folder, f"{fraud.place}:1.1.0", settings=fraud.settings)

    assert "more than 2 there is evicted" in str(caught.value.cause)
    assert "-o" in str(caught.value.hint)
    assert (folder / DIGESTS).read_bytes() == before


def test_a_pod_that_runs_is_told_to_be_made_anew(fraud: Team, tmp_path: Path) -> None:
    folder = tmp_path / "pod"
    deploy(f"{fraud.place}:1.0.0", kind="pod", output=folder, settings=fraud.settings)

    done = deploy_update(folder, f"{fraud.place}:1.1.0", settings=fraud.settings)
    again = deploy_update(folder, f"{fraud.place}:1.1.0", settings=fraud.settings)

    assert any(f"kubectl replace --force -k {folder}" in note for note in done.notes)
    assert not any("kubectl apply" in note for note in done.notes)
    assert (again.status, again.notes) == ("unchanged", ())


def test_a_job_that_does_something_else_is_another_job(fraud: Team, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    words: dict[str, object] = {"rows": "/data/a.csv", "predictions": "/data/b.csv"}
    words |= {
        "volumes": ["data:/data"],
        "kind": "job",
        "name": "fraud",
        "output": folder,
        "settings": fraud.settings,
    }

    def name() -> str:
        (document,) = find(folder).documents()
        return str(document["metadata"]["name"])

    told = deploy(f"{fraud.place}:1.0.0", **words)  # type: ignore[arg-type]
    first = name()
    same = deploy_update(folder, f"{fraud.place}:1.0.0", settings=fraud.settings)
    moved = deploy_update(folder, f"{fraud.place}:1.1.0", settings=fraud.settings)
    second = name()
    written = deploy(f"{fraud.place}:1.1.0", **words)  # type: ignore[arg-type]
    path = folder / "job.yaml"
    path.write_text(path.read_text().replace("/data/a.csv", "/data/tomorrow.csv"))
    deploy_update(folder, f"{fraud.place}:1.1.0", settings=fraud.settings)

    assert any("--name fraud-2" in note for note in told.notes)
    assert (same.status, moved.status, written.status) == ("unchanged", "updated", "unchanged")
    assert len({first, second, name()}) == 3
    assert find(folder).running.name == "fraud"
