"""A runnable image of a version, without a container engine and without moving the weights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from images.bases import AMD64, ARM64, BaseImage, Packed, Shape, archive, beside
from parts.recorded import record
from parts.registry import DockerRegistry

from lading.errors import Conflict, InvalidInput, LadingError, NotFound, Unavailable, Unsupported
from lading.images.fit import mark
from lading.images.render import template
from lading.operations import stores
from lading.operations.attaching.attachment import Attachment
from lading.operations.attaching.image_evidence import hang_image
from lading.operations.evidence import evidence
from lading.operations.image_assemble import ImageAssembleResult, image_assemble
from lading.operations.inspect import inspect
from lading.operations.list import list_versions
from lading.operations.push import push
from lading.operations.tag import tag
from lading.settings import Settings
from lading.spec.content import BytesContent
from lading.spec.digest import Digest
from lading.spec.environment import Environment, Python
from lading.spec.image import Image
from lading.spec.manifest import Index, Manifest, parse
from lading.spec.reference import Reference
from lading.transfer import read

Configs = dict[str, dict[str, Any]]

# For what depends on no store, and for what only a registry could refuse.
here = pytest.mark.parametrize("place", ["local"], indirect=True)
there = pytest.mark.parametrize("place", ["registry"], indirect=True)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Little files: how images are put together does not depend on what is in them."""
    folder = tmp_path / "model"
    (folder / "nested").mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"w" * 4096)
    (folder / "nested/second.bin").write_bytes(b"s" * 4096)
    (folder / "config.json").write_text('{"hidden": 8}')
    (folder / "README.md").write_text("# A model\n")
    (folder / "nested/train.py").write_text("print('trained')\n")
    return folder


@pytest.fixture
def version(model: Path, place: str, settings: Settings) -> str:
    push(model, f"{place}:1.0.0", settings=settings)
    return f"{place}:1.0.0"


@dataclass(frozen=True)
class Yard:
    """Where a version is, and where its bases are put."""

    version: str
    place: str
    settings: Settings
    folder: Path

    def put(self, base: BaseImage) -> str:
        return base.put(beside(self.place, self.folder), self.settings)

    def assembled(self, base: str, **more: Any) -> ImageAssembleResult:
        return assembled(self.version, base, self.settings, **more)

    def config(self, done: ImageAssembleResult) -> dict[str, Any]:
        found: dict[str, Any] = opened(self.place, self.settings, done.image)[2]["linux/amd64"]
        return found


@pytest.fixture
def yard(version: str, place: str, settings: Settings, tmp_path: Path) -> Yard:
    return Yard(version, place, settings, tmp_path)


@pytest.fixture
def base(place: str, settings: Settings, tmp_path: Path) -> str:
    """Two platforms, in the repository beside the model."""
    return BaseImage(platforms=(AMD64, ARM64)).put(beside(place, tmp_path), settings)


def opened(place: str, settings: Settings, digest: str) -> tuple[Index, list[Manifest], Configs]:
    """An image, read apart from what made it, every blob found and hashed."""
    store = stores.open_store(Reference.parse(place), settings)
    root = store.resolve(digest)
    index = parse(read(store, root), root.media_type)
    assert isinstance(index, Index)
    manifests, configs = [], {}
    for entry in index.manifests:
        manifest = parse(read(store, entry), entry.media_type)
        assert isinstance(manifest, Manifest)
        for layer in manifest.layers:
            read(store, layer, limit=64 * 1024 * 1024)
        manifests.append(manifest)
        configs[str(entry.platform)] = json.loads(read(store, manifest.config))
    return index, manifests, configs


def assembled(version: str, base: str, settings: Settings, **more: Any) -> ImageAssembleResult:
    return image_assemble(version, base=base, settings=settings, **more)


