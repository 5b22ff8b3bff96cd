"""Settings: the one place that reads the environment.

A flag wins over the environment, the environment over the project's ``lading.toml``, that over
the user's ``config.toml``, that over the default. A project file may not weaken the way
registries are spoken to, name mirrors that would be asked and believed in their place, nor replace
the user's policy: it comes with the folder, and the folder may come from anywhere.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from lading.errors import InvalidInput
from lading.spec.mirror import Mirrors, parse_mirrors
from lading.spec.nearest import nearest

_log = logging.getLogger(__name__)

KeepTags = Literal["auto", "always", "never"]

_PROJECT_FILE = "lading.toml"
_PROJECT_MAY_SET = frozenset(
    {
        "registry",
        "repositories",
        "policy",
        "jobs",
        "keep_tags",
        "file_hashes",
        "strict",
        "required",
        "without",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, with its default."""

    home: Path
    cache: Path
    registry: str | None = None
    jobs: int = 4
    offline: bool = False
    insecure: frozenset[str] = frozenset()
    # Who else has the content of a registry; and whether they are asked for it first.
    mirrors: Mirrors = ()
    mirrors_first: bool = False
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    http_proxy: str | None = None
    https_proxy: str | None = None
    no_proxy: str | None = None
    retries: int = 5
    timeout: float = 60.0
    keep_tags: KeepTags = "auto"
    file_hashes: bool = False
    fsync: bool = False
    author: str | None = None
    # Who acts on stages: the author where nothing is said.
    actor: str | None = None
    # What stages there are and what they need; lading-policy.yaml where nothing is said.
    policy: Path | None = None
    # What a search looks through where it is told nothing: HOST/NAME, or NAME.
    repositories: frozenset[str] = frozenset()
    # Believe a stage's tag without asking the ledger.
    unchecked: bool = False
    strict: bool = False
    # What --strict demands; the rules have their names in lading.operations.publishing.required.
    required: frozenset[str] = frozenset({"metrics", "schema", "lock", "code"})
    # Registries and repositories whose models may run code when they are loaded: HOST/PREFIX.
    pickle_from: frozenset[str] = frozenset()
    # What is not to be found out; the names are those of lading.operations.publishing.captured.
    without: frozenset[str] = frozenset()
    # What a folder holds that is served from an image, which knows; see lading serve.
    model_digest: str | None = None
    model_reference: str | None = None
    # Where packages in images come from; where nothing is said, from where pip of the base looks.
    index_url: str | None = field(default=None, repr=False)
    extra_index_url: str | None = field(default=None, repr=False)
    # What images are made from; {python} stands for the Python that a model was made with.
    base_image: str | None = None
    # Who builds them: auto, docker, podman, or the address of a socket.
    builder: str | None = None
    # The network that a build may use, as the builder calls it.
    build_network: str | None = None
    # Lading as images get it from the index, instead of a wheel of the Lading that runs.
    package: str | None = None
    credential_files: tuple[Path, ...] = ()
    login_file: Path = Path("config.json")
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    identity_token: str | None = field(default=None, repr=False)
    debug: bool = False

    @property
    def store(self) -> Path:
        """The folder of the local store: one layout for each repository."""
        return self.home / "store"


def load(**flags: Any) -> Settings:
    """The settings that hold now.

    Flags that are None were not given.

    Raises:
        InvalidInput: a file or variable holds something that cannot be; says which.
    """
    environment = os.environ
    places = _places(environment)
    values: dict[str, Any] = {**_defaults(environment, places)}
    own = _from_file(places["config"] / "lading" / "config.toml", allowed=None)
    if "policy" in own:
        # Beside the user's file, or any folder could put another one in its place.
        own["policy"] = places["config"] / "lading" / own["policy"]
    project = _from_file(Path(_PROJECT_FILE), allowed=_PROJECT_MAY_SET)
    given_here = _from_environment(environment)
    _demand_no_stranger(project, own, given_here)
    _keep_own_policy(project, own)
    values |= own | project | given_here
    settings = Settings(**values)
    given = {name: value for name, value in flags.items() if value is not None}
    return _checked(replace(settings, **given) if given else settings)


