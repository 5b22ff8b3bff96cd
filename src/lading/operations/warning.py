"""What loading a model warns of."""

from __future__ import annotations


class EnvironmentWarning(UserWarning):
    """This environment is not the one that the model was saved in, or the model was not scanned."""
