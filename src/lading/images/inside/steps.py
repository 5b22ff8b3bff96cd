"""The steps of a build that need thought: which Python, which packages, does the model load.

Written for the Python of any base image, and for its standard library alone. Whoever builds is
told of a failure in one line that starts with ``lading-build-failed:``, in JSON.

    steps.py python 3.11              the base has the Python that the model was made with
    steps.py base | train | runtime   installs what that stage needs into /opt/model
    steps.py loads /models            loads the model, as the server will
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

# Read by Pythons that have no other way to say it.
Entry = Dict[str, Any]
Files = Dict[Path, Tuple[str, str]]

FAILED = "lading-build-failed:"

HERE = Path(__file__).resolve().parent
PIP = Path("/opt/pip")
MODEL = Path("/opt/model")
ADDED = Path("/opt/added")
WHEELS = Path("/opt/wheels")
TEMPORARY = Path("/tmp")
# What was installed for which stage; it stays in the image, for whoever asks.
RECORD = "lading-packages.json"

QUIET = ("--no-input", "--disable-pip-version-check", "--no-cache-dir", "--progress-bar=off")
# A disk with less than this is full for who installs packages.
SPARE = 8 << 20
_SUFFIXES = (".tar.gz", ".zip", ".tar.bz2")


class Failed(Exception):
    """A step that cannot be done: what is the matter, with what belongs to it."""

    def __init__(self, kind: str, **details: object) -> None:
        super().__init__(kind)
        self.details: Dict[str, Any] = {"kind": kind, **details}


def main(arguments: list[str]) -> int:
    """Take one step; 1 where it failed, said in one line."""
    steps: Dict[str, Any] = {
        "python": python,
        "base": base,
        "train": train,
        "runtime": runtime,
        "loads": loads,
    }
    try:
        steps[arguments[0]](*arguments[1:])
    except Failed as failed:
        if shutil.disk_usage(str(MODEL.anchor)).free < SPARE:
            # Whatever a program made of it: that is why.
            failed.details = {"kind": "disk"}
        # In one piece, or a builder shows it in two lines.
        print(f"{FAILED} {json.dumps(failed.details)}", flush=True)
        return 1
    return 0


def python(wanted: str) -> None:
    """Stand still where the base has another Python: compiled packages would not fit."""
    found = "{}.{}".format(*sys.version_info[:2])
    if found != wanted:
        raise Failed("python", wanted=wanted, found=found)
    for folder, arguments in ((PIP, ()), (MODEL, ("--without-pip",))):
        command = [sys.executable, "-m", "venv", *arguments, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed("venv", said=(done.stdout + done.stderr)[-600:])


def base() -> None:
    """Install what the model needs by name, and what that needs, as the lock pins it."""
    _download("--requirement", HERE / "direct.txt", "--constraint", HERE / "constraints.txt")
    _install_locked()
    _finish("base")


def train() -> None:
    """Install everything in the lock."""
    _download("--no-deps", "--requirement", HERE / "constraints.txt")
    _install_locked()
    _finish("train")


def runtime() -> None:
    """Install Lading with its server; what the model needs stays as it is."""
    before = installed()
    wheels = sorted(HERE.glob("lading-*.whl"))
    requirement = (HERE / "runtime.txt").read_text().strip()
    if wheels:
        requirement = requirement.replace("{wheel}", str(wheels[0]))
    _pip(
        "install",
        "--no-compile",
        "--constraint",
        str(HERE / "runtime-constraints.txt"),
        requirement,
    )
    after = installed()
    changed = sorted(name for name, version in before.items() if after.get(name) != version)
    if changed:
        raise Failed("changed", packages=changed)
    _finish("runtime")


def loads(folder: str, *options: str) -> None:
    """Load the model as the server will, and let it answer the example that came with it."""
    from importlib import import_module

    before = set(TEMPORARY.glob("*"))
    try:
        trying = import_module("lading.operations.answering.trying")
        for note in trying.try_folder(folder, allow_pickle="--allow-pickle" in options):
            print("note:", note, flush=True)
    except BaseException as error:
        hint = getattr(error, "hint", None)
        said = "{}: {}".format(type(error).__name__, error)
        raise Failed("loads", said=said[:1000], hint=hint, refused=_is_refusal(error)) from error
    finally:
        _leave_nothing(before)


def _leave_nothing(before: set[Path]) -> None:
    """Frameworks write caches at home, which is here: they are no part of an image."""
    for path in set(TEMPORARY.glob("*")) - before:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(str(path), ignore_errors=True)
        else:
            path.unlink()


def installed() -> dict[str, str]:
    """The packages in the image's own environment: name to version."""
    found = {}
    for folder in MODEL.glob("lib/python*/site-packages/*.dist-info"):
        name, _, version = folder.name[: -len(".dist-info")].rpartition("-")
        found[normalised(name)] = version
    return dict(sorted(found.items()))


