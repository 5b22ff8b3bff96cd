"""A push makes a version that never changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from parts.registry import DockerRegistry

from lading.errors import Conflict, InvalidInput, LocalFailure
from lading.operations import stores
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.push import push
from lading.settings import Settings
from lading.spec.reference import Reference
from lading.spec.version import Bump
from lading.transfer import survey


def test_a_folder_becomes_a_version(model: Path, place: str, settings: Settings) -> None:
    result = push(model, f"{place}:1.0.0", settings=settings)

    assert result.status == "created"
    assert result.version == "1.0.0"
    assert result.files == 6
    assert result.latest
    assert {layer.status for layer in result.layers} == {"sent"}
    assert inspect(f"{place}:1.0.0", settings=settings).digest == result.digest
    assert inspect(f"{place}:latest", settings=settings).digest == result.digest


def test_a_single_file_becomes_a_version(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"onnx")

    result = push(file, "ml/one:0.1.0", settings=settings)

    files = inspect("ml/one:0.1.0", settings=settings).files
    assert result.files == 1
    own = [file for file in files if not file.path.startswith(".lading/")]
    assert [(file.path, file.size) for file in own] == [("model.onnx", 4)]


def test_the_same_content_again_moves_nothing_and_gives_the_same_digest(
    model: Path, place: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = push(model, f"{place}:1.0.0", settings=settings)
    monkeypatch.setattr(
        "lading.operations.publishing.publication._now", lambda: "2031-01-01T00:00:00Z"
    )

    again = push(model, f"{place}:1.0.0", settings=settings)

    assert again.status == "unchanged"
    assert again.digest == first.digest
    assert again.sent == 0


def test_other_content_is_refused_before_anything_is_sent(
    model: Path, registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{registry.host}/refused"
    first = push(model, f"{place}:1.0.0", settings=settings)
    (model / "config.json").write_text('{"hidden": 9}')
    registry.forget_requests()

    with pytest.raises(Conflict) as caught:
        push(model, f"{place}:1.0.0", settings=settings)

    assert first.digest in str(caught.value)
    assert "--bump" in (caught.value.hint or "")
    assert {request.method for request in registry.requests()} <= {"GET", "HEAD"}


def test_other_words_of_the_person_are_other_content(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", description="one", settings=settings)

    unchanged = push(model, "ml/fraud:1.0.0", settings=settings)

    assert unchanged.status == "unchanged"
    with pytest.raises(Conflict):
        push(model, "ml/fraud:1.0.0", description="two", settings=settings)


@pytest.mark.parametrize(("part", "expected"), [("patch", "1.2.4"), ("minor", "1.3.0")])
def test_a_bump_follows_the_highest_version(
    part: Bump, expected: str, model: Path, place: str, settings: Settings
) -> None:
    push(model, f"{place}:1.2.3", settings=settings)
    push(model, f"{place}:0.9.0", settings=settings)

    result = push(model, place, bump=part, settings=settings)

    assert result.version == expected


def test_a_first_bump_makes_0_1_0(model: Path, place: str, settings: Settings) -> None:
    assert push(model, place, bump="major", settings=settings).version == "0.1.0"


def test_without_a_tag_a_push_asks_for_the_version(model: Path, settings: Settings) -> None:
    with pytest.raises(InvalidInput) as caught:
        push(model, "ml/fraud", settings=settings)

    assert "--bump" in (caught.value.hint or "")


@pytest.mark.parametrize("tag", ["v1.0.0", "1.0", "prod", "latest"])
def test_a_tag_that_is_no_version_is_refused_with_a_hint(
    tag: str, model: Path, settings: Settings
) -> None:
    with pytest.raises(InvalidInput) as caught:
        push(model, f"ml/fraud:{tag}", settings=settings)

    assert caught.value.hint


def test_latest_follows_the_highest_release_only(
    model: Path, place: str, settings: Settings
) -> None:
    newest = push(model, f"{place}:2.0.0", settings=settings)
    older = push(model, f"{place}:1.0.0", settings=settings)
    candidate = push(model, f"{place}:3.0.0-rc.1", settings=settings)

    assert (newest.latest, older.latest, candidate.latest) == (True, False, False)
    assert inspect(f"{place}:latest", settings=settings).digest == newest.digest


def test_a_dry_run_sends_nothing_and_says_what_it_would(
    model: Path, place: str, settings: Settings
) -> None:
    result = push(model, f"{place}:1.0.0", dry_run=True, settings=settings)

    assert result.status == "planned"
    assert {layer.status for layer in result.layers} == {"planned"}
    assert result.sent == sum(layer.size for layer in result.layers)
    assert push(model, f"{place}:1.0.0", settings=settings).status == "created"


def test_layers_that_did_not_change_are_shared_between_versions(
    model: Path, place: str, settings: Settings
) -> None:
    push(model, f"{place}:1.0.0", settings=settings)
    (model / "README.md").write_text("# Changed\n")

    result = push(model, f"{place}:1.0.1", settings=settings)

    statuses = {layer.title: layer.status for layer in result.layers}
    assert statuses["weights.safetensors.tar"] == "present"
    assert statuses["lading.doc.tar"] == "sent"


def test_a_second_push_reads_no_file_and_sends_no_blob(
    model: Path, registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{registry.host}/second"
    push(model, f"{place}:1.0.0", settings=settings)
    registry.forget_requests()

    opened = _files_opened_by_a_push(model, f"{place}:1.0.0", settings)

    assert opened == []
    assert not [r for r in registry.requests() if r.method in ("POST", "PATCH", "PUT")]


def _files_opened_by_a_push(model: Path, reference: str, settings: Settings) -> list[str]:
    """The model's files that a push in a process of its own opened."""
    script = (
        "import sys\n"
        "opened = []\n"
        "def hook(event, args):\n"
        "    if event == 'open' and str(args[0]).rpartition('/')[2] in sys.argv[5:]:\n"
        "        opened.append(str(args[0]))\n"
        "from pathlib import Path\n"
        "from lading.operations.push import push\n"
        "from lading.settings import Settings\n"
        "sys.addaudithook(hook)\n"
        "settings = Settings(home=Path(sys.argv[3]), cache=Path(sys.argv[4]))\n"
        "assert push(sys.argv[1], sys.argv[2], settings=settings).status == 'unchanged'\n"
        "print('\\n'.join(opened))\n"
    )
    names = [path.name for path in model.rglob("*") if path.is_file()]
    done = subprocess.run(
        [sys.executable, "-c", script, model, reference, settings.home, settings.cache, *names],
        check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    return done.stdout.split()


def test_a_file_that_changes_while_it_is_pushed_is_detected(
    tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "growing"
    folder.mkdir()
    weights = folder / "weights.bin"
    weights.write_bytes(b"a" * 6_000_000)

    def grow(progress: object) -> None:
        with weights.open("ab") as file:
            file.write(b"more")

    with pytest.raises(LocalFailure, match="changed while it was read"):
        push(folder, "ml/growing:1.0.0", settings=settings, on_progress=grow)


def test_every_child_gets_a_keep_tag_on_distribution_2(
    model: Path, registry: DockerRegistry, settings: Settings
) -> None:
    place = f"{registry.host}/kept"
    result = push(model, f"{place}:1.0.0", settings=settings)
    store = stores.open_store(Reference.parse(place), settings)

    names = set(store.names())

    children = {
        descriptor.digest.short
        for descriptor, _ in survey(store, store.resolve("1.0.0")).manifests
        if descriptor.digest != result.digest
    }
    assert {f"keep-{short}" for short in children} <= names
    assert [v.version for v in list_versions(place, settings=settings).versions] == ["1.0.0"]


_RACE = """
import sys
from pathlib import Path
from lading.errors import Conflict
from lading.operations.push import push
from lading.settings import Settings
settings = Settings(home=Path(sys.argv[3]), cache=Path(sys.argv[4]))
print("ready", flush=True)
sys.stdin.readline()
try:
    print(push(sys.argv[1], sys.argv[2], settings=settings).digest)
except Conflict:
    print("conflict")
"""


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_pushes_at_the_same_moment_one_wins_and_the_other_knows(
    attempt: int, tmp_path: Path, registry: DockerRegistry, settings: Settings
) -> None:
    reference = f"{registry.host}/race-{attempt}:1.0.0"
    pushers = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "weights.bin").write_bytes(name.encode() * 1000)
        caches = tmp_path / f"cache-{name}"
        arguments: list[str | Path] = [folder, reference, settings.home, caches]
        pushers.append(
            subprocess.Popen(
                [sys.executable, "-c", _RACE, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        )
    for pusher in pushers:
        assert pusher.stdout is not None
        assert pusher.stdout.readline() == "ready\n"
    answers = [pusher.communicate("go\n", timeout=60)[0].strip() for pusher in _go(pushers)]

    there = inspect(reference, settings=settings).digest
    assert answers.count("conflict") == 1
    assert there in answers


def _go(pushers: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    for pusher in pushers:
        assert pusher.stdin is not None
        pusher.stdin.write("go\n")
        pusher.stdin.flush()
    return pushers
