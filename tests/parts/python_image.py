"""A base image with Python and pip, made of this machine's own files: nobody has to download one.

Debian's python3 with its standard library, what both need to start, a shell, and the machine's
certificates, so that pip inside of a build reaches the index that the machine's pip does.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import parts
from parts.process import run

NAME = "localhost/python:local"
# What `docker import` is told.
CHANGES = (
    "ENV PATH=/usr/bin:/bin",
    "ENV LANG=C.UTF-8",
    "ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
)

PYTHON = Path("/usr/bin/python3")
_PROGRAMS = ("sh", "cat", "ls", "find", "sha256sum", "stat", "sleep", "echo", "cp", "rm", "mkdir")
_WHOLE = ("/usr/share/python-wheels", "/etc/ssl/certs/ca-certificates.crt", "/etc/mime.types")
_LIBRARIES = (
    *("libstdc++.so.6", "libgcc_s.so.1", "libgomp.so.1", "libnss_dns.so.2"),
    *("libpthread.so.0", "librt.so.1", "libdl.so.2", "libutil.so.1"),
)
_LEFT_OUT = shutil.ignore_patterns("test", "tests", "idlelib", "config-3*")


def version() -> str:
    """The Python in it, as ``3.11``."""
    return run(PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()


def archive(file: Path) -> Path:
    """A tar of its root file system."""
    parts.require("busybox", "tar")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        _shell(root)
        _python(root)
        for name in ("tmp", "opt", "proc", "dev", "sys"):
            (root / name).mkdir(exist_ok=True)
        (root / "tmp").chmod(0o1777)
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
        run("tar", "-C", root, "--sort=name", "-cf", file, ".")
    return file


def _shell(root: Path) -> None:
    (root / "bin").mkdir()
    busybox = Path(parts.found("busybox"))
    _copy(root, busybox.resolve(), root / "bin/busybox")
    for name in _PROGRAMS:
        (root / "bin" / name).symlink_to("busybox")


def _python(root: Path) -> None:
    name = f"python{version()}"
    real = PYTHON.resolve()
    _copy(root, real, root / "usr/bin" / real.name)
    (root / "usr/bin/python3").symlink_to(real.name)
    library = Path("/usr/lib") / name
    shutil.copytree(library, root / library.relative_to("/"), ignore=_LEFT_OUT, symlinks=True)
    for module in library.glob("lib-dynload/*.so"):
        _libraries(root, module)
    for path in map(Path, _WHOLE):
        if path.is_dir():
            shutil.copytree(path, root / path.relative_to("/"))
        elif path.exists():
            (root / path.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / path.relative_to("/"))
    # Compiled packages need these, and no module of the standard library names them.
    for needed in _LIBRARIES:
        for found in Path("/lib").glob(f"*/{needed}"):
            _copy(root, found.resolve(), root / found.relative_to("/"))


def _copy(root: Path, source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    _libraries(root, source)


def _libraries(root: Path, program: Path) -> None:
    for word in run("ldd", program, check=False).stdout.split():
        if word.startswith("/"):
            copy = root / word.lstrip("/")
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path(word).resolve(), copy)
