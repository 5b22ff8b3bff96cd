"""``python -m lading``: the same as ``lading``."""

from lading.cli.app import main

main()
