"""Locks of every kind: read, written as PEP 751, and taken by those who install from them."""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Environment, default_environment
from packaging.pylock import Pylock, PylockSelectError
from parts.environments import pip, source, uv, wheel
from parts.laws import tries

from lading.capture.interpreter import Interpreter
from lading.capture.lock import groups, listing, pylock, requirements
from lading.capture.lock import uv as uv_lock
from lading.capture.lock.locked import Archive, Directory, Locked, LockedFile, Package, Vcs
from lading.capture.lock.markers import ALWAYS, Condition, both, either, holds, written
from lading.capture.lock.parsing import clean_url
from lading.capture.lock.project import project_lock, selected
from lading.errors import InvalidInput

HERE = Interpreter.of(None).markers
SHA = "sha256:" + "0f" * 32
COMMIT = "a" * 40
FOLDER = Package("near", "0.2", origin=Directory("../near"))


def validated(locked: Locked) -> Pylock:
    """What is written, as ``packaging`` reads and checks it."""
    return Pylock.from_dict(tomllib.loads(pylock.write(locked).decode()))


def by_name(locked: Locked) -> dict[str, Package]:
    return {package.name: package for package in locked.packages}


UV_LOCK = f"""
version = 1
revision = 3
requires-python = ">=3.11"
resolution-markers = ["python_full_version >= '3.13'", "python_full_version < '3.13'"]

[[package]]
name = "project"
version = "0.1.0"
source = {{ editable = "." }}
dependencies = [
    {{ name = "numpy", version = "2.0.0", source = {{ registry = "https://index.example/simple" }}, marker = "python_full_version < '3.13'" }},
    {{ name = "numpy", version = "2.3.0", source = {{ registry = "https://index.example/simple" }}, marker = "python_full_version >= '3.13'" }},
    {{ name = "from-git" }},
    {{ name = "web", extra = ["fast"], marker = "sys_platform == 'linux'" }},
    {{ name = "near" }},
    {{ name = "by-url" }},
    {{ name = "nothing" }},
]
[package.optional-dependencies]
more = [{{ name = "unwanted" }}]
[package.dev-dependencies]
dev = [{{ name = "unwanted" }}]

[[package]]
name = "numpy"
version = "2.0.0"
source = {{ registry = "https://index.example/simple" }}
resolution-markers = ["python_full_version < '3.13'"]
sdist = {{ url = "https://ada:secret@files.example/numpy-2.0.0.tar.gz", hash = "{SHA}", size = 10 }}
wheels = [
    {{ url = "https://files.example/numpy-2.0.0-cp311-cp311-manylinux_2_17_x86_64.whl", hash = "{SHA}", size = 5 }},
]

[[package]]
name = "numpy"
version = "2.3.0"
source = {{ registry = "https://index.example/simple" }}
resolution-markers = ["python_full_version >= '3.13'"]
wheels = [{{ url = "https://files.example/numpy-2.3.0-py3-none-any.whl", hash = "{SHA}" }}]

[[package]]
name = "from-git"
version = "1.0"
source = {{ git = "https://ada:secret@git.example/x/from-git?rev=main&subdirectory=inner#{COMMIT}" }}

[[package]]
name = "web"
version = "1.0"
source = {{ registry = "https://ada:secret@index.example/simple" }}
wheels = [{{ url = "https://files.example/web-1.0-py3-none-any.whl", hash = "{SHA}" }}]
[package.optional-dependencies]
fast = [{{ name = "engine" }}, {{ name = "web" }}]

[[package]]
name = "engine"
version = "3.0"
source = {{ registry = "https://index.example/simple" }}
wheels = [{{ url = "https://files.example/engine-3.0-py3-none-any.whl", hash = "{SHA}" }}]
dependencies = [{{ name = "web", marker = "os_name == 'nt'" }}]

[[package]]
name = "near"
version = "0.2"
source = {{ editable = "libraries/near" }}

[[package]]
name = "by-url"
version = "4.0"
source = {{ url = "https://files.example/by_url-4.0-py3-none-any.whl?token=secret" }}
wheels = [{{ url = "https://files.example/by_url-4.0-py3-none-any.whl", hash = "{SHA}" }}]

[[package]]
name = "nothing"
version = "0"
source = {{ virtual = "libraries/nothing" }}

[[package]]
name = "unwanted"
version = "1.0"
source = {{ registry = "https://index.example/simple" }}
"""  # noqa: E501


