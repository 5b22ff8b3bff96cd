"""Say which packages are in an image, as a bill of materials in CycloneDX's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lading.images.sbom import bill
from lading.operations import stores
from lading.operations.carrying.history import name_of
from lading.operations.lifecycle.stages import checked
from lading.operations.reading.gathered import kept
from lading.operations.reading.image_packages import contents, image_for, images_in, nearest
from lading.packing.artifact import recognise
from lading.spec.compressed import model_of
from lading.spec.descriptor import Descriptor
from lading.spec.image import platform_of
from lading.spec.manifest import is_image, parse
from lading.spec.tags import Target, target_of
from lading.transfer import OnProgress, read

if TYPE_CHECKING:
    from lading.operations.stores import AnyStore
    from lading.settings import Settings
    from lading.spec.digest import Digest
    from lading.spec.reference import Reference


@dataclass(frozen=True, slots=True)
class ImageSbomResult:
    """What is in an image for one platform; ``bill`` is CycloneDX, as it is written to a file."""

    reference: str
    # Of what the reference led to, and of the manifest that was looked into.
    image: str
    manifest: str
    platform: str
    packages: int
    bill: dict[str, Any]
    notes: tuple[str, ...]


def image_sbom(
    reference: str | Reference,
    *,
    target: str = "serve",
    platform: str | None = None,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> ImageSbomResult:
    """The Python packages in a version's image, or in any image that is named itself.

    Layers are read as they stream by, and nothing is run or unpacked; a model's own layers are
    passed over. Without ``platform`` this machine's is meant, or the image's first.

    Raises:
        NotFound: there is no such version or image, or the version has no image for the target.
        InvalidInput: the target or the platform is none.
        IntegrityError: a layer is damaged, or no archive.
        Unsupported: a layer is compressed in a way that is not read here.
    """
    from lading import __version__

    settings = stores.settled(settings)
    wanted = [platform_of(platform)] if platform else []
    place = stores.with_name(stores.locate(reference, settings))
    store = stores.open_store(place, settings)
    root, apart = found_root(store, place, target_of(target), settings)
    image = nearest(images_in(store, root, str(place), wanted))
    inside = contents(store, image, apart=apart, on_progress=on_progress)
    manifest = image.manifest.descriptor.digest
    return ImageSbomResult(
        reference=str(place),
        image=root.digest,
        manifest=manifest,
        platform=str(image.base.platform),
        packages=len(inside.packages),
        bill=bill(
            inside.packages,
            image=manifest,
            name=name_of(place),
            platform=image.base.platform,
            created=image.created,
            tool=__version__,
        ),
        notes=inside.notes,
    )


def found_root(
    store: AnyStore, place: Reference, target: Target, settings: Settings
) -> tuple[Descriptor, frozenset[Digest]]:
    """The image that a reference leads to, and the model's layers, which hold no packages."""
    root = checked(store, place, stores.resolve(store, place), settings)
    top = parse(read(store, root), root.media_type)
    if is_image(top) and model_of(top) is None:
        return root, frozenset()
    artifact = recognise(store, root, str(place))
    image = image_for(store, root, target, place, kept(place, settings))
    return image, frozenset(layer.digest for layer in artifact.manifest.layers)
