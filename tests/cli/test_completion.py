"""What a shell is offered while somebody types: values, offline, at once, and never any harm."""

from __future__ import annotations

import json
import resource
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import found
from parts.command import Command
from parts.pace import pace
from parts.typing_in import Terminal

from lading.catalogue import Catalogue, Facts, Measured, ReadVersion, RepositoryState, StagesKnown
from lading.catalogue.catalogue import FILE
from lading.cli import shells
from lading.cli.app import app
from lading.cli.completion import answered, read
from lading.spec import mediatypes
from lading.spec.descriptor import Descriptor
from lading.spec.digest import Digest

REMOTE = "registry.example.com/ml/fraud"
HOSTILE = (
    "registry.example.com/$(touch pwned)",
    "registry.example.com/`touch pwned`",
    "registry.example.com/x;touch pwned",
    "registry.example.com/a b",
    "registry.example.com/a'b",
    'registry.example.com/a"b',
    "registry.example.com/\x1b[2J",
    "registry.example.com/a\nb",
    "registry.example.com/*",
    "registry.example.com/--force",
    "--force",
    "~root",
)


def stock(home: Path, repository: str, *tags: str) -> None:
    """A repository of the local store, as far as its names go."""
    folder = home / "store" / repository / "_oci"
    folder.mkdir(parents=True)
    entries = [
        {
            "mediaType": mediatypes.IMAGE_INDEX,
            "digest": Digest.of(tag.encode()),
            "size": 1,
            "annotations": {mediatypes.REF_NAME: tag},
        }
        for tag in tags
    ]
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))