def test_a_uv_lock_is_followed_from_the_project() -> None:
    locked = uv_lock.read(UV_LOCK.encode(), "uv.lock")

    assert [(p.name, p.version) for p in locked.packages] == [
        ("by-url", "4.0"), ("engine", "3.0"), ("from-git", "1.0"), ("near", "0.2"),
        ("numpy", "2.0.0"), ("numpy", "2.3.0"), ("web", "1.0"),
    ]  # fmt: skip
    found = by_name(locked)
    assert found["web"].marker == found["engine"].marker == 'sys_platform == "linux"'
    assert found["from-git"].origin == Vcs(
        "git", "https://git.example/x/from-git", COMMIT, "main", "inner"
    )
    assert found["near"].origin == Directory("libraries/near", editable=True)
    assert isinstance(found["by-url"].origin, Archive)
    assert found["numpy"].version == "2.3.0"
    assert found["numpy"].marker == 'python_full_version >= "3.13"'
    assert selected(locked, HERE)["numpy"].version == "2.0.0"


def test_no_credentials_reach_what_is_written() -> None:
    locked = uv_lock.read(UV_LOCK.encode(), "uv.lock")

    text = pylock.write(locked).decode() + requirements.write(locked)

    assert "secret" not in text
    assert "ada" not in text
    assert "https://files.example/numpy-2.0.0.tar.gz" in text


def test_what_is_written_of_a_uv_lock_is_valid_and_selects_what_uv_would() -> None:
    checked = validated(uv_lock.read(UV_LOCK.encode(), "uv.lock"))

    chosen = {str(p.name): str(p.version) for p, _ in checked.select(environment=linux())}

    assert chosen["numpy"] == "2.0.0"
    assert "engine" in chosen


