"""For programs written for oras-py: a registry that pushes and pulls Lading versions.

Everything that is no model stays oras-py's own affair. Imported only by who wants it; it calls
verbs, since it is a door for such programs, in the shape of their library.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import oras.defaults
import oras.provider
import oras.utils
import requests

from lading.errors import InvalidInput, Unsupported
from lading.spec import mediatypes
from lading.spec.digest import Digest
from lading.spec.reference import Reference

if TYPE_CHECKING:
    from oras.container import Container

    from lading.operations.push import PushResult
    from lading.settings import Settings
    from lading.spec.words import Words


class Registry(oras.provider.Registry):  # type: ignore[misc]  # oras-py has no types
    """``oras.provider.Registry``, whose ``push`` and ``pull`` know Lading versions.

    ``push`` of one folder or one file makes a Lading version; several files, media types, a
    config, a subject or a file of annotations make the ordinary artifact that oras-py makes of
    them. ``pull`` unpacks Lading versions and ModelPack artifacts, and leaves everything else
    to oras-py. Lading's errors are raised as they are (:mod:`lading.errors`).
    """

    def __init__(
        self,
        hostname: str | None = None,
        insecure: bool = False,
        tls_verify: bool | str = True,
        auth_backend: str = "token",
        *,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(hostname, insecure, tls_verify, auth_backend)
        self._settings = settings
        self._given = _decoded(getattr(self.auth, "_basic_auth", None))
        self._remember_what_is_given()

    def push(  # noqa: PLR0917  oras-py's own signature
        self,
        target: str,
        config_path: str | None = None,
        disable_path_validation: bool = False,
        files: Sequence[str | os.PathLike[str]] | None = None,
        manifest_config: str | None = None,
        annotation_file: str | None = None,
        manifest_annotations: Mapping[str, str] | None = None,
        subject: Any = None,
        do_chunked: bool = False,
        chunk_size: int = oras.defaults.default_chunksize,
        quiet: bool = False,
    ) -> requests.Response:
        """Push one folder or one file as a Lading version, anything else as oras-py does.

        Annotations become the version's description, authors, licences and marks. The
        response's ``Docker-Content-Digest`` is the version's digest.

        Raises:
            FileNotFoundError: there is no such path.
            ValueError: the path lies outside the current folder, unless that is not checked.
            LadingError: as ``lading.push``; versions need a tag such as 1.0.0.
        """
        path = _only_path(files)
        if path is None or manifest_config or annotation_file or subject:
            response: requests.Response = super().push(
                target,
                config_path,
                disable_path_validation,
                [str(file) for file in files or ()],
                manifest_config,
                annotation_file,
                dict(manifest_annotations) if manifest_annotations else None,
                subject,
                do_chunked,
                chunk_size,
                quiet,
            )
            return response
        if not disable_path_validation and not self._validate_path(path):
            raise ValueError(f"Blob {path} is not in the present working directory context.")
        from lading.operations.publishing.captured import NOTHING
        from lading.operations.push import push

        reference = _reference(self.get_container(target))
        result = push(
            path,
            reference,
            # Programs written for oras-py expect to find what they gave, and nothing else.
            capture=NOTHING,
            settings=self._settings_for(reference, config_path),
            **_words(manifest_annotations or {}),
        )
        return _response(result)

    def pull(
        self,
        target: str,
        config_path: str | None = None,
        allowed_media_type: list[str] | None = None,
        overwrite: bool = True,
        outdir: str | None = None,
    ) -> list[str]:
        """Pull a model's files into a folder, anything else as oras-py does; says their paths.

        ``overwrite=False`` refuses to touch a file that is there with other content.

        Raises:
            LadingError: as ``lading.pull``.
        """
        reference = _reference(self.get_container(target))
        settings = self._settings_for(reference, config_path)
        found = _model(reference, settings)
        if found is None:
            files: list[str] = super().pull(
                target, config_path, allowed_media_type, overwrite, outdir
            )
            return files
        from lading.operations.pull import pull

        digest, paths = found
        folder = Path(outdir or oras.utils.get_tmpdir())
        # By digest, so that what was looked at is what comes, also when the tag moves meanwhile.
        pull(reference.with_digest(digest), folder, force=overwrite, settings=settings)
        return [str(folder / path) for path in (paths or _below(folder))]

    def _settings_for(self, reference: Reference, config_path: str | None) -> Settings:
        """Lading's settings, with what this registry was told."""
        from lading.settings import load

        settings = self._settings or load()
        if self.prefix == "http" and reference.host:
            settings = replace(settings, insecure=settings.insecure | {reference.host})
        elif self._tls_verify is False:
            raise Unsupported(
                "Lading does not speak TLS without checking certificates",
                cause="tls_verify=False",
                hint="tls_verify='ca.pem' names an authority to trust",
            )
        if isinstance(self._tls_verify, str):
            settings = replace(settings, ca_file=Path(self._tls_verify))
        if config_path:
            files = (Path(config_path), *settings.credential_files)
            settings = replace(settings, credential_files=files)
        if self._given:
            username, password = self._given
            settings = replace(settings, username=username, password=password)
        return settings

    def _remember_what_is_given(self) -> None:
        """Note the password that the program gives.

        The backend keeps what it finds in files in the same place, whichever host it was found
        for: only what was given is passed on.
        """
        known = self.auth.set_basic_auth

        def set_basic_auth(username: str, password: str) -> None:
            self._given = (username, password)
            known(username, password)

        self.auth.set_basic_auth = set_basic_auth


