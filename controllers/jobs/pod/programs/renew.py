"""Gets a Kerberos ticket with a keytab, once or again and again.

    renew.py once|keep KEYTAB PRINCIPAL CACHE

The cache is replaced as a whole, so that nobody reads half of one. The keytab is read anew each
time: one that was rotated is used at the next.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Any, List

RENEW_SECONDS = 1800
"""Tickets are for hours. A keytab that is rotated keeps its old keys for about as long."""
RETRY_SECONDS = 30
FIRST_TRIES = 4
"""Before a job starts: longer than a KDC takes to restart."""
FIRST_RETRY_SECONDS = 5


def main(arguments: List[str]) -> int:
    """Get tickets; the exit code."""
    mode, keytab, principal, cache = arguments
    # As process 1 of its container it would not end by the signal otherwise.
    signal.signal(signal.SIGTERM, stop)
    if mode == "once":
        return first(keytab, principal, cache)
    while True:
        time.sleep(RENEW_SECONDS if get(keytab, principal, cache, mode) else RETRY_SECONDS)


def first(keytab: str, principal: str, cache: str) -> int:
    """The first ticket, for which the job waits; the exit code."""
    for left in reversed(range(FIRST_TRIES)):
        if get(keytab, principal, cache, "once"):
            return 0
        if left:
            time.sleep(FIRST_RETRY_SECONDS)
    return 1


def get(keytab: str, principal: str, cache: str, mode: str) -> bool:
    """One ticket into the cache; whether that went well."""
    # Both modes may be at it at once.
    new = cache + "." + mode
    try:
        code = subprocess.call(["kinit", "-k", "-t", keytab, "-c", "FILE:" + new, principal])
    except OSError:
        sys.exit(
            "The image of the framework has no kinit, which a Kerberos identity needs: "
            "the package krb5-user of Debian or krb5-workstation of Fedora has it."
        )
    if code != 0:
        return False
    os.replace(new, cache)
    return True


def stop(*_: Any) -> None:
    """End at once: there is nothing to put away."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