def active_environment() -> Path | None:
    """The virtual environment that a shell has activated, where Lading itself runs in another one.

    A command line that pipx or uv installed has packages of its own; the model needs those beside
    which it was called.
    """
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        folder = os.environ.get(name)
        if folder and Path(folder).is_dir():
            active = Path(folder)
            return None if active.resolve() == Path(sys.prefix).resolve() else active
    return None


def without_plugins() -> None:
    """Let pydantic not look for plugins in every installed package: here nobody can want one.

    For the command line only; a program that imports Lading may have some.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def process_environment() -> Mapping[str, str]:
    """A copy of this process's environment, for those who start programs or ask where they run."""
    return dict(os.environ)


def _demand_no_stranger(
    project: Mapping[str, Any], own: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """A password from the environment goes to whatever registry is named: not to a project's."""
    if "password" not in given and "identity_token" not in given:
        return
    if "registry" in project and "registry" not in given:
        raise InvalidInput(
            f"{_PROJECT_FILE} names a registry, and the environment holds a password",
            cause="it would be sent to a host that only the project's folder chose",
            hint="name the registry in LADING_REGISTRY as well, or use lading login",
        )
    if "repositories" in given:
        return  # then nobody looks through the project's
    trusted = _hosts([str(each["registry"]) for each in (own, given) if "registry" in each])
    trusted |= _hosts(own.get("repositories", ()))
    if strange := sorted(_hosts(project.get("repositories", ())) - trusted):
        raise InvalidInput(
            f"{_PROJECT_FILE} names repositories on {strange[0]},"
            " and the environment holds a password",
            cause="it would be sent to a host that only the project's folder chose",
            hint="name them in LADING_REPOSITORIES as well, or use lading login",
        )


def _keep_own_policy(project: dict[str, Any], own: Mapping[str, Any]) -> None:
    """A folder that may come from anywhere must not weaken the rules that its user set."""
    if "policy" in own and project.get("policy", own["policy"]) != own["policy"]:
        _log.warning(
            "the policy %s of %s does not count here: the user's own settings name %s",
            *(project["policy"], _PROJECT_FILE, own["policy"]),
        )
        del project["policy"]


def _hosts(names: Iterable[str]) -> set[str]:
    """The hosts among the names of registries (``HOST``, ``HOST/PREFIX``) and of repositories.

    What is no name is nobody's host: it is refused where it is used.
    """
    from lading.spec.reference import Reference

    found = set[str]()
    for name in names:
        # HOST, HOST/PREFIX and HOST/PREFIX/* are names with one more part.
        for text in (name, f"{name.removesuffix('*').rstrip('/')}/x"):
            with suppress(InvalidInput):
                place = Reference.parse(text)
                found |= {place.host} if place.host else set()
    return found


def _places(environment: Mapping[str, str]) -> dict[str, Path]:
    home = Path(environment.get("HOME") or Path.home())
    library = home / "Library" if sys.platform == "darwin" else None
    return {
        "home": home,
        "config": Path(environment.get("XDG_CONFIG_HOME") or home / ".config"),
        "data": Path(
            environment.get("XDG_DATA_HOME")
            or (library / "Application Support" if library else home / ".local" / "share")
        ),
        "cache": Path(
            environment.get("XDG_CACHE_HOME")
            or (library / "Caches" if library else home / ".cache")
        ),
    }


def _defaults(environment: Mapping[str, str], places: Mapping[str, Path]) -> dict[str, Any]:
    docker = Path(environment.get("DOCKER_CONFIG") or places["home"] / ".docker") / "config.json"
    named = environment.get("REGISTRY_AUTH_FILE")
    runtime = environment.get("XDG_RUNTIME_DIR")
    files = [
        Path(named) if named else None,
        Path(runtime) / "containers" / "auth.json" if runtime else None,
        places["config"] / "containers" / "auth.json",
        docker,
    ]
    return {
        "home": places["data"] / "lading",
        "cache": places["cache"] / "lading",
        "credential_files": tuple(path for path in files if path),
        "login_file": Path(named) if named else docker,
    }


# How the text of a variable becomes a value. Proxies are looked up in both spellings below.
_VARIABLES = {
    "home": "LADING_HOME",
    "cache": "LADING_CACHE",
    "registry": "LADING_REGISTRY",
    "jobs": "LADING_JOBS",
    "offline": "LADING_OFFLINE",
    "insecure": "LADING_INSECURE",
    "mirrors": "LADING_MIRRORS",
    "mirrors_first": "LADING_MIRRORS_FIRST",
    "ca_file": "LADING_CA_FILE",
    "client_cert": "LADING_CLIENT_CERT",
    "client_key": "LADING_CLIENT_KEY",
    "retries": "LADING_RETRIES",
    "timeout": "LADING_TIMEOUT",
    "keep_tags": "LADING_KEEP_TAGS",
    "file_hashes": "LADING_FILE_HASHES",
    "fsync": "LADING_FSYNC",
    "author": "LADING_AUTHOR",
    "actor": "LADING_ACTOR",
    "policy": "LADING_POLICY",
    "repositories": "LADING_REPOSITORIES",
    "unchecked": "LADING_UNCHECKED",
    "strict": "LADING_STRICT",
    "required": "LADING_REQUIRED",
    "without": "LADING_WITHOUT",
    "pickle_from": "LADING_PICKLE_FROM",
    "model_digest": "LADING_MODEL_DIGEST",
    "model_reference": "LADING_MODEL_REFERENCE",
    "index_url": "LADING_INDEX_URL",
    "extra_index_url": "LADING_EXTRA_INDEX_URL",
    "base_image": "LADING_BASE_IMAGE",
    "builder": "LADING_BUILDER",
    "build_network": "LADING_BUILD_NETWORK",
    "package": "LADING_PACKAGE",
    "username": "LADING_USERNAME",
    "password": "LADING_PASSWORD",
    "identity_token": "LADING_IDENTITY_TOKEN",
    "debug": "LADING_DEBUG",
}
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_TYPES = {item.name: item.type for item in fields(Settings)}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, variable in _VARIABLES.items():
        if text := environment.get(variable):
            values[name] = _value(name, text, variable)
    for name in _PROXIES:
        if text := environment.get(name) or environment.get(name.upper()):
            values[name] = text
    return values


def _from_file(path: Path, *, allowed: frozenset[str] | None) -> dict[str, Any]:
    if not _is_readable(path):
        return {}
    import tomllib

    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read settings from {path}", cause=str(error)) from error
    for name in table:
        if name not in _TYPES:
            raise InvalidInput(
                f"unknown setting {name!r} in {path}", hint=nearest(name, sorted(_TYPES))
            )
        if allowed is not None and name not in allowed:
            raise InvalidInput(
                f"{path} may not set {name!r}",
                cause="a project's file comes with the folder and is not trusted that far",
                hint="set it in the user's config.toml, by environment or by flag",
            )
    return {name: _value(name, item, str(path)) for name, item in table.items()}


def _is_readable(path: Path) -> bool:
    """Whether there is such a file; a folder that may not be entered has none."""
    try:
        return path.is_file()
    except PermissionError:
        return False


def _value(name: str, value: Any, where: str) -> Any:
    """A setting from the text of a variable or from a TOML value."""
    kind = str(_TYPES[name])
    try:
        if kind.startswith("frozenset"):
            return frozenset(value.replace(",", " ").split() if isinstance(value, str) else value)
        if made := {"bool": _truth, "Mirrors": parse_mirrors}.get(kind):
            return made(value)
        if kind in ("int", "float"):
            return int(value) if kind == "int" else float(value)
        if kind.startswith("tuple"):
            return tuple(Path(item).expanduser() for item in value)
        if kind.startswith("Path"):
            return Path(value).expanduser()
        return str(value)
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(
            f"setting {name} cannot be {value!r}"[:200], cause=f"in {where}: {error}"
        ) from error


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ValueError("write true or false")


def _checked(settings: Settings) -> Settings:
    if not 1 <= settings.jobs <= 64:
        raise InvalidInput(f"jobs cannot be {settings.jobs}", hint="1 to 64")
    if settings.retries < 0 or settings.timeout <= 0:
        raise InvalidInput("retries and timeout cannot be negative")
    if settings.keep_tags not in get_args(KeepTags):
        raise InvalidInput(
            f"keep_tags cannot be {settings.keep_tags!r}", hint="auto, always or never"
        )
    if bool(settings.client_key) and not settings.client_cert:
        raise InvalidInput("a client key needs its certificate", hint="--client-cert FILE")
    return settings
