"""Moving content between any two stores: what moves, in which order, how many at once.

No registry dialects, and no knowledge of what a model is.
"""

from lading.transfer.copy import Status, Tally, copy, survey
from lading.transfer.progress import Meter, OnProgress, Progress
from lading.transfer.read import read

__all__ = ["Meter", "OnProgress", "Progress", "Status", "Tally", "copy", "read", "survey"]
