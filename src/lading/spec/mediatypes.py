"""Media types and annotation keys, each under the name its specification gives it."""

from __future__ import annotations

from typing import Final

IMAGE_INDEX: Final = "application/vnd.oci.image.index.v1+json"
IMAGE_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
IMAGE_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
IMAGE_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_IMAGE_CONFIG: Final = "application/vnd.docker.container.image.v1+json"

INDEXES: Final = frozenset({IMAGE_INDEX, DOCKER_MANIFEST_LIST})
MANIFESTS: Final = frozenset({IMAGE_INDEX, IMAGE_MANIFEST, DOCKER_MANIFEST_LIST, DOCKER_MANIFEST})
IMAGE_CONFIGS: Final = frozenset({IMAGE_CONFIG, DOCKER_IMAGE_CONFIG})

MODEL: Final = "application/vnd.lading.model.v1+json"
MODEL_CONFIG: Final = "application/vnd.lading.model.config.v1+json"
MODEL_LAYER: Final = "application/vnd.lading.model.layer.v1.tar"

MODELPACK: Final = "application/vnd.cncf.model.manifest.v1+json"
MODELPACK_CONFIG: Final = "application/vnd.cncf.model.config.v1+json"
# The names ModelPack had before it moved to the CNCF; such artifacts are still pulled.
CNAI_MODELPACK: Final = "application/vnd.cnai.model.manifest.v1+json"
CNAI_MODELPACK_CONFIG: Final = "application/vnd.cnai.model.config.v1+json"

ROLE: Final = "dev.lading.role"
DOCUMENT: Final = "dev.lading.document"
TITLE: Final = "org.opencontainers.image.title"
SOURCE: Final = "org.opencontainers.image.source"
REVISION: Final = "org.opencontainers.image.revision"
BASE_NAME: Final = "org.opencontainers.image.base.name"
BASE_DIGEST: Final = "org.opencontainers.image.base.digest"
VERSION: Final = "org.opencontainers.image.version"
CREATED: Final = "org.opencontainers.image.created"
AUTHORS: Final = "org.opencontainers.image.authors"
DESCRIPTION: Final = "org.opencontainers.image.description"
LICENSES: Final = "org.opencontainers.image.licenses"
REF_NAME: Final = "org.opencontainers.image.ref.name"
FILEPATH: Final = "org.cncf.model.filepath"
CNAI_FILEPATH: Final = "org.cnai.model.filepath"
FILE_METADATA: Final = "org.cncf.model.file.metadata+json"
