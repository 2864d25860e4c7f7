"""What is in the image, and where: the parts of its root file system.

Everything is written into an empty directory; who owns it and when it was made is left to the
archive.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from hack.image import libraries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PROJECT = Path(__file__).resolve().parents[2]
REQUIREMENTS = PROJECT / "requirements" / "image.txt"

PREFIX = Path("usr/local")
APPLICATION = Path("app")
PACKAGES = APPLICATION / "packages"

SOURCES = ("apis", "controllers", "mlctl_core")
# The control plane for laptops and tests is for where people work, and needs packages that the
# image has not.
NOT_SOURCES = frozenset({"mlctl_core/embedded", "mlctl_core/testing"})

USER = 65532
"""The user that distroless images call nonroot."""
FILES = {
    "etc/passwd": (
        f"root:x:0:0:root:/:/sbin/nologin\n"
        f"nonroot:x:{USER}:{USER}:nonroot:/home/nonroot:/sbin/nologin\n"
    ),
    "etc/group": f"root:x:0:\nnonroot:x:{USER}:\n",
    # Without it the C library would ask DNS before /etc/hosts.
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
# Where runtimes mount things, for the root may be read-only before they do.
DIRECTORIES = ("dev", "home/nonroot", "proc", "run", "sys", "tmp", "var")
LINKS = {"var/run": "../run"}

# Parts of the standard library that only people, tests and builds of extensions use, those that
# install packages, and those whose libraries would come along for nothing.
_NOT_LIBRARY = frozenset(
    (
        *("test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py", "pydoc_data"),
        *("distutils", "lib2to3", "ensurepip", "venv", "EXTERNALLY-MANAGED"),
        *("site-packages", "dist-packages", "lib-dynload", "__pycache__"),
        *("curses", "dbm", "sqlite3"),
    )
)
_NOT_EXTENSIONS = (
    "_ctypes_test",
    "_curses",
    "_dbm",
    "_gdbm",
    "_sqlite3",
    "_test",
    "_tkinter",
    "_xx",
    "nis",
    "readline",
    "xx",
)
# What pip writes down about an installation; the paths in it are those of this machine.
_PIPS_OWN = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


def write(root: Path) -> None:
    """Write the root file system of the image into an empty directory.

    Raises:
        subprocess.CalledProcessError: pip could not install what is locked.
        libraries.NotFoundError: a shared library is missing on this machine.
    """
    _skeleton(root)
    _interpreter(root)
    _packages(root / PACKAGES)
    _application(root / APPLICATION)
    libraries.complete(root)
    _strip(root)
    _compile(root)


def _skeleton(root: Path) -> None:
    for name in DIRECTORIES:
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, target in LINKS.items():
        (root / name).symlink_to(target)


def _interpreter(root: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    program = root / PREFIX / "bin" / version
    program.parent.mkdir(parents=True)
    # A virtual environment's program is a link to the one that it was made from.
    shutil.copyfile(Path(sys.executable).resolve(), program)
    program.chmod(0o755)
    for name in ("python", "python3"):
        program.with_name(name).symlink_to(version)
    library = root / PREFIX / "lib" / version
    _copy(
        Path(sysconfig.get_path("stdlib")),
        library,
        lambda name: name not in _NOT_LIBRARY and not name.startswith("config-"),
    )
    _copy(
        Path(sysconfig.get_config_var("DESTSHARED")),
        library / "lib-dynload",
        lambda name: name.endswith(".so") and not name.startswith(_NOT_EXTENSIONS),
    )


def _strip(root: Path) -> None:
    """Take the debugger's symbols out of the interpreter, where binutils are installed.

    They are half of an interpreter that was not built by a distribution. Packages are left as
    they were published.
    """
    strip = shutil.which("strip")
    if strip is None:
        return
    parts = [*root.glob("**/libpython*.so*"), *(root / PREFIX).glob("lib/*/lib-dynload/*.so")]
    parts += [path for path in (root / PREFIX / "bin").iterdir() if not path.is_symlink()]
    subprocess.run([strip, "--strip-unneeded", *map(str, sorted(parts))], check=True)


def _packages(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile"]
    command += ["--root-user-action=ignore", f"--target={target}", f"--requirement={REQUIREMENTS}"]
    subprocess.run(command, check=True)
    # Programs of packages, which begin with the path of this machine's interpreter.
    shutil.rmtree(target / "bin", ignore_errors=True)
    for path in target.glob("*.dist-info/*"):
        if path.name in _PIPS_OWN:
            path.unlink()


def _application(target: Path) -> None:
    for source in SOURCES:

        def wanted(name: str, source: str = source) -> bool:
            return name != "__pycache__" and f"{source}/{name}" not in NOT_SOURCES

        _copy(PROJECT / source, target / source, wanted)


def _compile(root: Path) -> None:
    """Compile all modules: a read-only root cannot keep what is compiled at the first import.

    In a process of its own, whose hashes are not random: sets of constants are written in their
    order. What is compiled is not compared with its source, whose time means nothing here.
    """
    program = (
        "import compileall, sys, py_compile; root = sys.argv[1];"
        "mode = py_compile.PycInvalidationMode.UNCHECKED_HASH;"
        "sys.exit(not all(compileall.compile_dir(path, quiet=1, maxlevels=99, stripdir=root,"
        " prependdir='/', invalidation_mode=mode) for path in sys.argv[2:]))"
    )
    paths = [str(root / PREFIX / "lib"), str(root / APPLICATION)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-I", "-c", program, str(root), *paths]
    subprocess.run(command, check=True, env=environment)


def _copy(source: Path, target: Path, wanted: Callable[[str], bool]) -> None:
    """Copy the entries of a folder that are wanted, in whole but for tests and caches."""

    def left_out(_folder: str, names: list[str]) -> Iterable[str]:
        return {name for name in names if name in {"__pycache__", "test", "tests"}}

    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()):
        if not wanted(entry.name):
            continue
        if entry.is_dir():
            shutil.copytree(entry, target / entry.name, ignore=left_out)
        else:
            shutil.copyfile(entry, target / entry.name)
