"""Credentials: who we are to a registry, found where docker and podman keep it.

Finds, and asks helper programs; :mod:`lading.operations.login` writes. Nothing is sent
anywhere from here. What stands in a ``repr`` or in a log never includes a secret.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lading.errors import InvalidInput
from lading.stores.remote.origin import is_docker_hub

if TYPE_CHECKING:
    import subprocess

    from lading.settings import Settings

_log = logging.getLogger(__name__)

# The user name under which helpers keep identity tokens.
TOKEN_USER = "<token>"  # noqa: S105  a name, no secret
# Docker's own key for Docker Hub, in its files and towards helpers.
_HUB_SERVER = "https://index.docker.io/v1/"
_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
# Helpers may start a slow program (gcloud) or ask a person to open a keychain.
HELPER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name with a password, or a token to get tokens with, or a ready token."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    source: str = ""

    @classmethod
    def of(cls, username: str, secret: str, source: str) -> Credential:
        """A pair as helpers give it, where ``<token>`` marks an identity token."""
        if username == TOKEN_USER:
            return cls(identity_token=secret, source=source)
        return cls(username, secret, source=source)

    @property
    def has_password(self) -> bool:
        """Whether it can be used where a name and a password are asked for."""
        return bool(self.password)

    def __bool__(self) -> bool:
        return bool(self.password or self.identity_token or self.registry_token)


@dataclass(frozen=True, slots=True)
class Helper:
    """A ``docker-credential-NAME`` program."""

    name: str
    timeout: float = HELPER_SECONDS

    @property
    def program(self) -> str:
        """The program's name."""
        return f"docker-credential-{self.name}"

    def get(self, server: str) -> Credential | None:
        """What it keeps for a server.

        Raises:
            HelperFailed: it is missing, slow, or does not do its work.
        """
        done = self._run("get", server)
        if done.returncode:
            if "credentials not found" in done.stdout.lower():
                return None
            raise HelperFailed(self.program, _complaint(done))
        try:
            answer = json.loads(done.stdout)
            username, secret = answer.get("Username", ""), answer["Secret"]
            # An empty answer is how some helpers say that they have nothing.
            found = Credential.of(str(username), str(secret), self.program)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            # Not chained: the text that could not be read may hold the secret.
            raise HelperFailed(self.program, "its answer cannot be read") from None
        return found or None

    def store(self, server: str, username: str, secret: str) -> None:
        """Have it keep a secret.

        Raises:
            HelperFailed: it did not.
        """
        pair = {"ServerURL": server, "Username": username, "Secret": secret}
        self._change("store", json.dumps(pair))

    def erase(self, server: str) -> None:
        """Have it forget.

        Raises:
            HelperFailed: it did not.
        """
        self._change("erase", server)

    def _change(self, verb: str, text: str) -> None:
        done = self._run(verb, text)
        if done.returncode:
            raise HelperFailed(self.program, _complaint(done))

    def _run(self, verb: str, text: str) -> subprocess.CompletedProcess[str]:
        if _HELPER_NAME.fullmatch(self.name) is None:
            raise HelperFailed(f"docker-credential-{self.name[:60]!r}", "no name for a program")
        import subprocess

        try:
            return subprocess.run(
                [self.program, verb],
                input=text,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=self.timeout,
                check=False,
            )
        except FileNotFoundError:
            raise HelperFailed(self.program, "it is not installed") from None
        except subprocess.TimeoutExpired:
            # Not chained: the exception holds what was written to the program.
            cause = f"no answer within {self.timeout:.0f} s"
            raise HelperFailed(self.program, cause) from None
        except OSError as error:
            raise HelperFailed(self.program, error.strerror or "it cannot be started") from error