def test_an_image_has_the_base_and_the_model_s_own_layers(
    version: str, base: str, settings: Settings, place: str
) -> None:
    done = assembled(version, base, settings)

    _, manifests, configs = opened(place, settings, "serve-1.0.0")
    model = [layer.digest for layer in inspect(version, settings=settings).layers]
    assert done.platforms == ("linux/amd64", "linux/arm64/v8")
    assert (done.status, done.tag, done.sent) == ("assembled", "serve-1.0.0", 0)
    for manifest, config in zip(manifests, configs.values(), strict=True):
        layers = [layer.digest for layer in manifest.layers]
        diff_ids = config["rootfs"]["diff_ids"]
        assert layers[3:] == diff_ids[3:] == model
        assert len(layers) == len(diff_ids) == done.layers
        told = [entry for entry in config["history"] if not entry.get("empty_layer")]
        assert len(told) == len(layers)


def test_the_image_says_what_it_is(version: str, base: str, settings: Settings, place: str) -> None:
    done = assembled(version, base, settings, env={"MODE": "fast"}, port=9000)

    index, manifests, configs = opened(place, settings, done.image)
    config = configs["linux/amd64"]["config"]
    labels = config["Labels"]
    assert labels["dev.lading.digest"] == done.digest
    assert labels["dev.lading.target"] == "serve"
    assert labels["org.opencontainers.image.version"] == "1.0.0"
    assert labels["org.opencontainers.image.base.digest"] == base.rpartition("@")[2]
    assert labels["maker"] == "somebody"
    assert index.annotations["dev.lading.digest"] == done.digest
    assert f"LADING_MODEL_DIGEST={done.digest}" in config["Env"]
    assert {"PATH=/bin", "MODE=fast", "HOME=/tmp"} <= set(config["Env"])
    assert config["ExposedPorts"] == {"22/tcp": {}, "9000/tcp": {}}
    assert config["Cmd"] == [*("lading", "serve", "/models", "--host", "0.0.0.0", "--port", "9000")]
    assert config["User"] == "65532:65532"
    # The base's own was about something else.
    assert "http://127.0.0.1:9000/v2/health/ready" in config["Healthcheck"]["Test"][3]
    assert configs["linux/arm64/v8"]["variant"] == "v8"
    assert len({manifest.config.digest for manifest in manifests}) == 2


@here
@pytest.mark.parametrize(
    ("said", "user"),
    [("", "65532:65532"), ("root", "65532:65532"), ("0:0", "65532:65532"), ("ada", "ada")],
)
def test_a_server_does_not_run_as_root(yard: Yard, said: str, user: str) -> None:
    base = yard.put(BaseImage(config={"User": said}))

    done = yard.assembled(base)
    forced = yard.assembled(base, user="0", tag="rooted")

    users = [yard.config(each)["config"]["User"] for each in (done, forced)]
    assert users == [user, "0"]


@here
def test_a_base_that_starts_lading_is_not_told_twice(
    version: str, settings: Settings, place: str, tmp_path: Path
) -> None:
    base = BaseImage(config={"Entrypoint": ["lading"]}).put(beside(place, tmp_path), settings)

    done = assembled(version, base, settings)
    own = assembled(version, base, settings, cmd=["inspect", "x"], tag="own")

    config = opened(place, settings, done.image)[2]["linux/amd64"]["config"]
    assert (config["Entrypoint"], config["Cmd"][0]) == (["lading"], "serve")
    config = opened(place, settings, own.image)[2]["linux/amd64"]["config"]
    assert config["Cmd"] == ["inspect", "x"]
    assert "Healthcheck" not in config


