"""A path or a version, scanned for what would run when it is loaded."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from lading.errors import InvalidInput, NotFound
from lading.operations.publishing.captured import NOTHING
from lading.operations.push import push
from lading.operations.scan import scan
from lading.settings import Settings

EVIL = b"cposix\nsystem\n(S'true'\ntR."


def test_a_folder_is_scanned_with_all_that_is_below_it(model: Path, settings: Settings) -> None:
    (model / "nested" / "deeper" / "notes.txt").write_bytes(EVIL)

    result = scan(model, settings=settings)

    (finding,) = result.findings
    assert (result.verdict, result.digest, result.files) == ("dangerous", None, 7)
    assert (finding.path, finding.what) == ("nested/deeper/notes.txt", "posix.system")


def test_a_file_is_scanned_alone(model: Path, settings: Settings) -> None:
    (model / "evil.pkl").write_bytes(EVIL)

    assert scan(model / "config.json", settings=settings).verdict == "clean"
    assert scan(str(model / "evil.pkl"), settings=settings).verdict == "dangerous"


def test_what_links_lead_to_is_scanned_and_circles_end(model: Path, settings: Settings) -> None:
    elsewhere = model.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "evil").write_bytes(EVIL)
    (model / "more").symlink_to(elsewhere)
    (model / "circle").symlink_to(model)

    result = scan(model, settings=settings)

    assert [finding.path for finding in result.findings] == ["more/evil"]


def test_a_version_is_scanned_wherever_it_is(place: str, model: Path, settings: Settings) -> None:
    (model / "model.pkl").write_bytes(EVIL)
    pushed = push(model, f"{place}:1.0.0", settings=settings)

    result = scan(f"{place}:1.0.0", settings=settings)

    assert (result.verdict, result.digest) == ("dangerous", pushed.digest)
    assert [finding.path for finding in result.findings] == ["model.pkl"]


def test_an_honest_model_is_clean(model: Path, settings: Settings) -> None:
    (model / "model.pkl").write_bytes(pickle.dumps([1, 2, 3]))

    result = scan(model, settings=settings)

    assert (result.verdict, result.findings) == ("clean", ())
    assert "picklescan" in str(result.scanner)


def test_a_path_that_is_not_there_is_said_so(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(NotFound):
        scan(tmp_path / "nothing", settings=settings)
    with pytest.raises(NotFound):
        scan("./nothing-here", settings=settings)
    with pytest.raises(NotFound):
        scan("ml/nothing:1.0.0", settings=settings)


def test_a_record_that_is_not_there_is_said_so(model: Path, settings: Settings) -> None:
    push(model, "ml/fraud:1.0.0", capture=NOTHING, settings=settings)

    with pytest.raises(NotFound, match="no scan is recorded"):
        scan("ml/fraud:1.0.0", recorded=True, settings=settings)
    with pytest.raises(InvalidInput):
        scan(model, recorded=True, settings=settings)