class HelperFailed(Exception):
    """A helper program did not do its work; its text never holds a secret."""

    def __init__(self, program: str, cause: str) -> None:
        super().__init__(f"{program}: {cause}")
        self.program = program
        self.cause = cause


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """One of docker's or podman's files, as far as it says who we are."""

    path: Path
    helpers: Mapping[str, str]
    store: str | None
    entries: Mapping[str, Mapping[str, object]] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> CredentialFile | None:
        """The file; None where there is none, or none that may be read.

        Raises:
            InvalidInput: it is no such file; names it and never shows what is in it.
        """
        try:
            status = path.stat()
            return _parsed(path, (status.st_mtime_ns, status.st_size, status.st_ino))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            # `sudo docker login` leaves a file that only root may read. Docker goes on, too.
            _log.warning("cannot read credentials from %s: %s", path, error.strerror)
            return None

    @classmethod
    def of(cls, path: Path, raw: bytes) -> CredentialFile:
        """Parse a file's bytes.

        Raises:
            InvalidInput: they are no such file.
        """
        value = parse_config(path, raw)
        helpers = _table(path, value, "credHelpers")
        store = value.get("credsStore")
        if not isinstance(store, str | None):
            raise _broken(path, "credsStore is not a string")
        entries = _table(path, value, "auths")
        for key, entry in entries.items():
            if not isinstance(entry, dict):
                raise _broken(path, f"the entry of {key!r} is not an object")
        return cls(
            path,
            {host: name for host, name in helpers.items() if isinstance(name, str)},
            store or None,
            {key: entry for key, entry in entries.items() if isinstance(entry, dict)},
        )

    def helpers_of(self, host: str, timeout: float = HELPER_SECONDS) -> Iterator[Helper]:
        """The helpers to ask about a host, best first."""
        for key, name in self.helpers.items():
            if normal_key(key) == host:
                yield Helper(name, timeout)
        if self.store:
            yield Helper(self.store, timeout)

    def keys_of(self, name: str) -> Iterator[str]:
        """The keys under which a host, or a path below one, has an entry; the exact one first."""
        same = (key for key in self.entries if normal_key(key) == name)
        yield from sorted(same, key=lambda key: key != name)

    def credential(self, key: str) -> Credential | None:
        """What stands in the file under a key.

        Raises:
            InvalidInput: it cannot be read.
        """
        entry = self.entries[key]
        username, password = self._pair(key, entry)
        found = Credential.of(username, password, str(self.path))
        return (
            Credential(
                found.username,
                found.password,
                _text(entry, "identitytoken") or found.identity_token,
                _text(entry, "registrytoken"),
                str(self.path),
            )
            or None
        )

    def _pair(self, key: str, entry: Mapping[str, object]) -> tuple[str, str]:
        auth = _text(entry, "auth")
        if not auth:
            return _text(entry, "username"), _text(entry, "password")
        try:
            pair = base64.b64decode("".join(auth.split()), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _broken(self.path, f"auth of {key!r} is not base64") from None
        username, colon, password = pair.partition(":")
        if not colon:
            raise _broken(self.path, f"auth of {key!r} is not a user name, a colon, a password")
        # Docker pads with NULs and takes them away again.
        return username, password.strip("\0")


class Credentials:
    """Looks up who we are, in a fixed order of places."""

    def __init__(
        self,
        given: Credential | None,
        files: Iterable[Path],
        *,
        helper_timeout: float = HELPER_SECONDS,
    ) -> None:
        self._given = given
        self._files = tuple(files)
        self._helper_timeout = helper_timeout

    @classmethod
    def of(cls, settings: Settings) -> Credentials:
        """What the settings name: flags and environment first, then the files in their order."""
        given = Credential(
            settings.username or "",
            settings.password or "",
            settings.identity_token or "",
            source="the environment or a flag",
        )
        return cls(given or None, settings.credential_files)

    def find(self, name: str) -> Credential | None:
        """The credential for ``HOST[:PORT][/REPOSITORY]``; None where there is none.

        A helper that fails is left out with a warning, as docker does it.

        Raises:
            InvalidInput: a file cannot be understood; names it.
        """
        if self._given:
            return self._given
        name = normal_key(name)
        for path in self._files:
            file = CredentialFile.read(path)
            if file and (found := self._find_in(file, name)):
                return found
        return None

    def _find_in(self, file: CredentialFile, name: str) -> Credential | None:
        host = name.partition("/")[0]
        for helper in file.helpers_of(host, self._helper_timeout):
            try:
                if found := helper.get(server_of(host)):
                    return found
            except HelperFailed as error:
                _log.warning("no credentials for %s from %s", host, error)
        for place in _places(name):
            for key in file.keys_of(place):
                if found := file.credential(key):
                    return found
        return None


def normal_key(key: str) -> str:
    """A key as docker or podman writes it, as ``HOST[:PORT][/PATH]`` that can be compared."""
    scheme, separator, rest = key.rpartition("://")
    host, _, path = rest.partition("/")
    # With a scheme it is docker's old form, whose path is its protocol's and not a scope.
    path = "" if separator or path in ("v1/", "v2/") else path.strip("/")
    host = host.lower()
    if scheme != "http":
        host = host.removesuffix(":443")
    host = "docker.io" if is_docker_hub(host) else host
    return f"{host}/{path}" if path else host


def server_of(host: str) -> str:
    """What docker calls a registry, towards helpers and in its file."""
    return _HUB_SERVER if is_docker_hub(host) else host


def parse_config(path: Path, raw: bytes) -> dict[str, object]:
    """The whole JSON object of a credential file.

    Raises:
        InvalidInput: it is none; names the file and never shows what is in it.
    """
    try:
        value = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):
        raise _broken(path, "it is not JSON") from None
    if not isinstance(value, dict):
        raise _broken(path, "it is not a JSON object")
    return value


@functools.lru_cache(maxsize=16)
def _parsed(path: Path, _stamp: tuple[int, int, int]) -> CredentialFile:
    return CredentialFile.of(path, path.read_bytes())


def _places(name: str) -> Iterator[str]:
    """``host/a/b``, ``host/a``, ``host``."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def _table(path: Path, value: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = value.get(name)
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise _broken(path, f"{name} is not an object")
    return table


def _text(entry: Mapping[str, object], name: str) -> str:
    text = entry.get(name)
    return text if isinstance(text, str) else ""


def _broken(path: Path, cause: str) -> InvalidInput:
    return InvalidInput(
        f"cannot read credentials from {path}", cause=cause, hint="mend the file or move it away"
    )


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed helper said; helpers write their errors to standard output."""
    text = (done.stdout.strip() or done.stderr.strip()).splitlines()
    # What looks like an answer might hold a secret.
    said = text[0][:200] if text and "{" not in text[0] else f"exit status {done.returncode}"
    return "".join(letter if letter.isprintable() else "?" for letter in said)
