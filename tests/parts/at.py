"""Runs the command line at another time than now: ``python -m parts.at MOMENT verb …``.

A real clock cannot be asked to wait until Tuesday. Only what tells the time of day is moved, in
this process; the command, the network and the registry are the real ones.

"""

from __future__ import annotations

import sys
from datetime import datetime

import time_machine

from lading.cli.app import main

if __name__ == "__main__":
    moment = datetime.fromisoformat(sys.argv.pop(1))
    sys.argv[0] = "lading"
    with time_machine.travel(moment, tick=True):
        main()