def chosen(folder: Path) -> Files:
    """What pip downloaded: file to name and version."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".whl"):
            name, version = path.name.split("-")[:2]
        else:
            suffix = next((each for each in _SUFFIXES if path.name.endswith(each)), "")
            name, _, version = path.name[: len(path.name) - len(suffix)].rpartition("-")
        found[path] = (normalised(name), version)
    return found


def held(files: Files, lock: list[Entry]) -> list[Entry]:
    """The entries of the lock for some files, each file held against its hashes.

    Fails where a package is not in the lock, or where its file is another one.
    """
    entries: Dict[str, List[Entry]] = {}
    for entry in lock:
        entries.setdefault(entry["name"], []).append(entry)
    taken = []
    for path, (name, version) in files.items():
        known = entries.get(name)
        if not known:
            raise Failed("unlocked", package=name, version=version)
        hashes = {each for entry in known for each in entry["hashes"]}
        if hashes and not any(_matches(path, each) for each in hashes):
            listed = sorted({each for entry in known for each in entry["files"]})
            raise Failed("hash", package=name, version=version, file=path.name, known=listed[:200])
        taken += [entry for entry in known if entry not in taken]
    return taken


def normalised(name: str) -> str:
    """A name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _matches(path: Path, wanted: str) -> bool:
    algorithm, _, digits = wanted.partition(":")
    try:
        made = hashlib.new(algorithm)
    except ValueError:
        return False
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            made.update(block)
    return made.hexdigest() == digits


def _download(*arguments: str | Path) -> None:
    shutil.rmtree(str(WHEELS), ignore_errors=True)
    WHEELS.mkdir(parents=True)
    formats = ["--only-binary=:all:"]
    sources = (HERE / "sources.txt").read_text().split()
    formats += ["--no-binary=" + ",".join(sources)] if sources else []
    try:
        _pip("download", "--dest", str(WHEELS), *formats, *map(str, arguments))
    except Failed as failed:
        try:
            _look_closer(failed, formats)
        except Failed as closer:
            failed = closer
        raise _with_files(failed) from failed


def _look_closer(failed: Failed, formats: list[str]) -> None:
    """pip calls it a conflict, too, where a pin is nowhere to be had: ask for each by itself."""
    causes = "\n".join(failed.details.get("causes", ()))
    for pin in sorted(set(re.findall(r"\(constraint\) ([^\s,;]+===?[^\s,;]+)", causes))):
        _pip("download", "--dest", str(WHEELS), *formats, "--no-deps", pin)


def _with_files(failed: Failed) -> Failed:
    """The failure, with the files that the lock knows of the package that is not to be had."""
    if failed.details["kind"] == "nothing":
        lock = json.loads((HERE / "lock.json").read_text())
        entries = [entry for entry in lock if entry["name"] == failed.details["package"]]
        failed.details["known"] = sorted({each for entry in entries for each in entry["files"]})
    return failed


def _install_locked() -> None:
    """Install what was downloaded, once all of it is known to be what the lock says."""
    files = chosen(WHEELS)
    if not files:
        return
    entries = held(files, json.loads((HERE / "lock.json").read_text()))
    hashed = [entry for entry in entries if entry["hashes"]]
    plain = [entry for entry in entries if not entry["hashes"]]
    sources = (HERE / "sources.txt").read_text().split()
    # What must be built needs its builder, and that comes from the index.
    place = () if sources else ("--no-index",)
    for name, chosen_entries, more in (
        ("hashed", hashed, ("--require-hashes",)),
        ("plain", plain, ()),
    ):
        if not chosen_entries:
            continue
        path = WHEELS / (name + ".txt")
        path.write_text("".join(_line(entry) for entry in chosen_entries))
        remote = any(" @ " in entry["line"] for entry in chosen_entries)
        _pip(
            "install",
            *(() if remote else place),
            "--find-links",
            str(WHEELS),
            "--no-deps",
            "--no-compile",
            *more,
            "--requirement",
            str(path),
        )


