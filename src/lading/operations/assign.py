"""Another word for promoting a version, for those who assign stages instead of climbing them."""

from __future__ import annotations

from lading.operations.promote import promote

assign = promote
