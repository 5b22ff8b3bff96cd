"""Documents that go further than a folder: to a cluster through kubectl, to a registry for Flux.

kubectl is a stand-in here that writes down what it was asked, and answers as it was told; the real
one is in ``test_deploy_applied``. There is no API server on this machine, so what a real cluster
answers to ``apply`` was not tried. Flux itself was not to be had; what it reads is held against its
media types, byte by byte.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from operations.team import Team
from operations.tied import tie

from lading.errors import AccessDenied, Conflict, InvalidInput, LocalFailure, Unavailable
from lading.operations import stores
from lading.operations.deploy import deploy
from lading.operations.deploy_update import deploy_update
from lading.operations.promote import promote
from lading.spec.manifest import Manifest, parse
from lading.spec.reference import Reference
from lading.transfer import read

pytestmark = pytest.mark.parametrize("place", ["registry"], indirect=True)

_STAND_IN = """\
#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
said = {{"words": sys.argv[1:], "given": sys.stdin.read()}}
with open(here / "asked", "a") as file:
    file.write(json.dumps(said) + "\\n")
answer = json.loads((here / "answers").read_text())[sys.argv[1]]
sys.stdout.write(answer[1])
sys.stderr.write(answer[2])
sys.exit(answer[0])
"""


class Cluster:
    """A kubectl that answers as it was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "kubectl"
        program.write_text(_STAND_IN.format(python=sys.executable))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.answer(1, "+  image: new\n")

    def answer(self, code: int, output: str = "", complaint: str = "") -> None:
        answers = {"diff": [code, output, complaint], "apply": [0, "applied\n", ""]}
        (self.folder / "answers").write_text(json.dumps(answers))

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What reached the cluster: what its kubeconfig says is nobody's business here."""
        path = self.folder / "asked"
        lines = path.read_text().splitlines() if path.exists() else []
        return [each for each in map(json.loads, lines) if each["words"][0] != "config"]

    @property
    def words(self) -> list[list[str]]:
        return [each["words"] for each in self.asked]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return Cluster(folder)


@pytest.fixture
def fraud(team: Team) -> Team:
    for version in ("1.0.0", "1.1.0"):
        tie(f"{team.place}:{version}", team.settings, target="runtime", says=version)
    promote(f"{team.place}:1.0.0", "prod", settings=team.settings)
    return team


def yes(difference: str) -> bool:
    return True


def test_the_difference_is_shown_before_anything_is_applied(fraud: Team, cluster: Cluster) -> None:
    shown: list[tuple[str, int]] = []

    def confirm(difference: str) -> bool:
        shown.append((difference, len(cluster.asked)))
        return True

    done = deploy(
        fraud.place, stage="prod", confirm=confirm, context="eu-1", settings=fraud.settings
    )

    assert (done.applied, shown) == ("applied", [("+  image: new\n", 1)])
    assert cluster.words == [
        ["diff", "-f", "-", "--context=eu-1"],
        ["apply", "-f", "-", "--context=eu-1"],
    ]
    (given,) = done.files.values()
    assert [each["given"] for each in cluster.asked] == [given, given]


def test_who_says_no_changes_nothing(fraud: Team, cluster: Cluster) -> None:
    done = deploy(fraud.place, stage="prod", confirm=lambda _: False, settings=fraud.settings)

    assert (done.applied, len(cluster.asked)) == ("declined", 1)


def test_a_cluster_that_has_it_already_is_not_asked_for_more(
    fraud: Team, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.answer(0)
    folder = tmp_path / "fraud"
    deploy(fraud.place, stage="prod", output=folder, settings=fraud.settings)

    done = deploy_update(folder, confirm=yes, settings=fraud.settings)

    assert (done.status, done.applied) == ("unchanged", "unchanged")
    assert cluster.words == [["diff", "-k", str(folder)]]


def test_an_update_is_applied_as_its_folder_is(
    fraud: Team, cluster: Cluster, tmp_path: Path
) -> None:
    folder = tmp_path / "fraud"
    deploy(fraud.place, stage="prod", output=folder, settings=fraud.settings)
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)

    done = deploy_update(folder, confirm=yes, settings=fraud.settings)
    planned = deploy_update(folder, dry_run=True, confirm=yes, settings=fraud.settings)

    assert (done.version, done.applied, planned.applied) == ("1.1.0", "applied", None)
    assert cluster.words == [["diff", "-k", str(folder)], ["apply", "-k", str(folder)]]


