"""A key distribution centre of MIT Kerberos on this machine, for one test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

REALM = "EXAMPLE.TEST"
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "klist")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def missing():
    """The first program that is not installed; None when all are."""
    return next((name for name in PROGRAMS if shutil.which(name, path=_PATH) is None), None)


class Kdc:
    """It, while it runs."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._folder = folder
        self.port = port
        self.krb5_conf = f"""
[libdefaults]
  default_realm = {REALM}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  udp_preference_limit = 1
[realms]
  {REALM} = {{
    kdc = 127.0.0.1:{port}
  }}
"""
        (folder / "krb5.conf").write_text(self.krb5_conf)
        (folder / "kdc.conf").write_text(
            f"[realms]\n  {REALM} = {{\n    database_name = {folder}/principal\n"
            f"    key_stash_file = {folder}/stash\n    kdc_listen = 127.0.0.1:{port}\n"
            f"    kdc_tcp_listen = 127.0.0.1:{port}\n  }}\n"
        )
        self.env = {
            **os.environ,
            "PATH": _PATH,
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        }
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")

    def keytab(self, principal, name="keytab"):
        """A new key of a principal, which is made if need be, as a keytab file."""
        path = self._folder / name
        path.unlink(missing_ok=True)
        self._run("kadmin.local", "-r", REALM, "addprinc", "-randkey", principal, check=False)
        self._run("kadmin.local", "-r", REALM, "ktadd", "-k", str(path), principal)
        return Path(path).read_bytes()

    def _run(self, *command, check=True):
        program = shutil.which(command[0], path=_PATH)
        subprocess.run(
            [program, *command[1:]], env=self.env, check=check, capture_output=True, timeout=60
        )


@contextmanager
def running(folder):
    """A KDC that answers."""
    kdc = Kdc(folder)
    program = shutil.which("krb5kdc", path=_PATH)
    command = [program, "-n", "-r", REALM, "-P", str(folder / "pid")]
    with (
        (folder / "kdc.log").open("wb") as log,
        subprocess.Popen(command, env=kdc.env, stdout=log, stderr=log) as process,
    ):
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", kdc.port)) == 0:
                        break
                time.sleep(0.05)
            yield kdc
        finally:
            process.terminate()
