"""Write what is generated from the API classes: manifests/crds.

    python hack/manifests.py            writes the files
    python hack/manifests.py --check    writes nothing; exits 1 and names the files that differ

The files are the same on every machine: no time, no version, no order of a dictionary goes in.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from apis.v1alpha1.framework import Framework  # noqa: E402 # the root must be importable first
from apis.v1alpha1.pythonjob import PythonJob  # noqa: E402
from apis.v1alpha1.size import Size  # noqa: E402
from mlctl_core.objects.crd import crd  # noqa: E402

CRDS = ROOT / "manifests" / "crds"
CLASSES = (Framework, PythonJob, Size)
HEADER = "# Generated from apis/ by hack/manifests.py: edit the classes and run `make manifests`.\n"
# Long enough that a rule or a description stands on one line, and a difference shows as one.
WIDTH = 100_000


def main() -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description="Generate manifests/crds from apis/.")
    parser.add_argument("--check", action="store_true", help="only say which files differ")
    check = parser.parse_args().check
    wanted = {CRDS / name: text for name, text in sorted(generated().items())}
    stale = [path for path in sorted(CRDS.glob("*.yaml")) if path not in wanted]
    different = [path for path, text in wanted.items() if not _holds(path, text)]
    if check:
        for path in (*different, *stale):
            print(f"{path.relative_to(ROOT)} differs from apis/: run `make manifests`")
        return 1 if different or stale else 0
    CRDS.mkdir(parents=True, exist_ok=True)
    for path in different:
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    for path in stale:
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")
    return 0


def generated() -> dict[str, str]:
    """The text of every generated file, by its name in manifests/crds."""
    definitions = {
        definition["spec"]["names"]["plural"]: definition for definition in map(crd, CLASSES)
    }
    files = {f"{plural}.yaml": _yaml(definition) for plural, definition in definitions.items()}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(files),
    }
    return {**files, "kustomization.yaml": _yaml(kustomization)}


def _yaml(content: dict[str, object]) -> str:
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=True)
    return HEADER + text


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out in full: anchors are hard to read in a manifest."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 # the base class's signature
        return True


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