def linux() -> Environment:
    here = default_environment()
    here["python_full_version"], here["python_version"] = "3.11.7", "3.11"
    return here


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "low", "1.0")
    wheel(folder, "middle", "2.0", requires=["low; sys_platform == 'linux'"])
    wheel(folder, "top", "3.0", requires=["middle"])
    return folder


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels with extras, markers and a cycle."""
    folder = tmp_path_factory.mktemp("more")
    fast = ["engine; sys_platform != 'win32'", "gear; python_version < '3.12'"]
    wheel(folder, "many", "1.0", requires=["gear; sys_platform == 'darwin'"], extras={"fast": fast})
    wheel(folder, "engine", "1.0", requires=["many", "oil; sys_platform == 'linux'"])
    wheel(folder, "gear", "1.0", requires=["oil"])
    wheel(folder, "oil", "1.0")
    return folder


@pytest.fixture
def project(tmp_path: Path, wheels: Path, more: Path) -> Path:
    """A project with a lock that uv made."""
    wishes = ["top", "neighbour", "many[fast]; python_version < '3.13'", "many; os_name == 'nt'"]
    folder = source(tmp_path / "project", "project", requires=wishes)
    source(folder / "neighbour", "neighbour", "0.5", requires=["low"])
    with (folder / "pyproject.toml").open("a") as file:
        file.write('[dependency-groups]\ndev = ["middle"]\n[tool.uv]\nno-index = true\n')
        file.write(f'find-links = ["{wheels}", "{more}"]\n')
        file.write('[tool.uv.sources]\nneighbour = { path = "neighbour", editable = true }\n')
    uv("lock", "--python", sys.executable, cwd=folder)
    return folder


def test_a_lock_that_uv_made_agrees_with_what_uv_exports(project: Path) -> None:
    locked = uv_lock.read((project / "uv.lock").read_bytes(), "uv.lock")

    exported = uv("export", "--format", "pylock.toml", "--no-dev", "-q", cwd=project)
    theirs = pylock.read(exported.encode(), "theirs")

    assert by_name(locked).keys() == by_name(theirs).keys() - {"project"}
    assert by_name(locked)["neighbour"].origin == by_name(theirs)["neighbour"].origin
    for here in elsewhere():
        assert selected(locked, here).keys() == selected(theirs, here).keys() - {"project"}


def elsewhere() -> Iterator[dict[str, str]]:
    """Markers of other systems and other Pythons."""
    for system, name in (("linux", "posix"), ("win32", "nt"), ("darwin", "posix")):
        for minor in ("3.11", "3.12", "3.13", "3.14"):
            versions = {"python_version": minor, "python_full_version": f"{minor}.1"}
            yield {**HERE, "sys_platform": system, "os_name": name, **versions}


def hashed(wheels: Path) -> Locked:
    """A lock of the wheels, each where it is."""
    packages = []
    for path in wheels.glob("*.whl"):
        digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        name, version = path.name.split("-")[:2]
        file = LockedFile(path.name, (digest,), path.as_uri())
        packages.append(Package(name, version, files=(file,)))
    return Locked(tuple(packages))


def test_uv_installs_from_what_is_written(wheels: Path, tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_bytes(pylock.write(hashed(wheels)))
    uv("venv", tmp_path / "env", "--python", sys.executable)

    said = uv(
        *("pip", "install", "--preview-features", "pylock", "--no-index"),
        *("--python", tmp_path / "env", "-r", tmp_path / "pylock.toml"),
    )

    assert "Installed 3 packages" in said


def test_pip_installs_from_what_is_written_and_demands_every_hash(
    wheels: Path, tmp_path: Path
) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(requirements.write(hashed(wheels)))
    options = ("--no-index", "--require-hashes", "--find-links", wheels, "-r", file)

    said = pip("install", "--dry-run", "--target", tmp_path / "none", *options)

    assert "Would install low-1.0 middle-2.0 top-3.0" in said
    file.write_text(file.read_text().replace("sha256:", "sha256:0", 1))
    with pytest.raises(AssertionError):
        pip("install", "--dry-run", "--target", tmp_path / "none", *options)


def test_a_requirements_file_that_pip_would_take_is_a_lock(wheels: Path) -> None:
    text = "--index-url https://ada:secret@index.example/simple  # ours\n"
    text += (
        requirements.write(hashed(wheels)) + f"\nfrom-git @ git+https://a@b.example/x@{COMMIT}\n"
    )

    locked = requirements.read(text.encode(), "requirements.txt")

    assert locked
    assert by_name(locked)["from-git"].origin == Vcs("git", "https://b.example/x", COMMIT)
    assert by_name(locked)["top"].all_hashes == by_name(hashed(wheels))["top"].all_hashes
    assert locked.is_hashed
    assert "example/simple" not in pylock.write(locked).decode()


def test_pip_takes_requirements_of_which_some_have_no_hash(wheels: Path, tmp_path: Path) -> None:
    whole = hashed(wheels)
    low = Package("low", "1.0")
    partly = Locked((low, *(p for p in whole.packages if p.name != "low"), FOLDER))
    file = tmp_path / "requirements.txt"
    file.write_text(requirements.write(partly))

    options = ("--no-index", "--find-links", wheels, "--target", tmp_path / "none", "-r", file)
    said = pip("install", "--dry-run", *options)

    assert "Would install low-1.0 middle-2.0 top-3.0" in said
    assert "--hash" not in file.read_text()
    assert file.read_text().startswith("# Of some packages no hash is known")
    assert file.read_text().endswith("# near 0.2 was installed from ../near\n")
    assert "--hash" in requirements.write(Locked((*whole.packages, FOLDER)))


@pytest.mark.parametrize(
    "line",
    [
        "numpy", "numpy>=1", "numpy==1.*", "numpy==1,==1.0", "-r other.txt", "-e .", "./here",
        "x @ git+https://a.example/x@main", "x @ file:///here/x.whl", "???", "",
    ],
)  # fmt: skip
def test_a_requirements_file_that_is_a_wish_is_no_lock(line: str) -> None:
    assert requirements.read(f"# a comment\n{line}\n".encode(), "requirements.txt") is None


def test_what_pip_resolves_of_an_incomplete_lock_is_refused_and_not_left_out() -> None:
    locked = Locked((Package("numpy", "2.0"), Package("low", "1.0", hashes=(SHA,))))

    checked = validated(locked)

    with pytest.raises(PylockSelectError, match="does not satisfy"):
        list(checked.select())
    assert pylock.read(pylock.write(locked), "again") == Locked(
        (Package("low", "1.0", hashes=(SHA,)), Package("numpy", "2.0"))
    )


def test_uv_refuses_an_incomplete_lock(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_bytes(pylock.write(Locked((Package("numpy", "2.0"),))))

    with pytest.raises(AssertionError, match="not supported by the lockfile"):
        uv(*("pip", "install", "--dry-run", "--preview-features", "pylock", "--python"),
           *(sys.executable, "-r", tmp_path / "pylock.toml"))  # fmt: skip


def test_a_poetry_lock_gives_the_main_group_alone() -> None:
    text = f"""
