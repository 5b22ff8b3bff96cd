"""Docker or Podman, spoken to through its socket: builds and pushes. The one room that may.

What goes in is a stream and what comes out lines; an image has its name only when it is whole. A
build that is broken off leaves layers in the engine's cache and no image.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from lading.errors import AccessDenied, LadingError, NotFound, Unavailable
from lading.images import buildkit
from lading.images.build import Build, BuildFailed, fits, platform_of, wrong_platform
from lading.images.connecting import HINT, Connection, connected
from lading.images.endpoint import endpoints
from lading.images.failures import build_failure, push_failure
from lading.images.saying import (
    LONGEST_LINE,
    OnLine,
    Said,
    Sent,
    closing_answers,
    lines_of,
    pushed_digest,
    status_line,
)

if TYPE_CHECKING:
    from lading.images.context import Context


_BAD_REQUEST: Final = 400
_CLASSIC: Final = (
    "Docker's classic builder writes the time of the build into the image; Podman does not"
)
_BUILDKIT: Final = "BuildKit writes the time of the build into layers; Podman does not"


@dataclass(frozen=True, slots=True)
class Built:
    """An image that is in the engine, under its name."""

    name: str
    # The digest of its configuration: equal for equal images.
    id: str
    platform: str
    size: int
    builder: str
    # Why the same inputs may give another image; None where they do not.
    why_not: str | None
    # What the base was, where the engine knows.
    base_digest: str | None


class Engine:
    """A builder that answers; close it, or use it in ``with``."""

    def __init__(self, connection: Connection, environment: Mapping[str, str]) -> None:
        self._client = connection.client
        self._environment = environment
        self.endpoint = connection.endpoint
        self.kind = connection.kind
        self.version = connection.version

    @classmethod
    def find(cls, environment: Mapping[str, str], builder: str | None = None) -> Engine:
        """The engine that was chosen, else the first that answers.

        Raises:
            Unavailable: none does; says where it was looked for.
            AccessDenied: one is there, and this user may not speak to it.
        """
        refused: list[str] = []
        denied: AccessDenied | None = None
        for endpoint in endpoints(environment, builder):
            try:
                return cls(connected(endpoint), environment)
            except AccessDenied as error:
                denied = denied or error
            except Unavailable as error:
                refused.append(f"{endpoint.url} ({error.cause})")
        if denied:
            raise denied
        raise Unavailable(
            "no Docker and no Podman answers",
            cause=f"looked at {', '.join(refused)}"[:600],
            hint=HINT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the socket."""
        self._client.close()

    @property
    def name(self) -> str:
        """What it is, for people and for the record."""
        return f"{self.kind} {self.version}".strip()

    def build(self, build: Build, context: Context, *, on_line: OnLine | None = None) -> Built:
        """Build one image and give it its name.

        Raises:
            NotFound: there is no such base image.
            Unsupported: a package has no wheel for it, or the model cannot be loaded in it.
            PolicyRefused: loading the model would run code of its own, and nobody allowed that.
            Conflict: what the lock pins does not go together.
            LocalFailure: the disk is full, or something else of this machine is in the way.
        """
        command = buildkit.command(self._environment) if self.kind == "docker" else None
        said = Said(on_line)
        if on_line:
            context = replace(context, on_sent=Sent(on_line, context.size))
        if command:
            lines = buildkit.lines(command, self.endpoint, self._environment, build, context)
        else:
            lines = self._lines(build, context)
        with contextlib.closing(lines):
            try:
                for line in lines:
                    said.take(line)
            except BuildFailed as failed:
                said.take(str(failed))
                raise self._failure(build, said) from failed
        builder = f"{self.name} with BuildKit" if command else self.name
        return self._built(build, builder, _BUILDKIT if command else _CLASSIC)

    def push(
        self, name: str, credential: Mapping[str, str] | None, on_line: OnLine | None = None
    ) -> str | None:
        """Push an image under its name; the engine does it, with the credential given.

        The digest that the engine says it pushed; None where it does not say.

        Raises:
            Unavailable: the engine cannot reach the registry.
            AccessDenied: the registry refuses.
        """
        from docker.errors import DockerException

        repository, _, tag = name.rpartition(":")
        what = f"cannot push {name}"
        # Without a credential the engine must not look for one of somebody else's.
        auth = dict(credential or {})
        api = self._client.api
        digest = None
        try:
            with closing_answers(api):
                for event in api.push(
                    repository, tag=tag, stream=True, decode=True, auth_config=auth
                ):
                    if error := event.get("error"):
                        raise push_failure(what, str(error))
                    if on_line and (line := status_line(event)):
                        on_line(line.rstrip())
                    digest = pushed_digest(event) or digest
        except (DockerException, OSError, ValueError) as error:
            raise push_failure(what, str(error)) from error
        return digest

    def remove(self, name: str) -> None:
        """Take a name away; nothing where it is not there."""
        from docker.errors import APIError

        with contextlib.suppress(APIError):
            self._client.api.remove_image(name, noprune=True)

    def packages(self, name: str, path: str) -> bytes | None:
        """A small file of an image, read without running it; None where it has none."""
        from docker.errors import APIError

        container = self._client.api.create_container(name, ["nothing"])["Id"]
        try:
            stream, _ = self._client.api.get_archive(container, path)
            return _only_file(b"".join(stream))
        except APIError:
            return None
        finally:
            self._client.api.remove_container(container)

    def _lines(self, build: Build, context: Context) -> Generator[str]:
        """What the engine's own builder says, as it says it."""
        from docker.errors import DockerException

        asked = self._ask_podman if self.kind == "podman" else self._ask_docker
        try:
            with closing_answers(self._client.api):
                yield from lines_of(asked(build, context))
        except (DockerException, OSError, ValueError) as error:
            raise BuildFailed(str(error)) from error

    def _ask_docker(self, build: Build, context: Context) -> Iterator[Mapping[str, Any]]:
        events: Iterator[Mapping[str, Any]] = self._client.api.build(
            fileobj=context.stream(),
            custom_context=True,
            dockerfile="Dockerfile",
            tag=build.name,
            target=build.target,
            rm=True,
            forcerm=True,
            decode=True,
            nocache=build.fresh,
            network_mode=build.network,
            platform=build.platform,
            # The proxy of whoever builds is no part of the image.
            use_config_proxy=False,
        )
        return events

    def _ask_podman(self, build: Build, context: Context) -> Iterator[Mapping[str, Any]]:
        """Podman's own door: the one that is like Docker's writes the names of containers into
        images, and so no two are the same.
        """
        api = self._client.api
        asked = {
            "dockerfile": "Dockerfile",
            "t": build.name,
            "target": build.target,
            "rm": "true",
            "forcerm": "true",
            "layers": "true",
            "nocache": "true" if build.fresh else "false",
            # Docker's would keep the health check, for which OCI has no word, and would hold the
            # name of a container: no two images would be the same.
            "outputformat": "application/vnd.oci.image.manifest.v1+json",
            # Everything in the image is given this time.
            "timestamp": str(context.epoch),
            "networkmode": build.network,
            "platform": build.platform,
        }
        answer = api.post(
            f"{api.base_url}/v4.0.0/libpod/build",
            params={name: value for name, value in asked.items() if value is not None},
            data=context.stream(),
            headers={"Content-Type": "application/x-tar"},
            stream=True,
            timeout=None,
        )
        if answer.status_code >= _BAD_REQUEST:
            raise BuildFailed(answer.text[:LONGEST_LINE])
        for line in answer.iter_lines():
            yield json.loads(line)

    def _failure(self, build: Build, said: Said) -> LadingError:
        # Engines say of it that they cannot pull what is there.
        if (there := self._platform(build.base)) and not fits(there, build.platform):
            return wrong_platform(build, there)
        return build_failure(f"{build.target} was not built", said.lines, build.base)

    def _built(self, build: Build, builder: str, why_not: str) -> Built:
        from docker.errors import APIError

        try:
            found = self._client.api.inspect_image(build.name)
        except APIError as error:
            raise NotFound(f"{build.name} was built and is gone", cause=str(error)) from error
        platform = platform_of(found)
        if not fits(platform, build.platform):
            self.remove(build.name)
            raise wrong_platform(build, platform)
        return Built(
            name=build.name,
            id=str(found["Id"]),
            platform=platform,
            size=int(found.get("Size") or 0),
            builder=builder,
            why_not=None if self.kind == "podman" else why_not,
            base_digest=self._digest(build.base),
        )

    def _platform(self, image: str) -> str | None:
        """For which platform an image is; None where the engine does not have it."""
        from docker.errors import APIError

        try:
            return platform_of(self._client.api.inspect_image(image))
        except APIError:
            return None

    def _digest(self, image: str) -> str | None:
        """The digest that a registry knows an image by, as far as the engine was told."""
        from docker.errors import APIError

        if "@" in image:
            return image.partition("@")[2]
        try:
            digests = self._client.api.inspect_image(image).get("RepoDigests") or ()
        except APIError:
            return None
        return next((str(each).rpartition("@")[2] for each in digests), None)


def _only_file(archive: bytes) -> bytes | None:
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            if entry.isfile() and (file := tar.extractfile(entry)):
                return file.read()
    return None
