"""kubectl: the one place where it is started. What it prints is what a cluster says, unchecked.

Never through a shell, never without an end, and with nobody there to answer what it might ask. Who
calls it says what is wanted; what a document means is not known here.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lading.errors import (
    AccessDenied,
    Conflict,
    IntegrityError,
    InvalidInput,
    LadingError,
    LocalFailure,
    NotFound,
    Unavailable,
    Unsupported,
)
from lading.settings import process_environment
from lading.spec.encoding import decode_object
from lading.spec.plain import Fields, tables

if TYPE_CHECKING:
    import subprocess

PROGRAM: Final = "kubectl"
SECONDS: Final = 60.0
# Some twenty thousand pods; beyond that, one namespace at a time.
LIMIT: Final = 256 * 1024 * 1024
_LONGEST_COMPLAINT: Final = 64 * 1024
_SHOWN: Final = 500

# Of a pod a cluster says that changing it is forbidden, to anybody.
_FIXED: Final = ("field is immutable", "updates may not change fields")
_OWN_DIFF: Final = "KUBECTL_EXTERNAL_DIFF"
_NAMESPACE: Final = re.compile(r'namespaces "([a-z0-9-]{1,63})" not found', re.ASCII)
# What the libraries in it log, try after try: "E1122 08:00:00.000000 1 memcache.go:265] …".
_LOGGED: Final = re.compile(
    r"^[IWEF]\d{4} [\d:.]+ +\d+ [\w./-]+:\d+\] .*(?:\n\t.*|\n >.*)*\n?", re.ASCII | re.MULTILINE
)
# What it says, in lower case: the first that fits, and what may be done about it.
_REFUSALS: Final[tuple[tuple[tuple[str, ...], type[LadingError], str | None], ...]] = (
    # Before all else: why a file cannot be read may be anything, its end too.
    (
        ("error loading config file",),
        InvalidInput,
        "mend the kubeconfig; KUBECONFIG names another",
    ),
    (
        ("(invalid)", "(badrequest)", "denied the request"),
        Conflict,
        None,
    ),
    (
        (
            "doesn't have a resource type",
            "could not find the requested resource",
            "no matches for kind",
            "(notfound)",
        ),
        NotFound,
        None,
    ),
    (
        ("forbidden", "unauthorized", "must be logged in", "x509: certificate signed by"),
        AccessDenied,
        "kubectl auth can-i --list",
    ),
    (
        (
            "unable to connect",
            "was refused",
            "no such host",
            "timeout",
            "timed out",
            "deadline",
            "eof",
        ),
        Unavailable,
        "kubectl cluster-info says whether it answers",
    ),
    (
        ("context", "kubeconfig", "configuration", "current-context", "no server"),
        InvalidInput,
        "kubectl config get-contexts",
    ),
)


class CannotChange(Conflict):
    """What is there already stays as it is, whoever asks: it can only be made anew."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What kubectl answered, and how it ended."""

    code: int
    output: bytes
    complaint: str


