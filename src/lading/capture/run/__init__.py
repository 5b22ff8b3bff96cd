"""Runs that experiment trackers recorded, found beside a model; one file for each tracker."""

from lading.capture.run.findings import Findings
from lading.capture.run.look import find

__all__ = ["Findings", "find"]
