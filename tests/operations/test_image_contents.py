"""What is in an image: told without running it, and held against what the model was made with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from images.bases import AMD64, ARM64, BaseImage, archive, beside
from images.test_installed import installed
from parts.recorded import record
from typer.testing import CliRunner

from lading.cli.app import app
from lading.errors import IntegrityError, InvalidInput, NotFound, PolicyRefused
from lading.operations import stores
from lading.operations.evidence import evidence
from lading.operations.image_assemble import ImageAssembleResult, image_assemble
from lading.operations.image_check import ImageCheckResult, image_check
from lading.operations.image_sbom import image_sbom
from lading.operations.promote import promote
from lading.settings import Settings
from lading.spec.environment import Environment, Host, Python
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.reference import Reference
from lading.transfer import read

MADE_WITH = Environment(
    python=Python(version="3.12.4", implementation="cpython", abi="cp312"),
    platform=Host(system="linux", machine="x86_64", libc="glibc 2.36"),
    requirements=("framework==1.4.0", "numeric==2.1.0", "optuna==4.0"),
    direct=("framework",),
)
FRAMEWORK = installed("framework", "1.4.0", "Requires-Dist: numeric")
RIGHT = FRAMEWORK | installed("numeric", "2.1.0")
CONFIG = {"Env": ["PATH=/opt/model/bin:/usr/bin"]}


@pytest.fixture
def version(model: Path, settings: Settings) -> str:
    record(model, "ml/fraud:1.0.0", settings, MADE_WITH)
    return "ml/fraud:1.0.0"


def with_image(
    version: str,
    settings: Settings,
    packages: dict[str, bytes | str],
    base: BaseImage | None = None,
) -> ImageAssembleResult:
    base = replace(base or BaseImage(config=CONFIG), layers=[archive(packages)])
    place = beside(version.rpartition(":")[0], Path())
    return image_assemble(version, base=base.put(place, settings), settings=settings)


def checked(version: str, settings: Settings, packages: dict[str, bytes | str]) -> ImageCheckResult:
    with_image(version, settings, packages)
    return image_check(version, settings=settings)


def test_an_image_with_what_the_model_needs_is_equal(version: str, settings: Settings) -> None:
    result = checked(version, settings, RIGHT | installed("uvicorn", "0.30"))

    (found,) = result.platforms
    assert (result.verdict, found.left_out, found.extra) == ("equal", ("optuna",), ("uvicorn",))
    assert {each.name for each in found.packages} == {"framework", "numeric"}


@pytest.mark.parametrize(
    ("packages", "name", "verdict"),
    [
        (FRAMEWORK | installed("numeric", "3.0.0"), "numeric", "incompatible"),
        (FRAMEWORK, "numeric", "incompatible"),
        (installed("framework", "1.4.0"), None, "equal"),
        (installed("framework", "1.5.0", "Requires-Dist: numeric"), "framework", "incompatible"),
        (installed("framework", "1.4.1") | installed("numeric", "2.1.0"), "framework", "differs"),
        (installed("numeric", "2.1.0"), "framework", "incompatible"),
        ({}, "framework", "incompatible"),
        (RIGHT | {"lib/ld-musl-x86_64.so.1": b""}, "libc", "incompatible"),
    ],
)  # fmt: skip
def test_a_difference_is_named(
    version: str,
    settings: Settings,
    *,
    packages: dict[str, bytes | str],
    name: str | None,
    verdict: str,
) -> None:
    result = checked(version, settings, packages)

    differing = [each.name for each in result.platforms[0].all if each.state != "equal"]
    assert result.verdict == verdict
    assert (name in differing) if name else not differing


def test_another_python_matters(version: str, settings: Settings) -> None:
    site = "opt/model/lib/python3.9/site-packages"
    packages = installed("framework", "1.4.0", site=site)

    result = checked(version, settings, packages)

    python = result.platforms[0].python
    assert python
    assert (result.verdict, python.running) == ("incompatible", "3.9")


def test_every_platform_is_looked_into(version: str, settings: Settings) -> None:
    with_image(version, settings, RIGHT, BaseImage(config=CONFIG, platforms=(AMD64, ARM64)))

    result = image_check(version, settings=settings)
    one = image_check(version, platform="linux/arm64/v8", settings=settings)

    assert [each.verdict for each in result.platforms] == ["equal", "differs"]
    assert (result.verdict, [each.platform for each in one.platforms]) == (
        "differs",
        ["linux/arm64/v8"],
    )


def test_the_bill_of_an_image(version: str, settings: Settings) -> None:
    done = with_image(version, settings, RIGHT, BaseImage(config=CONFIG, how="zstd"))

    of_version = image_sbom(version, settings=settings)
    of_image = image_sbom("ml/fraud:serve-1.0.0", settings=settings)

    assert (of_version.image, of_version.packages) == (done.image, 2)
    assert of_version.bill == of_image.bill
    names = [each["purl"] for each in of_version.bill["components"]]
    assert names == ["pkg:pypi/framework@1.4.0", "pkg:pypi/numeric@2.1.0"]


def test_the_image_s_own_tag_leads_to_its_version(version: str, settings: Settings) -> None:
    with_image(version, settings, RIGHT)

    assert image_check("ml/fraud:serve-1.0.0", settings=settings).reference == version


def test_a_version_without_an_image_is_told_how_to_make_one(
    version: str, settings: Settings
) -> None:
    for operation in (image_check, image_sbom):
        with pytest.raises(NotFound, match="no serve image") as caught:
            operation(version, settings=settings)
        # No engine can push to this machine's own store.
        assert "lading copy the model to a registry" in str(caught.value.hint)
    with_image(version, settings, RIGHT)
    with pytest.raises(NotFound, match="no train image"):
        image_check(version, target="train", settings=settings)
    with pytest.raises(InvalidInput, match="not a target"):
        image_check(version, target="other", settings=settings)
    with pytest.raises(InvalidInput, match="every platform"):
        image_check(version, platform="linux/amd64", record=True, settings=settings)


def test_a_damaged_layer_is_not_believed(version: str, settings: Settings) -> None:
    done = with_image(version, settings, RIGHT)
    store = stores.open_store(Reference.parse("ml/fraud"), settings)
    index = parse(read(store, store.resolve(done.image)))
    assert isinstance(index, Index)
    manifest = parse(read(store, index.manifests[0]))
    assert isinstance(manifest, Manifest)
    path = store.blob_path(manifest.layers[0])  # type: ignore[union-attr]  # a layout
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.chmod(0o644)
    path.unlink()
    path.write_bytes(raw)

    with pytest.raises(IntegrityError):
        image_check(version, settings=settings)


def test_a_recorded_check_lets_a_gate_pass(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    policy = tmp_path / "lading-policy.yaml"
    policy.write_text("stages: {prod: {protected: true, gates: ['image.serve', 'image.matches']}}")
    strict = replace(settings, policy=policy)
    with pytest.raises(PolicyRefused, match=r"image\.serve"):
        promote(version, "prod", settings=strict)
    image = with_image(version, settings, RIGHT).image
    with pytest.raises(PolicyRefused, match=f"image check REF --record says it, of {image}"):
        promote(version, "prod", settings=strict)

    said = image_check(version, record=True, settings=settings)
    again = image_check(version, record=True, settings=settings)
    promote(version, "prod", settings=strict)

    assert said.evidence == again.evidence
    kinds = [each.type for each in evidence(version, settings=settings).evidence]
    assert sorted(kinds) == ["image", "image-check"]


def test_a_gate_refuses_what_does_not_match_and_what_nobody_looked_at(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    policy = tmp_path / "lading-policy.yaml"
    policy.write_text("stages: {prod: {protected: true, gates: [image.matches]}}")
    strict = replace(settings, policy=policy)
    with_image(version, settings, installed("framework", "2.0"))
    image_check(version, record=True, settings=settings)

    with pytest.raises(PolicyRefused, match=r"framework 1\.4\.0"):
        promote(version, "prod", settings=strict)


def test_the_command_line_exits_with_1_where_it_matters(
    version: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADING_HOME", str(settings.home))
    monkeypatch.setenv("LADING_CACHE", str(settings.cache))
    runner = CliRunner()
    with_image(version, settings, installed("framework", "2.0"))

    refused = runner.invoke(app, ["image", "check", version])
    bill = runner.invoke(app, ["image", "sbom", version, "-o", str(tmp_path / "bill.json")])

    assert (refused.exit_code, bill.exit_code) == (1, 0)
    assert "likely to matter" in refused.stdout
    assert json.loads((tmp_path / "bill.json").read_text())["components"][0]["name"] == "framework"
    with_image(version, settings, RIGHT)
    passed = runner.invoke(app, ["image", "check", version, "--json"])
    assert (passed.exit_code, json.loads(passed.stdout)["verdict"]) == (0, "equal")


def test_the_command_line_assembles(
    version: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LADING_HOME", str(settings.home))
    monkeypatch.setenv("LADING_CACHE", str(settings.cache))
    base = BaseImage().put("ml/base", settings)
    words = ["image", "assemble", version, "--base", base, "--cmd", "sh -c 'echo a b'"]

    first = CliRunner().invoke(app, [*words, "--env", "A=b"])
    second = CliRunner().invoke(app, [*words, "--env", "A=b", "--json"])

    assert first.exit_code == 0
    assert first.stdout.startswith("ml/fraud:serve-1.0.0@sha256:")
    assert json.loads(second.stdout)["status"] == "unchanged"
    listed = CliRunner().invoke(app, ["list", "ml/fraud"]).stdout
    assert "+ serve" in listed
    assert "assembled" in CliRunner().invoke(app, ["evidence", version]).stdout


def test_gates_and_checks_mean_the_newest_image_under_whatever_tag(
    version: str, settings: Settings, tmp_path: Path
) -> None:
    policy = tmp_path / "lading-policy.yaml"
    policy.write_text("stages: {prod: {protected: true, gates: [image.matches]}}")
    strict = replace(settings, policy=policy)
    first = with_image(version, settings, RIGHT)
    base = BaseImage(config=CONFIG, layers=[archive(installed("framework", "2.0"))])
    place = base.put(beside("ml/fraud", Path()), settings)
    second = image_assemble(version, base=place, tag="nine", settings=settings)

    found = image_check(version, record=True, settings=settings)

    assert found.image == second.image != first.image
    with pytest.raises(PolicyRefused, match=r"framework 1\.4\.0"):
        promote(version, "prod", settings=strict)
    # The first one is told of again, although it was told of before.
    assert with_image(version, settings, RIGHT).status == "assembled"
    assert image_check(version, record=True, settings=settings).image == first.image
    promote(version, "prod", settings=strict)


def test_an_image_is_checked_under_any_tag_of_its_own(version: str, settings: Settings) -> None:
    base = BaseImage(config=CONFIG, layers=[archive(RIGHT)])
    place = base.put(beside("ml/fraud", Path()), settings)
    done = image_assemble(version, base=place, tag="nine", settings=settings)
    with_image(version, settings, installed("framework", "2.0"))

    checked = image_check("ml/fraud:nine", settings=settings)

    assert (checked.image, checked.reference, checked.verdict) == (done.image, version, "equal")
    with pytest.raises(InvalidInput, match="does not say which version it is of"):
        image_check(place, settings=settings)