[[package]]
name = "Numpy"
version = "2.0.0"
optional = false
groups = ["main", "dev"]
markers = {{ main = "python_version < \\"3.13\\"", dev = "python_version > \\"3\\"" }}
files = [{{ file = "numpy-2.0.0.tar.gz", hash = "{SHA}" }}]
[[package]]
name = "pytest"
version = "9.0"
groups = ["dev"]
[[package]]
name = "extra"
version = "9.0"
optional = true
groups = ["main"]
[[package]]
name = "from-git"
version = "1.0"
groups = ["main"]
[package.source]
type = "git"
url = "https://git.example/x"
reference = "main"
resolved_reference = "{COMMIT}"
[metadata]
lock-version = "2.1"
"""

    locked = groups.read_poetry(text.encode(), "poetry.lock")

    assert locked.packages == (
        Package("from-git", "1.0", origin=Vcs("git", "https://git.example/x", COMMIT, "main")),
        Package("numpy", "2.0.0", marker='python_version < "3.13"', hashes=(SHA,)),
    )
    validated(locked)


def test_a_pdm_lock_gives_the_default_group_alone() -> None:
    text = f"""
[[package]]
name = "numpy"
version = "2.0.0"
groups = ["default"]
marker = "sys_platform == 'linux'"
files = [{{ file = "numpy-2.0.0.tar.gz", hash = "{SHA}" }}]
[[package]]
name = "numpy"
version = "2.0.0"
extras = ["fast"]
groups = ["default"]
marker = "sys_platform == 'linux'"
files = [{{ file = "numpy-2.0.0.tar.gz", hash = "{SHA}" }}]
[[package]]
name = "here"
version = "0"
path = "./here"
editable = true
groups = ["default"]
[[package]]
name = "pytest"
version = "9.0"
groups = ["test"]
"""

    locked = groups.read_pdm(text.encode(), "pdm.lock")

    assert [p.name for p in locked.packages] == ["here", "numpy"]
    assert by_name(locked)["here"].origin == Directory("./here", editable=True)


def test_mlflow_and_conda_get_the_yaml_that_they_know() -> None:
    locked = Locked((Package("numpy", "2.0", "os_name != 'nt'"), Package("pip", "26.0")))

    python_env = yaml.safe_load(listing.python_env(locked, "3.11.7"))
    conda = yaml.safe_load(listing.conda(locked, "3.11.7", "fraud: yes"))

    assert python_env == {
        "python": "3.11.7",
        "build_dependencies": ["pip==26.0", "setuptools", "wheel"],
        "dependencies": ["numpy==2.0 ; os_name != 'nt'", "pip==26.0"],
    }
    assert conda["name"] == "fraud: yes"
    assert conda["dependencies"][0] == "python=3.11.7"
    assert conda["dependencies"][2] == {"pip": ["numpy==2.0 ; os_name != 'nt'", "pip==26.0"]}


# Anything a lock may say, for what is written to be read again.
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9]{0,6}(-[a-z0-9]{1,3})?)", fullmatch=True)
RELEASES = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,2}){0,2}(rc1|\.post1)?", fullmatch=True)
HASHES = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
MARKERS = st.none() | st.sampled_from(
    ['sys_platform == "linux"', 'python_version < "3.12" or os_name == "nt"']
)
TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=8)
PLACES = st.builds("https://files.example/{}".format, TEXTS)
ORIGINS = st.one_of(
    st.builds(Vcs, st.just("git"), PLACES, st.just(COMMIT), st.none() | st.just("main")),
    st.builds(Directory, st.text(min_size=1).filter(str.isprintable), st.booleans()),
    st.builds(Archive, PLACES, st.tuples(HASHES)),
)


@st.composite
def packages(draw: st.DrawFn) -> Package:
    name, release = draw(NAMES), draw(RELEASES)
    file = f"{name.replace('-', '_')}-{release}"
    kind = draw(st.sampled_from(["pin", "hashes", "files", "origin"]))
    files = (
        LockedFile(f"{file}.tar.gz", (draw(HASHES),), f"https://files.example/{file}.tar.gz"),
        LockedFile(f"{file}-py3-none-any.whl", (draw(HASHES),), draw(PLACES), size=7),
    )
    return Package(
        name,
        release,
        draw(MARKERS),
        files=files if kind == "files" else (),
        origin=draw(ORIGINS) if kind == "origin" else None,
        hashes=(draw(HASHES),) if kind == "hashes" else (),
    )


@given(st.lists(packages(), max_size=6, unique_by=lambda p: p.name))
@tries(100)
def test_what_is_written_is_valid_and_read_as_it_was(found: list[Package]) -> None:
    locked = Locked(tuple(sorted(found, key=lambda p: p.name)), ">=3.11", ('os_name == "posix"',))

    validated(locked)
    assert pylock.read(pylock.write(locked), "again") == locked


READERS: list[Callable[[bytes, str], Locked | None]] = [
    pylock.read, uv_lock.read, groups.read_poetry, groups.read_pdm, requirements.read,
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("1") | st.just("."),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["name", "version", "source", "editable", "registry", "git", "dependencies", "wheels",
             "url", "hash", "hashes", "marker", "groups", "files", "vcs", "directory", "path",
             "archive", "sdist", "extra", "optional-dependencies", "tool", "lading", "packages"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return '""' if value is None else json.dumps(value)


@given(
    raw=st.binary(max_size=300)
    | st.builds(
        lambda key, entries: f'lock-version="1.0"\nversion=1\n{key} = {toml(entries)}'.encode(),
        st.sampled_from(["package", "packages", "tool", "manifest"]),
        VALUES,
    ),
    reader=st.sampled_from(READERS),
)
@tries(300)
def test_garbage_is_refused_and_nothing_worse(
    raw: bytes, reader: Callable[[bytes, str], Locked | None]
) -> None:
    try:
        locked = reader(raw, "garbage")
    except InvalidInput as error:
        assert error.cause
        return

    if locked is not None:
        pylock.read(pylock.write(locked), "again")


@pytest.mark.parametrize(
    "entry",
    [
        'name = "a\\nb"',
        'name = "a"\nversion = "1 --index-url https://evil.example"',
        'name = "a"\nversion = "1"\nmarker = "sys_platform == 1 or ("',
        'name = "a"\nversion = "1"\nwheels = [{url = "https://x.example/b-1-py3-none-any.whl"}]',
        'name = "a"\nversion = "1"\nwheels = [{url = "https://x.example/a-2-py3-none-any.whl"}]',
        'name = "a"\nvcs = {type = "git", url = "https://x.example", commit-id = "1 --hash=x"}',
        'name = "a"\nvcs = {type = "cmd", url = "https://x.example", commit-id = "1"}',
    ],
)
def test_an_entry_that_lies_is_refused(entry: str) -> None:
    with pytest.raises(InvalidInput):
        pylock.read(f'lock-version = "1.0"\n[[packages]]\n{entry}\n'.encode(), "hostile")


@pytest.mark.parametrize("end", ["\u2028", "\x85", " --config-settings=x=y", "\x0b"])
def test_no_line_of_requirements_says_more_than_a_package(end: str) -> None:
    url = f"https://x.example/a-1.tar.gz{end}evil==1"
    entry = {"name": "a", "archive": {"url": url, "hashes": {"sha256": "0f" * 32}}}
    told = f'lock-version = "1.0"\npackages = {toml([entry])}'

    text = requirements.write(pylock.read(told.encode(), "hostile"))

    assert "evil" not in text


def test_endless_needs_end() -> None:
    edges = ", ".join(
        f"""{{ name = "p{to}", marker = "python_version > '3.{to}'" }}""" for to in range(60)
    )
    entries = "".join(
        f'[[package]]\nname = "p{at}"\nversion = "1"\ndependencies = [{edges}]\n'
        f"source = {{ {'editable' if at == 0 else 'registry'} = '.' }}\n"
        for at in range(60)
    )

    locked = uv_lock.read(f"version = 1\n{entries}".encode(), "uv.lock")

    assert len(locked.packages) == 59
    assert by_name(locked)["p7"].marker == 'python_version > "3.7"'


PARTS = st.sampled_from(
    ["os_name == 'posix'", "os_name == 'nt'", "sys_platform == 'linux' or os_name == 'nt'"]
)
CONDITIONS = st.recursive(
    st.just(ALWAYS),
    lambda inner: st.builds(both, inner, st.none() | PARTS) | st.builds(either, inner, inner),
    max_leaves=12,
)


@given(one=CONDITIONS, other=CONDITIONS, part=PARTS)
def test_conditions_hold_where_their_parts_do(one: Condition, other: Condition, part: str) -> None:
    for name, system in (("posix", "linux"), ("nt", "win32"), ("java", "linux")):
        here = {**HERE, "os_name": name, "sys_platform": system}

        def true(condition: Condition, here: dict[str, str] = here) -> bool:
            return holds(written(condition), here)

        assert true(either(one, other)) == (true(one) or true(other))
        assert true(both(one, part)) == (true(one) and holds(part, here))


def test_of_several_locks_the_one_that_agrees_counts(tmp_path: Path, wheels: Path) -> None:
    stale = pylock.write(Locked((Package("top", "2.0", hashes=(SHA,)),)))
    (tmp_path / "pylock.toml").write_bytes(stale)
    (tmp_path / "pylock.broken.toml").write_text("nonsense")
    (tmp_path / "requirements.txt").write_text(requirements.write(hashed(wheels)))

    found, notes = project_lock(
        tmp_path, direct={"top"}, versions={"top": "3.0", "low": "1.0"}, markers=HERE
    )

    assert found
    assert (found.source, found.missing, found.differs) == ("requirements.txt", (), ())
    assert len(notes) == 1
    assert "pylock.broken.toml" in notes[0]


@given(
    user=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=4, max_size=9),
    secret=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=4, max_size=9),
    scheme=st.sampled_from(["https", "ssh", "git+ssh", "file"]),
)
def test_no_password_and_no_query_stays_in_a_url(user: str, secret: str, scheme: str) -> None:
    clean = clean_url(f"{scheme}://_{user}:_{secret}@host.example/a?token=_{secret}#_{secret}")

    assert clean == f"{scheme}://host.example/a"
    assert clean_url(clean) == clean


def test_ssh_keeps_its_user() -> None:
    assert clean_url("ssh://git@host.example/a") == "ssh://git@host.example/a"
    assert clean_url("https://token@host.example/a") == "https://host.example/a"


def test_groups_that_nobody_asked_for_do_not_count() -> None:
    raw = b"""