@dataclass(frozen=True, slots=True)
class Kubectl:
    """A cluster, as a kubeconfig and a person name it; asked when a method is called."""

    context: str | None = None
    # None is every namespace where something is listed, and else the kubeconfig's own.
    namespace: str | None = None
    seconds: float = SECONDS

    def run(
        self,
        *words: str,
        given: bytes = b"",
        accepted: Collection[int] = (0,),
        doing: str | None = None,
        limit: int = LIMIT,
    ) -> Printed:
        """Run it with these words; ``given`` is what it reads.

        Raises:
            LocalFailure: it is not installed, or cannot be started.
            InvalidInput: the kubeconfig has no such context, or cannot be read.
            AccessDenied, Conflict, NotFound, Unavailable: the cluster refuses, does not take it,
                has no such thing, or does not answer in time.
            Unsupported: it prints more than anybody can use.
        """
        doing = doing or f"run kubectl {words[0]}"
        printed = self._run([*words, *self._place()], given, doing, limit)
        if printed.code not in accepted:
            raise _refusal(doing, printed.complaint)
        return printed

    def listed(self, kind: str) -> list[Fields]:
        """Every object of a kind, in the namespace or in all of them.

        Raises:
            LadingError: as for :meth:`run`; NotFound where the cluster knows no such kind.
            IntegrityError: what it says is no list.
        """
        everywhere = () if self.namespace else ("--all-namespaces",)
        doing = f"list {kind} of the cluster"
        raw = self.run("get", kind, *everywhere, "--output=json", doing=doing).output
        items = decode_object(raw, f"what kubectl says of {kind}").get("items")
        # Taken for an empty list, it would say that nothing runs.
        if not isinstance(items, list):
            raise IntegrityError(
                f"cannot {doing}",
                cause="what kubectl says has no list in it",
                hint="kubectl cluster-info says who answers",
            )
        return tables(items)

    def context_name(self) -> str:
        """What the kubeconfig calls the cluster that is asked.

        Raises:
            LadingError: as for :meth:`run`; InvalidInput where it names none.
        """
        if self.context:
            return self.context
        raw = Kubectl(seconds=self.seconds).run(
            "config", "current-context", doing="find the current context", limit=4096
        )
        return raw.output.decode("utf-8", "replace").strip()

    def usual_namespace(self) -> str:
        """Where the kubeconfig puts what names no namespace itself.

        Raises:
            LadingError: as for :meth:`run`.
        """
        asked = "--output=jsonpath={.contexts[0].context.namespace}"
        raw = self.run(
            "config", "view", "--minify", asked, doing="find the namespace", limit=4096
        ).output
        return raw.decode("utf-8", "replace").strip() or "default"

    def _place(self) -> list[str]:
        """Each in one word, so that no name is taken for an option."""
        context = [f"--context={self.context}"] if self.context else []
        return context + ([f"--namespace={self.namespace}"] if self.namespace else [])

    def _run(self, words: list[str], given: bytes, doing: str, limit: int) -> Printed:
        import subprocess

        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
            stdin.write(given)
            stdin.seek(0)
            try:
                process = subprocess.Popen(
                    [PROGRAM, *words],
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=_environment(),
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise LocalFailure(
                    f"cannot {doing}",
                    cause="kubectl is not installed",
                    hint="https://kubernetes.io/docs/tasks/tools/",
                ) from None
            except OSError as error:
                raise LocalFailure(f"cannot {doing}", cause=error.strerror) from error
            output = _whatever_it_prints(process, self.seconds, limit, doing)
            stderr.seek(0)
            complaint = stderr.read(_LONGEST_COMPLAINT).decode("utf-8", "replace")
            return Printed(process.returncode, output, complaint)


def _environment() -> dict[str, str]:
    """What kubectl sees: not a program of somebody's own to compare with.

    Some end with 0 whatever they found, and then nothing would seem to differ.
    """
    return {key: text for key, text in process_environment().items() if key != _OWN_DIFF}


def can_ask(environment: Mapping[str, str]) -> str | None:
    """Why no cluster can be asked from here; None where one can. Nothing is started for it."""
    if shutil.which(PROGRAM, path=environment.get("PATH")) is None:
        return "kubectl is not installed"
    named = environment.get("KUBECONFIG")
    home = Path(environment.get("HOME") or Path.home())
    files = named.split(os.pathsep) if named else [str(home / ".kube" / "config")]
    if any(file and Path(file).is_file() for file in files):
        return None
    if environment.get("KUBERNETES_SERVICE_HOST"):
        return None  # inside of a pod, kubectl finds its own
    return f"there is no kubeconfig ({named or '~/.kube/config'})"


def _whatever_it_prints(
    process: subprocess.Popen[bytes], seconds: float, limit: int, doing: str
) -> bytes:
    """Its output, within a time and a size; afterwards it has ended, with all that it started."""
    late = threading.Event()

    def end() -> None:
        late.set()
        _end(process)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    assert process.stdout is not None
    try:
        with process.stdout as stream:
            output = stream.read(limit + 1)
        if len(output) > limit:
            raise Unsupported(
                f"cannot {doing}",
                cause=f"kubectl prints more than {limit} bytes",
                hint="--namespace NAME asks for one namespace",
            )
        process.wait()
    finally:
        timer.cancel()
        _end(process)
    if late.is_set():
        raise Unavailable(
            f"cannot {doing}",
            cause=f"kubectl did not end within {seconds:.0f} s",
            hint="kubectl get pods says whether the cluster answers",
        )
    return output


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and the programs that it asks for credentials: they are its process group."""
    try:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it ended at this very moment
    process.wait()


def _refusal(doing: str, complaint: str) -> LadingError:
    """The error for what kubectl says; it has one exit code for everything."""
    # What kubectl says itself comes last; where it says nothing, its log is better than nothing.
    whole = " ".join((_LOGGED.sub("", complaint).strip() or complaint).split())
    # Of a job a cluster says all that it is, and why it may not be otherwise at the very end.
    said = whole if len(whole) <= _SHOWN else f"{whole[: _SHOWN - 200]} … {whole[-200:]}"
    said = said or "no reason given"
    low = said.lower()
    what = f"cannot {doing}"
    if any(word in low for word in _FIXED):
        return CannotChange(what, cause=said, hint="kubectl replace --force makes it anew")
    if found := _NAMESPACE.search(low):
        return NotFound(what, cause=said, hint=f"kubectl create namespace {found[1]}")
    for words, error, hint in _REFUSALS:
        if any(word in low for word in words):
            return error(what, cause=said, hint=hint)
    return Unavailable(what, cause=said, hint="kubectl cluster-info says whether it answers")
