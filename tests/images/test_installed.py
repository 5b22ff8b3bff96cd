"""Which packages an image has, whatever its layers replace and take away."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from images.bases import archive

from lading.images.archive import entries
from lading.images.installed import Contents, Package, Seen, wanted
from lading.images.matching import needed
from lading.images.packages import linux
from lading.images.sbom import bill
from lading.spec.descriptor import Platform
from lading.spec.digest import Digest

SITE = "opt/model/lib/python3.12/site-packages"
SYSTEM = "usr/lib/python3/dist-packages"


def metadata(name: str, version: str, *more: str) -> bytes:
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *more, "", "Name: no"]
    return "\n".join(lines).encode()


def installed(name: str, version: str, *more: str, site: str = SITE) -> dict[str, bytes | str]:
    return {f"{site}/{name}-{version}.dist-info/METADATA": metadata(name, version, *more)}


def seen(*layers: dict[str, bytes | str]) -> Contents:
    found = Seen()
    for layer in layers:
        found.layer(entries(io.BytesIO(archive(layer)).read, wanted))
    return found.contents


def versions(contents: Contents, *environment: str) -> dict[str, str]:
    return {key: each.version for key, each in contents.used(environment).items()}


def requires(packages: dict[str, Package]) -> dict[str, tuple[str, ...]]:
    return {key: package.requires for key, package in packages.items()}


def test_packages_are_told_from_their_metadata() -> None:
    found = seen(
        installed("Some.Thing", "1.0", "License: MIT", "License-Expression: Apache-2.0"),
        {f"{SITE}/old-2.0-py3.12.egg-info": metadata("old", "2.0")},
        {f"{SITE}/older-3.0.egg-info/PKG-INFO": metadata("older", "3.0")},
        {f"{SITE}/pip/_vendor/rich-1.0.dist-info/METADATA": metadata("rich", "1.0")},
        {f"{SITE}/module.py": b"print()"},
    )

    assert versions(found) == {"some-thing": "1.0", "old": "2.0", "older": "3.0"}
    assert found.used(())["some-thing"].license == "Apache-2.0"


def test_a_link_in_the_place_of_metadata_is_read_by_its_folder_s_name() -> None:
    found = seen({f"{SITE}/numpy-2.1.0.dist-info/METADATA": "/cache/1234"})

    assert versions(found) == {"numpy": "2.1.0"}


@pytest.mark.parametrize(
    "taken",
    [
        f"{SITE}/.wh.numpy-2.1.0.dist-info",
        f"{SITE}/numpy-2.1.0.dist-info/.wh.METADATA",
        f"{SITE}/.wh..wh..opq",
        "opt/.wh.model",
        ".wh.opt",
    ],
)
def test_what_a_later_layer_takes_away_is_gone(taken: str) -> None:
    below = installed("numpy", "2.1.0")

    assert versions(seen(below)) == {"numpy": "2.1.0"}
    assert versions(seen(below, {taken: b""})) == {}
    assert versions(seen(below, {taken: b""}, installed("numpy", "2.2.0"))) == {"numpy": "2.2.0"}
    # In one layer, what it takes away is what lies below.
    assert versions(seen(below, installed("scipy", "1.0") | {taken: b""})) == {"scipy": "1.0"}


def test_a_file_in_a_folder_s_place_takes_it_away() -> None:
    assert versions(seen(installed("numpy", "2.1.0"), {"opt/model": "/elsewhere"})) == {}


def test_the_python_that_comes_first_on_the_path_counts() -> None:
    found = seen(
        installed("numpy", "1.0", site=SYSTEM),
        installed("numpy", "2.0"),
        {"usr/bin/python3.11": b"", "opt/model/bin/python3.12": b""},
    )

    assert versions(found, "PATH=/opt/model/bin:/usr/bin") == {"numpy": "2.0"}
    assert versions(found, "PATH=/usr/bin:/opt/model/bin") == {"numpy": "1.0"}
    assert versions(found, "PATH=/usr/bin", "VIRTUAL_ENV=/opt/model") == {"numpy": "2.0"}
    assert versions(found, "PATH=/usr/bin", f"PYTHONPATH=/{SITE}") == {"numpy": "2.0"}


def test_the_python_is_told_as_exactly_as_the_image_does() -> None:
    found = seen(installed("numpy", "2.0"))

    assert found.python(["PATH=/opt/model/bin"]) == "3.12"
    assert found.python(["PYTHON_VERSION=3.12.4"]) == "3.12.4"
    assert found.python(["PYTHON_VERSION=3.9.1"]) == "3.12"
    assert seen({"usr/bin/python3.9": b"", "usr/bin/python3.11": b""}).python([]) == "3.11"
    assert seen({"bin/sh": b""}).python([]) is None


@pytest.mark.parametrize(
    ("name", "libc"), [("lib/ld-musl-x86_64.so.1", "musl"), ("lib64/ld-linux-x86-64.so.2", "glibc")]
)
def test_the_c_library_is_told_from_its_loader(name: str, libc: str) -> None:
    assert seen({name: b""}).libc == libc


@given(raw=st.binary(max_size=500))
def test_whatever_metadata_says_it_is_a_package_or_a_note(raw: bytes) -> None:
    found = seen({f"{SITE}/some-1.0.dist-info/METADATA": raw, f"{SITE}/-.dist-info/METADATA": raw})

    assert len(found.packages) + len(found.notes) == 2
    assert all(each.name.isprintable() and each.version.isprintable() for each in found.packages)


def package(name: str, *requires: str) -> Package:
    return Package(name, "1.0", SITE, None, requires)


def test_what_serving_needs_is_followed_and_what_only_training_needs_is_not() -> None:
    locked = ("framework", "numeric", "optuna", "windows-only", "colour")
    inside = {
        "framework": package(
            "framework", "Numeric>=1", 'windows-only; sys_platform == "win32"', "colour; extra=='c'"
        ),
        "numeric": package("numeric", "framework"),
    }

    here = linux("3.12")
    there = requires(inside)
    assert needed(["Framework"], locked, there, "serve", here) == {"framework", "numeric"}
    assert needed(["framework"], locked, {}, "base", here) == {"framework"}
    assert needed(["framework"], locked, there, "train", here) == set(locked)
    assert needed([], locked, there, "serve", here) == set(locked)


@pytest.mark.parametrize(
    ("wish", "python", "expected"),
    [
        ("numeric; python_version < '3.12'", "3.11", True),
        ("numeric; python_version < '3.12'", "3.12.4", False),
        ("numeric; python_full_version >= '3.12.4'", "3.12.4", True),
        ("numeric; sys_platform == 'win32'", "3.12", False),
        ("numeric; platform_machine == 'aarch64'", "3.12", False),
        ("numeric; extra == 'fast'", "3.12", False),
        ("helper[fast]", "3.12", True),
        ("helper", "3.12", False),
        ("numeric >>> no requirement", "3.12", False),
        ("numeric; platform_version > 'x y'", "3.12", False),
    ],
)
def test_markers_are_held_against_the_image(wish: str, python: str, *, expected: bool) -> None:
    inside = seen(
        installed("framework", "1.0", f"Requires-Dist: {wish}")
        | installed("helper", "1.0", "Requires-Dist: numeric; extra == 'Fast'")
    )
    locked = ["framework", "helper", "numeric"]

    found = needed(["framework"], locked, requires(inside.used([])), "serve", linux(python))

    assert ("numeric" in found) is expected


def test_an_extra_that_nobody_named_counts_where_it_is_there() -> None:
    wish = installed("framework", "1.0", "Requires-Dist: numeric; extra == 'fast'")
    inside = seen(wish | installed("numeric", "2.0")).used([])

    found = needed(
        ["framework"], ["framework", "numeric"], requires(inside), "serve", linux("3.12")
    )

    assert found == {"framework", "numeric"}


def test_a_bill_names_each_package_once_with_every_place() -> None:
    packages = [
        Package("Some.Thing", "1.0+local", SITE, "MIT"),
        Package("some-thing", "1.0+local", SYSTEM),
        Package("other", "2.0", SITE),
    ]
    image = Digest.of(b"image")

    made = bill(
        packages,
        image=image,
        name="ml/fraud",
        platform=Platform("amd64", "linux"),
        created=None,
        tool="0.1.0",
    )

    assert [each["purl"] for each in made["components"]] == [
        "pkg:pypi/other@2.0",
        "pkg:pypi/some-thing@1.0%2Blocal",
    ]
    places = made["components"][1]["evidence"]["occurrences"]
    assert {each["location"] for each in places} == {f"/{SITE}", f"/{SYSTEM}"}
    assert made["metadata"]["component"]["version"] == image
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}[A-Za-z0-9]", fullmatch=True)


@given(
    st.lists(st.tuples(names, names, st.none() | words), max_size=5),
    words,
    st.sampled_from([None, "2026-03-01T12:00:00Z"]),
)
@examples(max_examples=20)
def test_a_bill_is_what_cyclonedx_says_it_is(
    found: list[tuple[str, str, str | None]], name: str, created: str | None
) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    made = bill(
        [Package(each, version, SITE, said) for each, version, said in found],
        image=Digest.of(b"image"),
        name=name,
        platform=Platform("arm64", "linux", "v8"),
        created=created,
        tool="0.1.0",
    )

    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made))

    assert problem is None, problem
