"""What a job is called: NAME-RUN-DIGEST, since a cluster changes nothing of a job that is there.

RUN is made of all that the job does, so that other rows, another image or other amounts are another
job; the same again is the same job, and nothing runs.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

from lading.spec.digest import Digest

_RUN: Final = 5
# With both hyphens, the run and the digest's start it is as long as a name may be.
_LONGEST: Final = 44


def run_name(base: str, spec: Any, digest: Digest) -> str:
    """The name of the job that does what a specification says, with one version."""
    said = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    run = hashlib.sha256(said.encode()).hexdigest()[:_RUN]
    return f"{base[:_LONGEST].rstrip('-')}-{run}-{digest.short}"


def base_name(name: str, digest: Digest) -> str:
    """The name of a job without its run and its digest; all of it, where it has none."""
    match = re.fullmatch(rf"(.+)-[0-9a-f]{{{_RUN}}}-{digest.short}", name)
    return match[1] if match else name
