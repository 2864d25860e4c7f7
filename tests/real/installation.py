"""A control plane with manifests/ applied, as kubectl's users see it."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

import attrs

from mlctl_core.testing.control_plane import ControlPlane
from mlctl_core.testing.kubernetes.assets import NEWEST, assets_from_environment_or_cache

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
SYSTEM = "mlctl-system"
# A policy holds some time after it was created, when the server's own watch has seen it; so do
# roles. Each question of a wait takes a tenth of a second or more.
SECONDS = 60


@attrs.frozen
class Answer:
    """What kubectl said."""

    succeeded: bool
    out: str
    err: str

    @property
    def object(self):
        assert self.succeeded, self.err
        return json.loads(self.out)


@attrs.frozen
class User:
    """kubectl with somebody's credentials."""

    program: Path
    kubeconfig: Path

    def kubectl(self, *args, body=None):
        done = subprocess.run(
            [str(self.program), "--kubeconfig", str(self.kubeconfig), *args],
            input=None if body is None else json.dumps(body),
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=2 * SECONDS,
        )
        return Answer(done.returncode == 0, done.stdout, done.stderr)

    def must(self, *args, body=None):
        answer = self.kubectl(*args, body=body)
        assert answer.succeeded, answer.err
        return answer

    def create(self, body, *flags):
        return self.kubectl("create", "-f", "-", "-o", "json", *flags, body=body)

    def tries_to_create(self, body):
        """Everything but storing it."""
        return self.create(body, "--dry-run=server")

    def patch(self, what, patch, *flags, namespace=""):
        args = ["patch", *what.split(), "--type=merge", "-p", json.dumps(patch), "-o", "json"]
        return self.kubectl(*args, *(("-n", namespace) if namespace else ()), *flags)

    def get(self, what, *flags):
        return self.must("get", *what.split(), "-o", "json", *flags).object


def eventually(question):
    """Ask until the answer is true; each question takes time of its own, as kubectl does."""
    clock = _clock()
    while not (answer := question()):
        assert next(clock) < SECONDS, f"still not so after {SECONDS} s"
    return answer


def _clock():
    import time

    begun = time.monotonic()
    while True:
        yield time.monotonic() - begun


@attrs.frozen
class Installation:
    """A control plane, and its users."""

    plane: ControlPlane
    program: Path
    admin: User

    def user(self, name, *groups):
        return User(self.program, self.plane.kubeconfig_for(name, groups))

    def manager(self):
        """The manager's own account, with a token that belongs to no pod."""
        kubeconfig = self.plane.kubeconfig_for_service_account(SYSTEM, "mlctl-manager")
        return User(self.program, kubeconfig)

    def tenant(self, name, namespace, role="edit"):
        """A user who has one of Kubernetes' own roles in one namespace, and nothing else."""
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{name}-{role}", "namespace": namespace},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        }
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        for made in (body, binding):
            self.admin.must("apply", "-f", "-", body=made)
        return self.user(name)


@contextmanager
def installation(kustomization="manifests", release=NEWEST):
    """Install in two steps, as the README says."""
    assets = assets_from_environment_or_cache(release)
    with ControlPlane(assets) as plane:
        admin = User(assets.kubectl, plane.kubeconfig)
        admin.must("apply", "-k", "manifests/crds")
        admin.must("wait", "--for=condition=Established", "crd", "--all", f"--timeout={SECONDS}s")
        admin.must("apply", "-k", kustomization)
        yield Installation(plane, assets.kubectl, admin)


def job(name="digits", namespace="team-a", **spec):
    """A PythonJob that the default catalogue can run."""
    wanted = {"framework": "python", "size": "small", "entrypoint": "package.module", **spec}
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "PythonJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": wanted,
    }


def pod(name="main", namespace="team-a", **metadata):
    """A pod of the tenant's own."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {"containers": [{"name": "main", "image": "example.com/image"}]},
    }


def owned_by(job, *, controller=True):
    """A reference to a job that exists."""
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "name": job["metadata"]["name"],
        "uid": job["metadata"]["uid"],
        "controller": controller,
    }
