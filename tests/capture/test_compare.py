"""Which differences are told, and which of them matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.capture.compare import Running, compare
from lading.spec.environment import Environment, Host, Python

PYTHON = Python(version="3.11.7", implementation="cpython", abi="cp311")
HOST = Host(system="linux", machine="x86_64", libc="glibc 2.36")
VERSIONS = st.builds(
    lambda release, label: ".".join(map(str, release)) + label,
    st.lists(st.integers(0, 40) | st.integers(2020, 2026), min_size=1, max_size=4),
    st.sampled_from(["", "rc1", "+cpu", ".post1"]),
)
NAMES = st.sampled_from(["numpy", "Scikit_Learn", "scipy", "torch", "PyYAML", "a.b"])
ENVIRONMENTS = st.dictionaries(NAMES, VERSIONS, max_size=6)


def running(versions: dict[str, str], python: Python = PYTHON, host: Host = HOST) -> Running:
    return Running(python, host, versions)


def recorded(versions: dict[str, str], *direct: str) -> Environment:
    pins = tuple(f"{name}=={version}" for name, version in versions.items())
    return Environment(python=PYTHON, platform=HOST, requirements=pins, direct=direct)


@given(versions=ENVIRONMENTS, direct=st.frozensets(NAMES))
def test_an_environment_equals_itself(versions: dict[str, str], direct: frozenset[str]) -> None:
    found = compare(recorded(versions, *direct), running(versions))

    assert found.equal
    assert not found.matters
    assert len(found.packages) == len(versions)


@given(old=ENVIRONMENTS, new=ENVIRONMENTS, direct=st.frozensets(NAMES))
def test_what_matters_differs_and_every_difference_has_a_reason(
    old: dict[str, str], new: dict[str, str], direct: frozenset[str]
) -> None:
    found = compare(recorded(old, *direct), running(new))

    assert [each.name for each in found.packages] == sorted(each.name for each in found.packages)
    for each in found.packages:
        assert (each.state == "equal") == (each.why is None)
        assert not each.matters or each.state != "equal"
        assert (each.state == "missing") == (each.running is None)


@given(old=ENVIRONMENTS, new=ENVIRONMENTS, extra=st.text(min_size=1, max_size=5))
def test_what_was_not_recorded_changes_nothing(
    old: dict[str, str], new: dict[str, str], extra: str
) -> None:
    more = new | {f"other-{extra}": "1.0"}

    assert compare(recorded(old), running(new)) == compare(recorded(old), running(more))


@given(old=ENVIRONMENTS, new=ENVIRONMENTS, name=NAMES)
def test_what_matters_of_anything_matters_of_what_is_needed_directly(
    old: dict[str, str], new: dict[str, str], name: str
) -> None:
    indirect = compare(recorded(old), running(new))

    direct = compare(recorded(old, name), running(new))

    assert direct.matters or not indirect.matters


@pytest.mark.parametrize(
    ("old", "new", "direct", "indirect"),
    [
        ("1.2.3", "1.2.9", False, False),
        ("1.2.3", "1.3.0", True, False),
        ("1.2.3", "2.0.0", True, True),
        ("0.2.3", "0.3.0", True, False),
        ("1.0", "1.0.0", False, False),
        ("2024.1", "2024.2", True, False),
        ("2024.1", "2026.3", True, False),
        ("1.0", "2026.1", True, True),
        ("2.13.0+cpu", "2.13.0+cu128", False, False),
        ("2.13.0+cpu", "2.13.0", False, False),
        ("1!1.0", "1.0", True, True),
        ("1.0", "weird", True, False),
        ("weird", "weird", False, False),
    ],
)
def test_a_package_matters_by_its_numbers(old: str, new: str, direct: bool, indirect: bool) -> None:
    (own,) = compare(recorded({"a-b": old}, "A_b"), running({"a.b": new})).packages
    (other,) = compare(recorded({"a-b": old}), running({"a.b": new})).packages

    assert (own.matters, other.matters) == (direct, indirect)


def test_a_missing_package_matters_and_a_label_is_named() -> None:
    found = compare(recorded({"gone": "1.0", "torch": "2.13.0+cpu"}), running({"torch": "2.13.0"}))

    gone, torch = found.packages
    assert (gone.state, gone.matters) == ("missing", True)
    assert (torch.state, torch.why) == ("differs", "only the local label differs")


@pytest.mark.parametrize(
    ("python", "state", "matters"),
    [
        (PYTHON, "equal", False),
        (Python(version="3.11.9", implementation="cpython", abi="cp311"), "differs", False),
        (Python(version="3.12.7", implementation="cpython", abi="cp312"), "differs", True),
        (Python(version="3.11.7", implementation="pypy", abi="pp311"), "differs", True),
        (Python(version="3.11.7", implementation="cpython", abi="cp311t"), "differs", True),
    ],
)
def test_python_matters_by_its_minor_version(python: Python, state: str, matters: bool) -> None:
    found = compare(recorded({}), running({}, python)).python

    assert found
    assert (found.state, found.matters) == (state, matters)


@pytest.mark.parametrize(
    ("host", "differing", "matters"),
    [
        (Host(system="linux", machine="AMD64", libc="glibc 2.36"), [], False),
        (Host(system="linux", machine="aarch64", libc="glibc 2.36"), ["machine"], False),
        (Host(system="linux", machine="armv7l", libc="glibc 2.36"), ["machine"], True),
        (Host(system="linux", machine="x86_64", libc="glibc 2.28"), ["libc"], False),
        (Host(system="linux", machine="x86_64", libc="musl 1.2"), ["libc"], True),
        (Host(system="darwin", machine="arm64"), ["system", "machine"], False),
    ],
)
def test_the_platform_is_named_where_it_differs(
    host: Host, differing: list[str], matters: bool
) -> None:
    found = compare(recorded({}), running({}, host=host))

    assert [each.name for each in found.platform if each.state != "equal"] == differing
    assert found.matters == matters


@given(st.lists(st.text(max_size=60), max_size=10), st.text(max_size=10))
def test_no_recorded_text_is_more_than_a_note(requirements: list[str], version: str) -> None:
    environment = Environment(
        python=Python(version=version or "?"), requirements=tuple(requirements)
    )

    found = compare(environment, running({}))

    assert len(found.packages) + len(found.notes) <= len(requirements)
