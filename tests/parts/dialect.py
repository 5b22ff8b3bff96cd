"""How registries differ: what a double does where the specification leaves room, or is not kept.

Each preset names a real registry and imitates only what is known of it from running it.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Dialect:
    """The defaults are the OCI distribution specification 1.1, strictly."""

    # Chunked uploads. A status refuses every PATCH; a limit refuses longer ones.
    patch_refused: int | None = None
    patch_limit: int | None = None
    patch_limit_status: int = 416
    first_patch_status: int = 202
    minimum_chunk: int = 0
    ordered: bool = True
    # A broken PATCH keeps what arrived; without this its session is lost.
    resumable: bool = True
    # One POST with ?digest= and the blob as its body.
    single_post: bool = True
    # PUT of a whole blob to a fresh session; beyond the limit it is refused with 413.
    put_limit: int | None = None
    mount: bool = True
    ranges: bool = True
    # Locations without a scheme and host.
    relative: bool = False
    # Manifests.
    manifest_limit: int = 4 * MIB
    missing_child_status: int = 404
    subject_status: int | None = None
    immutable_tags: int | None = None
    delete_tags: int | None = None
    delete_manifests: int | None = None
    # Referrers: without the API the answer is 404. The trap is GitLab's: a missing fallback tag
    # answers with the subject itself.
    referrers: bool = True
    referrers_filter: bool = True
    referrers_page: int | None = None
    fallback_trap: bool = False
    # Tags: pages of at most this many, in order; or all at once in disorder, deaf to n and last.
    tags_page: int | None = None
    tags_sorted: bool = True
    catalog: bool = True


OCI = Dialect()
DISTRIBUTION_2 = Dialect(
    ordered=False,
    resumable=False,
    single_post=False,
    missing_child_status=400,
    delete_tags=400,
    referrers=False,
    tags_sorted=False,
)
GHCR = Dialect(patch_limit=4 * MIB, referrers=False)
GAR = Dialect(patch_refused=405, single_post=False)
ECR = Dialect(first_patch_status=201, subject_status=405)
GITLAB = Dialect(referrers=False, fallback_trap=True)
HARBOR = Dialect(immutable_tags=412)
