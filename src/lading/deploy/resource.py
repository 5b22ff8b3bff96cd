"""What documents are made of: plain values in the order in which they are written."""

from __future__ import annotations

from typing import Any

# One document: what YAML and JSON can say, and nothing else.
Resource = dict[str, Any]