lock-version = "1.0"
created-by = "test"
extras = ["fast"]
dependency-groups = ["dev", "main"]
default-groups = ["main"]
[[packages]]
name = "development"
version = "1"
marker = "'dev' in dependency_groups"
[[packages]]
name = "extra"
version = "1"
marker = "'fast' in extras"
[[packages]]
name = "needed"
version = "1"
marker = "'main' in dependency_groups"
"""

    locked = pylock.read(raw, "pylock.toml")

    assert list(selected(locked, HERE)) == ["needed"]
    assert pylock.read(pylock.write(locked), "again") == locked


@pytest.mark.parametrize(
    "change",
    [
        ('requires-python = ">=3.11"', 'requires-python = "soon"'),
        ("version = 1\n", "version = 2\n"),
        ('name = "engine" }, { name = "web" }', 'name = "nobody" }'),
        ("\"sys_platform == 'linux'\"", "\"extra == 'extra-3-project-more'\""),
        ('source = { editable = "." }', 'source = { registry = "." }'),
        (f"#{COMMIT}", ""),
        ("engine-3.0-py3", "engine-3.1-py3"),
    ],
)
def test_a_uv_lock_that_cannot_be_followed_is_refused(change: tuple[str, str]) -> None:
    assert change[0] in UV_LOCK

    with pytest.raises(InvalidInput):
        uv_lock.read(UV_LOCK.replace(*change).encode(), "uv.lock")