@there
@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("how", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("shape", ["oci", "docker"])
def test_a_base_of_any_shape_will_do(yard: Yard, shape: Shape, how: Packed, single: bool) -> None:
    base = BaseImage(shape=shape, how=how, single=single)

    done = yard.assembled(yard.put(base))

    index, (manifest,), configs = opened(yard.place, yard.settings, done.image)
    assert index.media_type.startswith("application/vnd.oci.")
    assert all(layer.media_type.startswith("application/vnd.oci.") for layer in manifest.layers)
    packed = [layer.media_type.partition("+")[2] for layer in manifest.layers[:3]]
    assert packed == ["" if how == "plain" else how] * 3
    diff_ids = configs["linux/amd64"]["rootfs"]["diff_ids"]
    assert diff_ids[:2] == [Digest.of(layer) for layer in base.layers]


def test_twice_is_once(version: str, base: str, settings: Settings, place: str) -> None:
    first = assembled(version, base, settings)
    names = set(stores.open_store(Reference.parse(place), settings).names())

    second = assembled(version, base, replace(settings, actor="somebody else"))

    assert (second.image, second.evidence) == (first.image, first.evidence)
    assert second.status == "unchanged"
    assert set(stores.open_store(Reference.parse(place), settings).names()) == names
    assert len(evidence(version, settings=settings).evidence) == 1


def test_the_same_inputs_are_the_same_image_elsewhere(
    version: str, base: str, settings: Settings, place: str, tmp_path: Path
) -> None:
    first = assembled(version, base, settings)
    store = stores.open_store(Reference.parse(place), settings)
    store.untag("serve-1.0.0")

    again = assembled(version, base, replace(settings, cache=tmp_path / "another"))

    assert again.image == first.image


def test_the_evidence_names_the_image(
    version: str, base: str, settings: Settings, place: str
) -> None:
    done = assembled(version, base, replace(settings, actor="ada"))

    (said,) = evidence(version, settings=settings).evidence
    assert (said.type, said.digest, said.actor) == ("image", done.evidence, "ada")
    assert said.content["image"]["digest"] == done.image
    assert said.content["image"]["platforms"] == list(done.platforms)
    assert said.content["base"]["digest"] == base.rpartition("@")[2]
    assert (said.content["how"], said.content["reproducible"]) == ("assembled", True)
    assert list_versions(place, settings=settings).versions[0].images == ("serve",)


def test_another_base_is_another_image_and_the_first_is_told(
    version: str, base: str, settings: Settings, place: str, tmp_path: Path
) -> None:
    first = assembled(version, base, settings)
    other = BaseImage(layers=[archive({"bin/other": b"x"})]).put(beside(place, tmp_path), settings)

    second = assembled(version, other, settings)

    assert second.previous == first.image != second.image
    assert len(evidence(version, settings=settings).evidence) == 2


def test_an_image_that_has_its_tag_again_is_the_newest(yard: Yard, base: str) -> None:
    other = yard.put(BaseImage(layers=[archive({"bin/other": b"x"})]))
    for each in (base, other):
        yard.assembled(each)

    done = yard.assembled(base)
    again = yard.assembled(base)

    assert (done.status, again.status) == ("assembled", "unchanged")
    said = evidence(yard.version, settings=yard.settings).evidence
    assert len(said) == 3
    assert said[0].content["image"]["digest"] == done.image


@here
def test_only_the_platforms_that_are_wanted(version: str, base: str, settings: Settings) -> None:
    done = assembled(version, base, settings, platforms=["linux/arm64/v8"])

    assert done.platforms == ("linux/arm64/v8",)
    with pytest.raises(InvalidInput, match="s390x"):
        assembled(version, base, settings, platforms=["linux/s390x"])


def test_an_image_by_stage_is_the_version_s(
    version: str, base: str, settings: Settings, place: str
) -> None:
    tag(version, "candidate", settings=settings)

    done = assembled(f"{place}:candidate", base, settings)

    assert (done.tag, done.reference) == ("serve-1.0.0", version)


def test_a_base_in_another_place_is_copied_first(
    version: str, settings: Settings, place: str, tmp_path: Path
) -> None:
    base = BaseImage().put(f"oci:{tmp_path / 'far'}", settings)

    done = assembled(version, base, settings)

    opened(place, settings, done.image)
    if not place.startswith("oci:") and "/" in place and not place.startswith("ml/"):
        assert (done.mounted, done.sent > 0) == (0, True)
    labels = opened(place, settings, done.image)[2]["linux/amd64"]["config"]["Labels"]
    assert str(tmp_path) not in json.dumps(labels)


def test_a_base_in_the_model_s_own_repository_moves_nothing(
    version: str, settings: Settings, place: str
) -> None:
    base = BaseImage().put(place, settings, tag="base-1.0.0")

    done = assembled(version, base, settings)

    opened(place, settings, done.image)
    assert (done.mounted, done.present, done.sent) == (0, 0, 0)


WRONG: list[tuple[BaseImage, str]] = [
    (BaseImage(wrong={"rootfs": {"type": "layers", "diff_ids": []}}), "0 diff_ids for 3"),
    (BaseImage(wrong={"rootfs": {"type": "layers", "diff_ids": ["x", "y", "z"]}}), "not a digest"),
    (BaseImage(wrong={"rootfs": None}), "diff_ids"),
    (BaseImage(wrong={"architecture": "arm64"}), "its index says"),
    (BaseImage(wrong={"architecture": ""}), "for which platform"),
    (BaseImage(config={"Env": "PATH"}), "Env is no list"),
    (BaseImage(config={"Entrypoint": [1]}), "Entrypoint is no list"),
]


@here
@pytest.mark.parametrize(("base", "why"), WRONG)
def test_what_no_runtime_would_take_is_refused(yard: Yard, base: BaseImage, why: str) -> None:
    named = yard.put(base)

    with pytest.raises(InvalidInput, match=why):
        yard.assembled(named)

    assert nothing_has_a_name(yard.place, yard.settings)


def nothing_has_a_name(place: str, settings: Settings) -> bool:
    names = set(stores.open_store(Reference.parse(place), settings).names())
    return not any(name.startswith("serve") for name in names)


@here
def test_what_is_no_image_is_no_base(
    version: str, settings: Settings, place: str, model: Path, tmp_path: Path
) -> None:
    root = inspect(version, settings=settings)
    part = next(each.digest for each in root.manifests if each.role == "model")

    with pytest.raises(InvalidInput, match="is a model, not an image"):
        assembled(version, f"{place}@{root.digest}", settings)
    with pytest.raises(InvalidInput, match="is no image"):
        assembled(version, f"{place}@{part}", settings)


def test_a_tag_of_a_base_is_looked_at_once_and_said(
    version: str, base: str, settings: Settings
) -> None:
    where, _, digest = base.rpartition("@")

    by_tag = assembled(version, f"{where}:1", settings)
    by_digest = assembled(version, base, settings)

    assert by_tag.base == by_digest.base == base
    assert f"{where}:1 is {digest} now" in by_tag.notes
    assert not any(" now" in note for note in by_digest.notes)
    assert (by_digest.image, by_digest.status) == (by_tag.image, "unchanged")


@here
def test_a_base_has_a_name(version: str, base: str, settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="which image of"):
        assembled(version, base.partition("@")[0], settings)


@here
def test_the_server_lets_code_run_where_that_was_allowed(
    version: str, base: str, settings: Settings, place: str
) -> None:
    said = [
        assembled(version, base, settings, allow_pickle=True, tag="one"),
        assembled(version, base, replace(settings, pickle_from=frozenset({place})), tag="two"),
        assembled(version, base, settings, tag="three"),
    ]

    commands = [
        opened(place, settings, done.image)[2]["linux/amd64"]["config"]["Cmd"] for done in said
    ]
    assert ["--allow-pickle" in command for command in commands] == [True, True, False]


@here
def test_the_health_check_is_the_dockerfiles_own(yard: Yard) -> None:
    text = re.sub(r"\\\n\s*", "", template("python"))
    (line,) = [each for each in text.splitlines() if each.startswith("HEALTHCHECK")]
    options = dict(re.findall(r"--(\S+)=(\d+)s?", line))

    check = yard.config(yard.assembled(yard.put(BaseImage())))["config"]["Healthcheck"]

    assert check.pop("Test") == ["CMD", *json.loads(line.partition("CMD ")[2])]
    assert check.pop("Retries") == int(options.pop("retries"))
    assert {name: value // 1_000_000_000 for name, value in check.items()} == {
        "Interval": int(options["interval"]),
        "Timeout": int(options["timeout"]),
        "StartPeriod": int(options["start-period"]),
    }


def test_a_tag_that_is_not_there_afterwards_is_said(
    version: str, base: str, settings: Settings, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(stores.open_store(Reference.parse(place), settings))
    push_ = kind.push

    def lost(store: Any, descriptor: Any, content: Any, name: str | None = None) -> None:
        push_(store, descriptor, content, None)

    monkeypatch.setattr(kind, "push", lost)

    with pytest.raises(Unavailable, match="is not there"):
        assembled(version, base, settings)


def test_a_tag_that_somebody_moved_meanwhile_is_said(
    yard: Yard, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = yard.assembled(base, port=9000)
    kind = type(stores.open_store(Reference.parse(yard.place), yard.settings))
    push_ = kind.push

    def raced(store: Any, descriptor: Any, content: Any, name: str | None = None) -> None:
        push_(store, descriptor, content, name)
        if name == "serve-1.0.0":
            root = store.resolve(other.image)
            push_(store, root, BytesContent(read(store, root)), name)

    monkeypatch.setattr(kind, "push", raced)

    done = yard.assembled(base)

    assert f"serve-1.0.0 is {other.image} now" in " ".join(done.notes)
    assert len(evidence(yard.version, settings=yard.settings).evidence) == 2


def test_a_base_that_is_not_there(version: str, settings: Settings, place: str) -> None:
    with pytest.raises(NotFound):
        assembled(version, f"{place}@{Digest.of(b'nothing')}", settings)


@here
def test_more_layers_than_runtimes_take_are_refused(
    version: str, settings: Settings, place: str, tmp_path: Path
) -> None:
    many = [archive({f"etc/{number}": b"x"}) for number in range(122)]
    base = BaseImage(layers=many, how="plain").put(beside(place, tmp_path), settings)

    with pytest.raises(Unsupported, match="have 128 layers"):
        assembled(version, base, settings)


@here
@pytest.mark.parametrize(
    "wrong",
    [
        {"env": {"A B": "x"}},
        {"env": {"LADING_MODEL_DIGEST": "mine"}},
        {"port": 0},
        {"port": 65536},
        {"cmd": []},
        {"user": "a b"},
        {"tag": "1.0.0"},
        {"tag": "serve-2.0.0"},
        {"tag": "base-1.0.0"},
        {"tag": "prod"},
        {"platforms": ["amd64"]},
    ],
)
def test_what_cannot_be_is_refused_at_once(
    version: str, base: str, settings: Settings, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        assembled(version, base, settings, **wrong)


@dataclass
class Interrupted:
    """A store's way to push that breaks off after so many pushes."""

    push: Callable[..., None]
    left: int

    def bound(self) -> Callable[..., None]:
        def push(store: Any, *arguments: Any) -> None:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            self.push(store, *arguments)

        return push


def test_interrupted_at_any_moment_nothing_has_a_name_and_it_goes_on(
    yard: Yard, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(stores.open_store(Reference.parse(yard.place), yard.settings))
    push_, moments = kind.push, 0
    while True:
        monkeypatch.setattr(kind, "push", Interrupted(push_, moments).bound())
        try:
            done = yard.assembled(base)
        except KeyboardInterrupt:
            monkeypatch.setattr(kind, "push", push_)
            if not nothing_has_a_name(yard.place, yard.settings):
                opened(yard.place, yard.settings, "serve-1.0.0")
            moments += 1
        else:
            break

    monkeypatch.setattr(kind, "push", push_)
    opened(yard.place, yard.settings, done.image)
    # Two configs, two manifests, the index, and the evidence with its content.
    assert moments >= 6
    assert len(evidence(yard.version, settings=yard.settings).evidence) == 1


def test_offline_is_enough_for_what_is_here(
    model: Path, settings: Settings, tmp_path: Path, registry: DockerRegistry
) -> None:
    offline = replace(settings, offline=True)
    push(model, "ml/here:1.0.0", settings=offline)
    base = BaseImage().put(f"oci:{tmp_path / 'base'}", offline)

    done = assembled("ml/here:1.0.0", base, offline)

    assert done.status == "assembled"
    with pytest.raises(Unavailable, match="not asked"):
        assembled("ml/here:1.0.0", f"{registry.host}/base@{Digest.of(b'x')}", offline)


@pytest.mark.parametrize("platforms", [(AMD64,), (AMD64, ARM64)])
def test_a_dozen_requests_are_enough(
    model: Path,
    settings: Settings,
    registry: DockerRegistry,
    repository: str,
    platforms: tuple[Any, ...],
) -> None:
    place = f"{registry.host}/{repository}"
    push(model, f"{place}:1.0.0", settings=settings)
    base = BaseImage(platforms=platforms).put(f"{place}/base", settings)
    before = registry.blobs()
    registry.forget_requests()

    done = assembled(f"{place}:1.0.0", base, settings)

    asked = registry.requests()
    mounts = [each for each in asked if "mount=" in each.path]
    others = [each for each in asked if "mount=" not in each.path]
    # Each layer once: two that both platforms have, and one of each platform's own.
    assert (len(mounts), done.sent) == (2 + len(platforms), 0)
    assert all(each.status == 201 for each in mounts)
    # What is new are configs, manifests and the index, the evidence, and the list of it.
    assert len(registry.blobs() - before) <= 2 * len(platforms) + 5
    # The list of what hangs on the version is asked for when the image has its tag.
    told = next(
        at for at, each in enumerate(others) if done.digest[7:] in each.path.rpartition("/")[2]
    )
    # Put, and at last read back.
    for each in (others[told - 1], others[-1]):
        assert each.path.endswith("/manifests/serve-1.0.0")
    assert told <= 10 * len(platforms)
    assert len(others) - told <= 13


ENVIRONMENT = Environment(
    python=Python(version="3.12.4"),
    requirements=("framework==1.4.0", "numeric==2.1.0", "optuna==4.0"),
    direct=("framework",),
)


@here
def test_an_image_that_holds_a_model_is_no_base(yard: Yard) -> None:
    first = yard.assembled(yard.put(BaseImage()))

    with pytest.raises(InvalidInput, match="holds a model already") as caught:
        yard.assembled(f"{yard.place}@{first.image}")

    assert yard.version in str(caught.value.cause)
    assert "runtime-1.0.0" in str(caught.value.hint)


def built(
    place: str, settings: Settings, tmp_path: Path, version: str, packages: tuple[str, ...]
) -> str:
    """A base as ``image build`` leaves it: it names its lock, and evidence its packages."""
    digest = Digest(inspect(version, settings=settings).digest)
    labels = {"dev.lading.lock": str(mark(ENVIRONMENT)), "dev.lading.digest": digest}
    base = BaseImage(config={"Labels": labels}).put(place, settings, tag="runtime-1.0.0")
    attachment = Attachment.to(version, settings)
    descriptor = attachment.store.resolve(base.rpartition("@")[2])
    image = Image(
        index=digest,
        model=None,
        target="runtime",
        repository=place,
        descriptor=descriptor,
        platforms=(AMD64,),
        base=None,
        how="built",
        tool="test",
        created="2026-01-01T00:00:00Z",
        actor="ada",
        reproducible=True,
        packages=packages,
    )
    hang_image(attachment, image)
    return base


def test_a_base_of_the_same_lock_fits_without_a_word(
    model: Path, place: str, settings: Settings, tmp_path: Path
) -> None:
    for number in ("1.0.0", "1.1.0"):
        record(model, f"{place}:{number}", settings, ENVIRONMENT)
    base = built(place, settings, tmp_path, f"{place}:1.0.0", ("framework==1.4.0",))

    done = assembled(f"{place}:1.1.0", base, settings, strict=True)
    again = assembled(f"{place}:1.1.0", base, settings)

    assert (done.notes, again.notes) == ((), ())


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (("framework==1.5.0", "numeric==2.2.0"), ()),
        (("framework==1.5.0", "numeric==2.1.0"), ("numeric 2.2.0, and the base has 2.1.0",)),
        (("numeric==2.2.0",), ("framework 1.5.0, and the base does not have it",)),
        ((), ("nothing says which packages",)),
    ],
)
def test_a_base_of_another_lock_is_told_of(
    model: Path, place: str, settings: Settings, tmp_path: Path, *, there: Any, said: Any
) -> None:
    record(model, f"{place}:1.0.0", settings, ENVIRONMENT)
    moved = replaced(ENVIRONMENT, "framework==1.5.0", "numeric==2.2.0")
    record(model, f"{place}:1.1.0", settings, moved)
    base = built(place, settings, tmp_path, f"{place}:1.0.0", there)

    done = assembled(f"{place}:1.1.0", base, settings)

    assert len(done.notes) == len(said)
    assert all(each in note for each, note in zip(said, done.notes, strict=True))
    if said:
        with pytest.raises(Conflict, match="not known to have the packages") as caught:
            assembled(f"{place}:1.1.0", base, settings, strict=True, tag="strict")
        assert said[0] in str(caught.value.cause)


def test_of_a_base_that_lading_did_not_build_nothing_is_known(
    version: str, base: str, settings: Settings, place: str
) -> None:
    done = assembled(version, base, settings)

    assert any("nothing says which packages" in note for note in done.notes)
    with pytest.raises(Conflict):
        assembled(version, base, settings, strict=True, tag="strict")
    assert "strict" not in set(stores.open_store(Reference.parse(place), settings).names())


def replaced(environment: Environment, *pins: str) -> Environment:
    return environment.model_copy(update={"requirements": (*pins, "optuna==4.0")})


BROKEN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["config", "rootfs", "history", "Env", "diff_ids", "type", "os"]), inner
        )
    ),
    max_leaves=12,
)


