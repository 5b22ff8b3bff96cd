"""What an interpreter says of itself. Standard library only, and no newer than Python 3.8.

This module is imported for the interpreter that runs, and handed as a program to any other one:
so it must not import anything of Lading.
"""

from __future__ import annotations


def facts() -> dict:  # type: ignore[type-arg]  # typing costs other interpreters an import
    """Where this interpreter finds packages, and what markers compare with."""
    import os
    import platform
    import sys
    import sysconfig

    release = sys.version_info
    full = "{}.{}.{}".format(*release[:3])
    stage = release.releaselevel
    if stage != "final":
        full += stage[0] + str(release.serial)
    own = sys.implementation.version
    tag = {"cpython": "cp", "pypy": "pp"}.get(sys.implementation.name, sys.implementation.name)
    threads = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return {
        "paths": [path for path in sys.path if path],
        "prefix": sys.prefix,
        "executable": sys.executable,
        "abi": f"{tag}{release[0]}{release[1]}{threads}",
        "markers": {
            "implementation_name": sys.implementation.name,
            "implementation_version": "{}.{}.{}".format(*own[:3]),
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": full,
            "python_version": "{}.{}".format(*release[:2]),
            "sys_platform": sys.platform,
        },
    }


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(facts()))
