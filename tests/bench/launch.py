"""Starts one command and says what it cost; a process of its own.

Linux hands a process's peak memory on to what it starts: a program started by the benchmark
itself would never seem smaller than the benchmark. This file is run by a bare interpreter
(``python -I -S launch.py OUT ERR COMMAND...``) and imports next to nothing, so the least that
can be measured is its own 9 MB. It prints: exit code, wall s, user s, system s, peak KiB.
"""

import os
import sys
import time


def main() -> None:
    out, err, *command = sys.argv[1:]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, out, flags, 0o644),
        (os.POSIX_SPAWN_OPEN, 2, err, flags, 0o644),
    ]
    begin = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=files)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - begin
    code = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss // 1024 if sys.platform == "darwin" else usage.ru_maxrss
    print(code, wall, usage.ru_utime, usage.ru_stime, peak)


main()