def _line(entry: Entry) -> str:
    return " ".join([entry["line"], *("--hash=" + each for each in entry["hashes"])]) + "\n"


def _pip(command: str, *arguments: str) -> None:
    """Let pip work on the image's environment; a failure says which package it is about."""
    line = [str(PIP / "bin/python"), "-m", "pip", "--python", str(MODEL / "bin/python")]
    line += [command, *QUIET, *arguments]
    said = []
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for text in process.stdout or ():
            print(text, end="", flush=True)
            said.append(text.strip())
    if process.returncode:
        raise Failed(**told(said))


def told(lines: list[str]) -> dict[str, Any]:
    """What pip's last words are about: a package that is not there, a conflict, or a full disk."""
    text = "\n".join(lines)
    if "No space left on device" in text:
        return {"kind": "disk"}
    missing = re.search(r"No matching distribution found for ([^\s(]+)", text)
    if missing:
        name, _, version = missing[1].partition("==")
        offered = re.search(r"from versions: ([^)]*)\)", text)
        unreachable = "NewConnectionError" in text or "Max retries exceeded" in text
        return {
            "kind": "index" if unreachable else "nothing",
            "package": normalised(name),
            "version": version.rstrip(",;"),
            "offered": offered[1][-200:] if offered else "",
        }
    conflict = re.search(r"Cannot install (.+?) because these package versions", text)
    if conflict:
        causes = [line for line in lines if " depends on " in line or "The user requested" in line]
        return {"kind": "conflict", "packages": conflict[1][:300], "causes": causes[:10]}
    failure = [line for line in lines if line.startswith("ERROR:")]
    return {"kind": "pip", "said": (failure or lines[-3:] or ["nothing"])[0][:600]}


def _finish(stage: str) -> None:
    """Compile, write down what is there, give everything one time, and set aside what is new."""
    _remove_tests()
    listing = WHEELS.parent / "before.txt"
    before = set() if stage == "base" else set(listing.read_text().split("\0"))
    _compile(path for path in _below(MODEL / "lib", "*.py") if path not in before)
    record = {"target": stage, "packages": installed()}
    (MODEL / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    now = list(_below(MODEL, "*"))
    if stage == "base":
        listing.write_text("\0".join(now))
    else:
        _set_aside(sorted(set(now) - before | {RECORD}))
    shutil.rmtree(str(WHEELS), ignore_errors=True)
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))
    for root in (MODEL, ADDED):
        for path in [*root.rglob("*"), *([root] if root.exists() else [])]:
            os.utime(str(path), (epoch, epoch), follow_symlinks=False)


def _remove_tests() -> None:
    """Packages bring their own tests along, a fifth of some; nothing that answers asks for them.

    Folders called ``test`` stay: with TensorFlow they are a part of what people call.
    """
    for folder in sorted(MODEL.glob("lib/python*/site-packages/*/**/tests")):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(str(folder), ignore_errors=True)


def _below(folder: Path, pattern: str) -> Iterable[str]:
    """The names of what lies below a folder of the environment, in order."""
    return sorted(str(path.relative_to(MODEL)) for path in folder.rglob(pattern))


def _compile(names: Iterable[str]) -> None:
    """Compile some modules, on every core, whatever their times. One that is no Python stays."""
    command = [str(MODEL / "bin/python"), "-m", "compileall", "-qq", "-j", "0", "-i", "-"]
    subprocess.run(
        [*command, "--invalidation-mode", "unchecked-hash"],
        input="".join(f"{MODEL / name}\n" for name in names),
        text=True,
        check=False,
    )


def _set_aside(names: list[str]) -> None:
    """What a stage added, so that its image is the one before and a layer."""
    shutil.rmtree(str(ADDED), ignore_errors=True)
    for name in names:
        path, copy = MODEL / name, ADDED / name
        if path.is_dir() and not path.is_symlink():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(str(path), str(copy), follow_symlinks=False)


def _is_refusal(error: BaseException) -> bool:
    return type(error).__name__ == "PolicyRefused"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
