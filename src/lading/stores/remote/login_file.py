"""Keeping a login: the one place that writes docker's and podman's credential files.

Everything else in such a file stays as it is; readers see the old file or the new one, never
half of one, and nobody but its owner may read it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from lading.errors import LocalFailure
from lading.stores.remote.credentials import (
    Credential,
    CredentialFile,
    Helper,
    HelperFailed,
    parse_config,
    server_of,
)

_log = logging.getLogger(__name__)


def remember(path: Path, host: str, username: str, secret: str) -> str:
    """Keep a login in a file, or with the helper that the file names; says where it went.

    Raises:
        InvalidInput: the file cannot be understood.
        LocalFailure: it cannot be written, or the helper fails.
    """
    with _locked(path) as target:
        config = _read(target)
        helper = next(CredentialFile.of(path, _raw(target)).helpers_of(host), None)
        if helper is not None:
            _stored(helper, path, host, username, secret)
        # Docker marks what a helper keeps with an empty entry.
        entry = {} if helper else _entry(username, secret)
        _entries(config)[server_of(host)] = entry
        _write(target, config)
    return helper.program if helper else str(path)


def forget(path: Path, host: str) -> tuple[str, ...]:
    """Forget a login in a file and with its helpers; says where there was one.

    Raises:
        InvalidInput: the file cannot be understood.
        LocalFailure: it cannot be written, or a helper keeps what it should forget.
    """
    if CredentialFile.read(path) is None:
        return ()
    with _locked(path) as target:
        file = CredentialFile.of(path, _raw(target))
        programs = [helper.program for helper in file.helpers_of(host) if _erased(helper, host)]
        keys = list(file.keys_of(host))
        if keys:
            config = _read(target)
            for key in keys:
                del _entries(config)[key]
            _write(target, config)
        held = any(file.entries[key] for key in keys)
    return (*programs, str(path)) if held else tuple(programs)


def _stored(helper: Helper, path: Path, host: str, username: str, secret: str) -> None:
    try:
        helper.store(server_of(host), username, secret)
    except HelperFailed as error:
        raise LocalFailure(
            f"cannot keep the login for {host}",
            cause=str(error),
            hint=f"{path} names this helper (credHelpers, credsStore): install it or take it out",
        ) from error


def _erased(helper: Helper, host: str) -> bool:
    """Whether the helper kept a login, which it does no more."""
    try:
        if helper.get(server_of(host)) is None:
            return False
    except HelperFailed as error:
        _log.warning("%s", error)
        return False
    try:
        helper.erase(server_of(host))
    except HelperFailed as error:
        raise LocalFailure(f"cannot forget the login for {host}", cause=str(error)) from error
    return True


def _entry(username: str, secret: str) -> dict[str, str]:
    if Credential.of(username, secret, "").identity_token:
        return {"identitytoken": secret}
    return {"auth": base64.b64encode(f"{username}:{secret}".encode()).decode()}


def _entries(config: dict[str, object]) -> dict[str, object]:
    entries = config.setdefault("auths", {})
    if entries is None:
        entries = config["auths"] = {}
    assert isinstance(entries, dict)  # CredentialFile has parsed it
    return entries


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """The real file, for this process alone. The lock is its folder's: no file stays behind."""
    # The file may be a link into a folder of dotfiles; that is where it is replaced.
    target = path.resolve()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield target
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        os.close(folder)


def _raw(target: Path) -> bytes:
    try:
        return target.read_bytes()
    except FileNotFoundError:
        return b""


def _read(target: Path) -> dict[str, object]:
    return parse_config(target, _raw(target))


def _write(target: Path, config: dict[str, object]) -> None:
    # Docker's own indentation, so that a file under version control shows only the change.
    raw = (json.dumps(config, indent="\t", ensure_ascii=False) + "\n").encode()
    partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
        try:
            _give_to_owner(file.fileno(), target)
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _give_to_owner(fd: int, target: Path) -> None:
    """Under sudo the file stays its owner's."""
    try:
        owner = target.stat()
    except FileNotFoundError:
        return
    if owner.st_uid != os.geteuid():
        os.fchown(fd, owner.st_uid, owner.st_gid)


def _unwritable(path: Path, error: OSError) -> LocalFailure:
    return LocalFailure(
        f"cannot change {path}",
        cause=error.strerror or type(error).__name__,
        hint="logins are kept there; see to its rights, or set DOCKER_CONFIG to another folder",
    )