@pytest.mark.parametrize(
    ("complaint", "error"),
    [
        ("error: You must be logged in to the server (Unauthorized)", AccessDenied),
        ("The connection to the server 10.0.0.1:6443 was refused", Unavailable),
        ('error: context "eu-1" does not exist', InvalidInput),
    ],
)
def test_what_a_cluster_refuses_is_not_applied(
    complaint: str, error: type[Exception], fraud: Team, cluster: Cluster
) -> None:
    cluster.answer(2, "", complaint)

    with pytest.raises(error):
        deploy(fraud.place, stage="prod", confirm=yes, settings=fraud.settings)

    assert [words[0] for words in cluster.words] == ["diff"]


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (
            "pod",
            'The Pod "fraud" is invalid: spec: Forbidden: pod updates may not change fields other '
            "than `spec.containers[*].image`,`spec.initContainers[*].image`",
        ),
        (
            "deployment",
            'The Job "fraud" is invalid: spec.template: Invalid value: core.PodTemplateSpec{'
            + "ObjectMeta:v1.ObjectMeta{}, " * 1000
            + "}: field is immutable",
        ),
    ],
)
def test_what_cannot_be_changed_is_told_with_what_makes_it_anew(
    kind: str, complaint: str, fraud: Team, *, cluster: Cluster, tmp_path: Path
) -> None:
    folder = tmp_path / "fraud"
    words = {"stage": "prod", "kind": kind, "confirm": yes, "settings": fraud.settings}
    cluster.answer(2, "", complaint)

    with pytest.raises(Conflict) as printed:
        deploy(fraud.place, **words)  # type: ignore[arg-type]
    with pytest.raises(Conflict) as written:
        deploy(fraud.place, output=folder, **words)  # type: ignore[arg-type]

    assert complaint[-18:] in str(printed.value.cause)
    assert len(str(printed.value.cause)) < 600
    assert "kubectl replace --force -f -" in str(printed.value.hint)
    assert f"kubectl replace --force -k {folder}" in str(written.value.hint)
    assert "--name" in str(written.value.hint)


def test_without_kubectl_it_is_said_what_is_missing(
    fraud: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalFailure, match="compare the documents") as caught:
        deploy(fraud.place, stage="prod", confirm=yes, settings=fraud.settings)

    assert "not installed" in str(caught.value.cause)


def test_a_machine_without_a_cluster_is_given_to_none(fraud: Team, cluster: Cluster) -> None:
    for more in ({"confirm": yes}, {"push": "r.io/d:1"}):
        with pytest.raises(InvalidInput, match="means nothing to --as compose"):
            deploy(
                f"{fraud.place}:1.0.0",
                kind="compose",
                settings=fraud.settings,
                **more,
            )

    assert cluster.asked == []


# What Flux reads


@pytest.fixture
def pushed(fraud: Team) -> Callable[[str], Manifest]:
    """The manifest under a reference."""

    def found(reference: str) -> Manifest:
        place = Reference.parse(reference)
        store = stores.open_store(place, fraud.settings)
        root = store.resolve(str(place.name))
        manifest = parse(read(store, root), root.media_type)
        assert isinstance(manifest, Manifest)
        return manifest

    return found


def test_documents_are_pushed_as_flux_reads_them(
    fraud: Team, pushed: Callable[[str], Manifest], tmp_path: Path
) -> None:
    folder, reference = tmp_path / "fraud", f"{fraud.place}-deploy:prod"
    words = {"stage": "prod", "name": "fraud", "settings": fraud.settings}
    deploy(fraud.place, output=folder, **words)  # type: ignore[arg-type]
    (folder / "password.txt").write_text("secret")

    done = deploy_update(folder, push=f"oci://{reference}", settings=fraud.settings)

    manifest = pushed(reference)
    assert done.pushed == f"{fraud.place}-deploy@{manifest.descriptor.digest}"
    assert manifest.config.media_type == "application/vnd.cncf.flux.config.v1+json"
    (layer,) = manifest.layers
    assert layer.media_type == "application/vnd.cncf.flux.content.v1.tar+gzip"
    noted = dict(manifest.annotations)
    assert noted.pop("org.opencontainers.image.created").endswith("Z")
    assert noted == {
        "org.opencontainers.image.source": fraud.place,
        "org.opencontainers.image.revision": f"prod@{fraud.tag('1.0.0')}",
    }
    store = stores.open_store(Reference.parse(reference), fraud.settings)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(read(store, layer)))) as archive:
        inside = {
            member.name: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
        }
    # Nothing else that lies in the folder leaves the machine.
    assert inside == {
        path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".yaml"
    }


def test_the_same_documents_are_the_same_digest(
    fraud: Team, pushed: Callable[[str], Manifest], tmp_path: Path
) -> None:
    folder = tmp_path / "fraud"
    reference = f"{fraud.place}-deploy:prod"
    words = {"stage": "prod", "name": "fraud", "push": reference, "settings": fraud.settings}

    first = deploy(fraud.place, **words)  # type: ignore[arg-type]
    second = deploy(fraud.place, output=folder, **words)  # type: ignore[arg-type]
    third = deploy_update(folder, push=reference, settings=fraud.settings)
    promote(f"{fraud.place}:1.1.0", "prod", settings=fraud.settings)
    fourth = deploy_update(folder, push=reference, settings=fraud.settings)

    assert first.pushed == second.pushed == third.pushed != fourth.pushed
    assert fourth.pushed is not None
    assert fourth.pushed.endswith(pushed(reference).descriptor.digest)


def test_a_tag_that_names_a_model_is_never_taken(fraud: Team) -> None:
    before = fraud.tag("1.1.0")

    with pytest.raises(Conflict, match="something else"):
        deploy(fraud.place, stage="prod", push=f"{fraud.place}:1.1.0", settings=fraud.settings)
    for reference in (fraud.place, "deploy/fraud:prod", f"{fraud.place}@{before}"):
        with pytest.raises(InvalidInput, match="under a tag"):
            deploy(fraud.place, stage="prod", push=reference, settings=fraud.settings)

    assert fraud.tag("1.1.0") == before