def remember(cache: Path, base: str, *tags: str, metrics: tuple[str, ...] = ("auc",)) -> None:
    """A repository that a search has looked at."""
    facts = Facts({}, tuple(Measured(name, 0.9) for name in metrics))
    versions = [
        ReadVersion(
            tag,
            Descriptor.of(tag.encode(), mediatypes.IMAGE_INDEX),
            Digest.of(f"{base}:{tag}".encode()),
            facts,
        )
        for tag in tags
    ]
    state = RepositoryState("f", "l", StagesKnown({"canary": (Digest.of(b"x"),)}))
    with Catalogue(cache / FILE) as catalogue:
        catalogue.put(base, state, (), versions)


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store and a cache where the command line of this test has them, too."""
    monkeypatch.setenv("LADING_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LADING_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stocked(tmp_path: Path) -> Path:
    """Two models on this machine, one known from a registry."""
    data = tmp_path / "data"
    tags = ("1.0.0", "1.10.0", "1.9.0", "latest", "prod", "evt.00000001.0123456789abcdef")
    stock(data, "ml/fraud", *tags)
    stock(data, "ml/fraud-eu", "0.1.0")
    remember(tmp_path / "cache", REMOTE, "2.0.0", "3.0.0", metrics=("f1", "rmse"))
    return tmp_path


def offered(line: str, shell: str = "fish") -> list[str]:
    """The words that are offered for a line up to the cursor."""
    text = answered(shell, {"_LADING_LINE": line}, app)
    return [each.partition("\t")[0] for each in text.splitlines()]


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lading status ml/", ["ml/fraud", "ml/fraud-eu"]),
        ("lading status ml/fraud-", ["ml/fraud-eu"]),
        ("lading pull ml/", ["ml/fraud", "ml/fraud-eu"]),
        # Of one model alone the versions come along.
        ("lading pull ml/fraud-", ["ml/fraud-eu", "ml/fraud-eu:0.1.0"]),
        ("lading pull ml/fraud:1.1", ["ml/fraud:1.10.0"]),
        ("lading ledger verify ml/fraud-", ["ml/fraud-eu"]),
        ("lading watch ml/fraud ml/fraud-", ["ml/fraud-eu"]),
        ("lading copy ml/fraud:1.0.0 ml/fraud-", ["ml/fraud-eu", "ml/fraud-eu:0.1.0"]),
        ("lading serve ml/fraud:1.0.0 --shadow ml/fraud:1.1", ["ml/fraud:1.10.0"]),
        (
            "lading image assemble ml/fraud:1.0.0 --base ml/fraud-",
            ["ml/fraud-eu", "ml/fraud-eu:0.1.0"],
        ),
        ("lading status reg", [REMOTE]),
        ("lading pull registry.example.com/ml/fraud:2", [f"{REMOTE}:2.0.0"]),
        ("lading rollback ml/fraud prod --to ", ["1.10.0", "1.9.0", "1.0.0"]),
        ("lading rollback ml/fraud prod --to=1.1", ["--to=1.10.0"]),
        (f"lading best {REMOTE} --metric ", ["f1", "rmse"]),
        ("lading best ml/fraud --metric r", ["rmse"]),
        ("lading promote ml/fraud:1.0.0 registry.", [REMOTE]),
        ("lading pull nothing/like/it:1", []),
        ("lading pull ../../", []),
    ],
)
def test_names_are_offered_where_they_are_asked_for(line: str, words: list[str]) -> None:
    assert offered(line) == words


@pytest.mark.usefixtures("stocked")
def test_the_newest_version_comes_first_and_stages_after_them() -> None:
    tags = [word.partition(":")[2] for word in offered("lading pull ml/fraud:")]

    assert tags == ["1.10.0", "1.9.0", "1.0.0", "prod", "latest"]


@pytest.mark.usefixtures("stocked")
def test_a_registrys_versions_and_stages_are_what_the_last_search_saw() -> None:
    assert offered(f"lading pull {REMOTE}:") == [
        f"{REMOTE}:3.0.0",
        f"{REMOTE}:2.0.0",
        f"{REMOTE}:canary",
    ]


@pytest.mark.usefixtures("stocked")
def test_names_of_the_default_registry_are_offered_as_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LADING_REGISTRY", "registry.example.com/ml")

    assert offered("lading pull fr") == ["fraud", "fraud:3.0.0", "fraud:2.0.0", "fraud:canary"]
    assert offered("lading status ml/") == []


def test_repositories_of_the_settings_are_offered_before_they_were_ever_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LADING_REPOSITORIES", "example.com/a/b example.com/all/*")

    assert offered("lading status ex") == ["example.com/a/b"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lading promote ml/fraud:1.0.0 ", ["dev", "staging", "shadow", "prod"]),
        ("lading approve ml/fraud:1.0.0 --stage s", ["staging", "shadow"]),
        ("lading watch ml/fraud --stage=st", ["--stage=staging"]),
        ("lading watch ml/fraud --kind as", ["assigned"]),
        ("lading hook serve ml/fraud --kind r", ["registered", "requested", "rejected"]),
        ("lading search x --format ", ["table", "json", "csv", "md"]),
        ("lading lock ml/fraud --format ", ["pylock", "requirements", "yaml", "conda"]),
        ("lading schema ml/fraud --format j", ["json-schema"]),
        ("lading attach ml/fraud file --type s", ["scan", "sbom"]),
        ("lading push . ml/fraud --without a", ["author", "all"]),
        ("lading policy ", ["show", "check", "init"]),
        ("lading image ", ["build", "dockerfile", "assemble", "sbom", "check"]),
        ("lading image build ml/fraud --target r", ["runtime"]),
        ("lading image check ml/fraud --target s", ["serve"]),
        ("lading serve ml/fraud --reload-stage p", ["prod"]),
        ("lading ledger r", ["repair"]),
        # Options that were given already do not talk into it.
        ("lading --version ledger r", ["repair"]),
    ],
)
def test_choices_are_offered(line: str, words: list[str]) -> None:
    assert offered(line) == words


def test_the_stages_are_those_of_the_policy_in_its_order(tmp_path: Path) -> None:
    policy = "stages: {test: {}, live: {protected: true}}\nmodels: [{match: x, stages: {beta: }}]\n"
    (tmp_path / "lading-policy.yaml").write_text(policy)
    (tmp_path / "other.yaml").write_text("stages: {one: , '$(id)': , 'a b': }\n")

    assert offered("lading promote ml/fraud ") == ["test", "live", "beta"]
    assert offered("lading clear ml/fraud --policy other.yaml ") == ["one"]


def test_a_broken_policy_leaves_the_usual_stages(tmp_path: Path) -> None:
    (tmp_path / "lading-policy.yaml").write_text("stages: [")

    assert offered("lading promote ml/fraud p") == ["prod"]


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lading pull ml/fraud:1.1", ["1.10.0"]),
        ("lading serve ml/fraud:1.1", ["1.10.0"]),
        ("lading image build ml/fraud:1.1", ["1.10.0"]),
        ("lading pull ml/fraud:", ["1.10.0", "1.9.0", "1.0.0", "prod", "latest"]),
        ("lading approve ml/fraud --stage=st", ["staging"]),
        # Within quotes readline breaks no words.
        ("lading pull 'ml/fraud:1.1", ["ml/fraud:1.10.0"]),
        ('lading pull "ml/fraud:1.1', ["ml/fraud:1.10.0"]),
    ],
)
def test_bash_gets_only_what_it_takes_for_the_last_word(line: str, words: list[str]) -> None:
    assert offered(line, "bash") == words


@pytest.mark.usefixtures("stocked")
def test_bash_may_break_words_elsewhere() -> None:
    asked = {"_LADING_LINE": "lading pull ml/fraud:1.1", "_LADING_BREAKS": " \t"}

    assert answered("bash", asked, app) == "ml/fraud:1.10.0"


# Hostile content


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_name_that_a_shell_would_not_take_for_a_word_is_not_offered(
    shell: str, tmp_path: Path
) -> None:
    for base in (REMOTE, *HOSTILE):
        remember(
            tmp_path / "cache", base, "1.0.0", "`touch pwned`", "$(x)", metrics=("a b", "$(x)")
        )
    stock(tmp_path / "data", "ml/local", "1.0.0", "$(x)", "a b", "x;y", "-rf")

    assert offered("lading status ", shell) == ["ml/local", REMOTE]
    assert offered(f'lading pull "{REMOTE}:', shell) == [f"{REMOTE}:1.0.0", f"{REMOTE}:canary"]
    assert offered('lading pull "ml/local:', shell) == ["ml/local:1.0.0"]
    assert offered(f"lading best {REMOTE} --metric ", shell) == []


@given(st.lists(st.text(max_size=12), max_size=6))
def test_whatever_a_folder_names_each_offer_is_one_plain_word(names: list[str]) -> None:
    settings = {"_LADING_LINE": "lading status "}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lading.operations.offering.models", lambda *_: names)

        for line in answered("bash", settings, app).splitlines():
            assert shlex.split(line, comments=True) == [line]
            assert not set(line) & set("*?[]{}~$`\\!#&|;<>()\"'")
            assert not line.startswith("-")


# Never loud


@pytest.mark.parametrize(
    "line",
    ["", "lading", "lading pull 'a \"", "lading pull \\", "lading xyzzy ", "lading pull --jobs x "],
)
def test_a_half_typed_line_is_met_with_silence(lading: Command, line: str) -> None:
    done = lading(_LADING_COMPLETE="complete_bash", _LADING_LINE=line)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("stocked")
def test_settings_that_cannot_be_read_are_not_told_of_here(lading: Command, tmp_path: Path) -> None:
    (tmp_path / "lading.toml").write_text("nonsense = [")

    done = lading(_LADING_COMPLETE="complete_bash", _LADING_LINE="lading pull ml/")

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_damaged_catalogue_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cache" / FILE
    path.parent.mkdir()
    path.write_bytes(content)

    words = offered("lading status reg")

    assert words == []
    assert [each.name for each in path.parent.iterdir()] == [FILE]
    assert path.read_bytes() == content


@pytest.mark.usefixtures("stocked")
def test_looking_leaves_no_trace(tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))

    words = offered("lading status reg")

    assert words == [REMOTE]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion", "--help"])
def test_the_tab_key_does_nothing_but_ask(home: Path, option: str) -> None:
    assert offered(f"lading {option} pul") == ["pull"]
    assert list(home.iterdir()) == []


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Somebody who would hear a request."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def test_no_registry_is_asked(
    tmp_path: Path, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = f"127.0.0.1:{listening.getsockname()[1]}"
    monkeypatch.setenv("LADING_REGISTRY", host)
    remember(tmp_path / "cache", f"{host}/ml/x", "1.0.0")

    words = [
        *offered(f"lading pull {host}/ml/x:"),
        *offered("lading pull ml/x:"),
        *offered("lading pull unknown:"),
    ]

    assert words == [f"{host}/ml/x:1.0.0", f"{host}/ml/x:canary", "ml/x:1.0.0", "ml/x:canary"]
    with pytest.raises(BlockingIOError):
        listening.accept()


# At once


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(
    "line", ["lading pull ml/fraud:", "lading promote ml/fraud ", "lading ledger verify m"]
)
def test_an_answer_takes_no_longer_than_a_glance(lading: Command, line: str) -> None:
    """Seconds of the processor: what else a machine does at that moment is not the point here."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert lading(_LADING_COMPLETE="complete_bash", _LADING_LINE=line).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(took) < 0.3 * pace()


