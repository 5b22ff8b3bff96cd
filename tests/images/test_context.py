"""What a builder is sent: a tar that is the same each time, and a wheel that pip takes."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lading
from lading.errors import Conflict, LocalFailure
from lading.images.context import Context, pip_configuration
from lading.images.wheel import own_wheel, running_versions
from lading.operations.image_dockerfile import image_dockerfile
from lading.settings import Settings

names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=120)


def entries(context: Context) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(context.stream()))) as tar:
        found = {}
        for entry in tar:
            file = tar.extractfile(entry)
            assert file is not None
            assert (entry.uid, entry.gid, entry.mode, entry.mtime) == (0, 0, 0o644, 1_700_000_000)
            found[entry.name] = file.read()
        return found


@given(st.dictionaries(names.map(lambda n: f"lading/{n}"), st.binary(max_size=2000), max_size=6))
def test_what_is_sent_is_what_was_given(files: dict[str, bytes]) -> None:
    assert entries(Context(files, None, 1_700_000_000)) == files


def test_the_model_is_sent_from_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "nested").mkdir()
    (tmp_path / "nested" / "weights.bin").write_bytes(b"w" * 3_000_000)
    (tmp_path / "config.json").write_bytes(b"{}")
    sent: list[int] = []
    context = Context({"Dockerfile": b"FROM x"}, tmp_path, 1_700_000_000)

    first = b"".join(replace(context, on_sent=sent.append).stream())
    second = b"".join(context.stream())

    assert first == second
    assert sum(sent) == 3_000_002
    assert context.size == 3_000_002 + len(b"FROM x")
    assert sorted(entries(context)) == [
        "Dockerfile",
        "model/config.json",
        "model/nested/weights.bin",
    ]


def test_a_file_that_became_shorter_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"w" * 5_000_000)
    stream = Context({}, tmp_path, 1_700_000_000).stream()
    next(stream), next(stream)
    with path.open("r+b") as file:
        file.truncate(10)

    with pytest.raises(LocalFailure, match="became shorter"):
        list(stream)


def test_the_own_wheel_is_the_same_each_time_and_its_record_is_true() -> None:
    name, raw = own_wheel()

    assert own_wheel() == (name, raw)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        (record,) = [each for each in archive.namelist() if each.endswith("/RECORD")]
        rows = list(csv.reader(archive.read(record).decode().splitlines()))
        for path, hashed, size in rows[:-1]:
            content = archive.read(path)
            digest = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (hashed, size) == (f"sha256={digest}", str(len(content)))
        assert {row[0] for row in rows} == set(archive.namelist())
        assert "lading/dockerfiles/python.Dockerfile" in archive.namelist()


def test_pip_installs_the_own_wheel(tmp_path: Path) -> None:
    name, raw = own_wheel()
    (tmp_path / name).write_bytes(raw)
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]

    subprocess.run([*pip, "--target", str(target), str(tmp_path / name)], check=True)
    done = subprocess.run(
        [sys.executable, "-c", "import lading; print(lading.__file__)"],
        env={"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == str(target / "lading/__init__.py")


def test_what_runs_here_is_named_without_lading_and_local_labels() -> None:
    found = running_versions()

    assert found["typer"]
    assert "lading" not in found
    assert not any("+" in version for version in found.values())


def test_pip_is_told_of_an_index_where_one_is_set() -> None:
    assert pip_configuration(None, None) == b""
    assert pip_configuration(None, None, 1) == b"[global]\nretries = 1\n"
    assert pip_configuration("https://i.example.com", "https://j.example.com") == (
        b"[global]\nindex-url = https://i.example.com\nextra-index-url = https://j.example.com\n"
    )


@pytest.fixture
def version(tmp_path: Path) -> tuple[str, Settings]:
    settings = Settings(home=tmp_path / "home", cache=tmp_path / "cache")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"w" * 100)
    (folder / "requirements.txt").write_text("")
    (folder / "predict.py").write_text("import packaging\n")
    lading.push(folder, "ml/x:1.0.0", settings=settings)
    return "ml/x:1.0.0", settings


def test_the_context_is_written_where_another_tool_builds_it(
    tmp_path: Path, version: tuple[str, Settings]
) -> None:
    reference, settings = version
    folder = tmp_path / "context"

    result = image_dockerfile(reference, target="serve", context=folder, settings=settings)

    assert (folder / "Dockerfile").read_text() == result.text
    assert (folder / "model/weights.bin").read_bytes() == b"w" * 100
    assert (folder / "model/lading.json").read_bytes().startswith(b"{")
    assert (folder / "lading/packages/direct.txt").read_text().startswith("packaging==")
    copied = {
        word.rstrip("/")
        for line in result.text.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert all((folder / word).exists() for word in copied)
    with pytest.raises(Conflict, match="holds files"):
        image_dockerfile(reference, context=folder, settings=settings)


def test_the_same_version_is_the_same_dockerfile(version: tuple[str, Settings]) -> None:
    reference, settings = version

    first, second = (image_dockerfile(reference, settings=settings) for _ in range(2))

    assert first == second
    assert first.targets == ("base", "train", "runtime", "serve")