@given(wrong=st.dictionaries(st.sampled_from(["config", "rootfs", "history", "os"]), BROKEN))
@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_base_says_it_is_an_image_or_refused(
    wrong: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from lading.images.assembly import Wish, assemble
    from lading.images.base import base_of
    from lading.spec import mediatypes
    from lading.spec.descriptor import Descriptor

    layer = Descriptor.of(b"layer", mediatypes.IMAGE_LAYER)
    value = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
    } | wrong
    raw = json.dumps(value).encode()
    manifest = Manifest.build(Descriptor.of(raw, mediatypes.IMAGE_CONFIG), (layer,))
    wish = Wish(None, {"a": "b"}, {"C": "d"})

    try:
        made = assemble([base_of(manifest, raw, "base")], [layer], wish)
    except LadingError:
        return

    config = json.loads(made.parts[0].config)
    assert config["rootfs"]["diff_ids"] == [layer.digest, layer.digest]
    assert len([e for e in config["history"] if not e.get("empty_layer")]) == 2


@here
def test_a_modelcar_starts_whatever_it_is_told_and_serves_where_it_is_told_nothing(
    yard: Yard,
) -> None:
    base = yard.put(BaseImage(config={"Env": ["PATH=/bin"], "Entrypoint": ["lading"]}))

    plain = yard.config(yard.assembled(base))["config"]
    car = yard.config(yard.assembled(base, modelcar=True))["config"]

    assert plain["Entrypoint"] == ["lading"]
    assert "Entrypoint" not in car
    assert car["Cmd"] == ["lading", *plain["Cmd"]]