@pytest.mark.parametrize(
    ("variables", "arguments", "expected"),
    [
        ({}, ["--version"], False),
        ({}, ["list"], False),
        ({"_LADING_COMPLETE": "complete_bash", "_LADING_LINE": "lading list m"}, [], True),
    ],
)
def test_nothing_of_it_is_imported_for_anything_else(
    lading: Command, variables: dict[str, str], arguments: list[str], expected: bool
) -> None:
    program = (
        "import sys\nfrom lading.cli.app import main\n"
        f"sys.argv = ['lading', *{arguments!r}]\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=lading.environment | variables,
        cwd=lading.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    modules = set(done.stderr.splitlines()[-1].split())
    mine = {"lading.cli.completion", "lading.cli.shells", "lading.operations.offering"}
    assert (mine <= modules, bool(mine & modules)) == (expected, expected)
    assert "pydantic" not in modules


# Real shells

SHELLS = {
    "bash": (["bash", "--norc", "-i"], "source script.bash"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "bindkey -e; autoload -Uz compinit; compinit -u -D; . ./script.zsh",
    ),
    "fish": (["fish", "--no-config", "-i"], "source script.fish"),
}


@pytest.fixture
def environment(lading: Command, stocked: Path) -> dict[str, str]:
    """Where a person's shell finds ``lading`` by its name."""
    program = stocked / "bin" / "lading"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom lading.cli.app import main\nmain()\n")
    program.chmod(0o755)
    (stocked / "home").mkdir()
    path = f"{program.parent}:{lading.environment['PATH']}"
    return lading.environment | {"PATH": path}


@pytest.mark.parametrize("shell", sorted(SHELLS))
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("lading inspect ml/fraud:1.1", "lading inspect ml/fraud:1.10.0"),
        ("lading approve ml/fraud --stage=sta", "lading approve ml/fraud --stage=staging"),
        ("lading status reg", f"lading status {REMOTE}"),
        ("lading verify script.", "lading verify script."),
    ],
)
def test_a_shell_completes_what_is_typed(
    environment: dict[str, str], tmp_path: Path, shell: str, typed: str, completed: str
) -> None:
    command, prepare = SHELLS[shell]
    found(command[0])
    script = shells.script(shell)
    (tmp_path / f"script.{shell}").write_text(script)
    if typed.endswith("script."):
        completed += shell  # a file, which the shell finds by itself

    with Terminal(command, environment, tmp_path) as terminal:
        terminal.press(f"{prepare}; echo rea''dy\r", until="ready")
        terminal.press(f"{typed}\t", until=completed.rpartition("/")[2].rpartition("=")[2][-4:])
        # The whole line is shown again, as an argument.
        terminal.press("\x01echo 'GO''T' \r", until=f"GOT {completed}")


