"""Installs requirements with pip, and tells what came of it.

    install.py TARGET REPORT REQUIREMENT...

Writes a hash of all that was installed to REPORT: of each distribution's name, version and list
of files with their own hashes. Ends with pip's exit code when pip fails.
"""

import hashlib
import json
import os
import subprocess
import sys
from typing import Dict, List


def main(arguments: List[str]) -> int:
    """Install; the exit code."""
    target, report = arguments[:2]
    pip = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    # What follows is a requirement, even if it begins like an option.
    code = subprocess.call([*pip, "--target", target, "--", *arguments[2:]])
    if code != 0:
        return code
    with open(report, "w") as file:
        file.write(json.dumps({"dependencies": lock_hash(locked(target))}))
    return 0


def locked(target: str) -> Dict[str, str]:
    """The distributions in a directory: the hash of its list of files by ``name==version``."""
    found = {}
    for name in os.listdir(target):
        if name.endswith(".dist-info"):
            record = os.path.join(target, name, "RECORD")
            content = b""
            if os.path.exists(record):
                with open(record, "rb") as file:
                    content = file.read()
            distribution, _, version = name[: -len(".dist-info")].partition("-")
            found[distribution + "==" + version] = hashlib.sha256(content).hexdigest()
    return found


def lock_hash(found: Dict[str, str]) -> str:
    """One hash of all."""
    lines = ["{} {}\n".format(name, found[name]) for name in sorted(found)]
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