def _only_path(files: Sequence[str | os.PathLike[str]] | None) -> str | None:
    """The one path to push; None where it is not one, or where it has a media type."""
    if not files or len(files) != 1:
        return None
    path = oras.utils.split_path_and_content(str(files[0]))
    if path.content:
        return None
    if not Path(path.path).exists():
        raise FileNotFoundError(f"{path.path} does not exist.")
    return str(path.path)


def _reference(container: Container) -> Reference:
    """Where that is, in Lading's words."""
    reference = Reference.parse(container.uri)
    if reference.host is None:
        raise InvalidInput(
            f"{container.uri} does not name a registry", hint="write HOST/NAME:1.0.0"
        )
    return reference


def _model(reference: Reference, settings: Settings) -> tuple[Digest, list[str]] | None:
    """The digest and the files of a model; None where it is something else."""
    from lading.operations.stores import open_store
    from lading.packing.artifact import recognise
    from lading.packing.listing import listing

    store = open_store(reference, settings)
    root = store.resolve(reference.name or "")
    try:
        artifact = recognise(store, root, str(reference))
    except InvalidInput:
        return None
    return root.digest, sorted(file.path for file in listing(store, artifact) or ())


def _words(annotations: Mapping[str, str]) -> Words:
    """Annotations as what a version says of itself; the unknown ones are free marks."""
    known = (mediatypes.DESCRIPTION, mediatypes.AUTHORS, mediatypes.LICENSES)
    description, authors, licenses = (annotations.get(key) for key in known)
    return {
        "description": description,
        "authors": authors or (),
        "licenses": licenses or (),
        "tags": {key: value for key, value in annotations.items() if key not in known},
    }


def _response(result: PushResult) -> requests.Response:
    """What a program that looks at oras-py's response expects."""
    response = requests.Response()
    response.status_code = 201
    response.reason = "Created"
    response.headers["Docker-Content-Digest"] = result.digest
    response.raw = io.BytesIO()
    return response


def _below(folder: Path) -> list[str]:
    """Every file in a folder, where only its layers could tell what came."""
    return sorted(
        os.path.relpath(Path(place) / name, folder)
        for place, _, names in os.walk(folder)
        for name in names
    )


def _decoded(pair: str | None) -> tuple[str, str] | None:
    if not pair:
        return None
    username, _, password = base64.b64decode(pair).decode().partition(":")
    return username, password