@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_a_script_is_one_that_its_shell_can_read(tmp_path: Path, shell: str) -> None:
    path = tmp_path / "script"
    path.write_text(shells.script(shell))

    done = subprocess.run([found(shell), "-n", path], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_the_script_is_printed_for_the_shell_that_is_named(lading: Command, shell: str) -> None:
    done = lading(_LADING_COMPLETE=f"source_{shell}")

    assert (done.returncode, done.stdout) == (0, shells.script(shell))


def test_a_shell_that_is_not_known_is_said(lading: Command) -> None:
    done = lading(_LADING_COMPLETE="source_tcsh")

    assert done.returncode == 2
    assert "no completion for 'tcsh'" in done.stderr
    assert "bash, zsh, fish" in done.stderr


def test_an_older_script_of_zsh_is_given_nothing_to_run() -> None:
    assert answered("zsh", {"_TYPER_COMPLETE_ARGS": "lading pull "}, app) == "_files"


def test_the_variables_of_typers_own_scripts_are_understood() -> None:
    bash = read("bash", {"COMP_WORDS": "lading\npull\nml/", "COMP_CWORD": "2"})
    fish = read("fish", {"_TYPER_COMPLETE_ARGS": "lading pull ml/"})

    assert (bash.words, bash.incomplete) == (fish.words, fish.incomplete) == (("pull",), "ml/")


# Installing


@pytest.mark.parametrize(
    ("shell", "where", "startup"),
    [
        ("bash", ".bash_completions/lading.sh", ".bashrc"),
        ("zsh", ".zfunc/_lading", ".zshrc"),
        ("fish", ".config/fish/completions/lading.fish", None),
    ],
)
def test_installing_twice_is_installing_once(
    tmp_path: Path, shell: str, where: str, startup: str | None
) -> None:
    if startup:
        (tmp_path / startup).write_text("alias ll='ls -l'")

    paths = {shells.install(shell, {"HOME": str(tmp_path)}) for _ in range(2)}

    assert paths == {tmp_path / where}
    assert (tmp_path / where).read_text() == shells.script(shell)
    if startup:
        mine, added = (tmp_path / startup).read_text().splitlines()
        assert mine == "alias ll='ls -l'"
        assert added


def test_bash_completes_after_installing(environment: dict[str, str], tmp_path: Path) -> None:
    line = "lading --install-completion; exit $?"
    subprocess.run(["bash", "-c", line], env=environment, check=True, capture_output=True)

    with Terminal(["bash", "-i"], environment, tmp_path) as terminal:
        terminal.press("echo rea''dy\r", until="ready")
        terminal.press("lading inspect ml/fraud:1.1\t", until="1.10.0")
