"""A cluster in a dictionary: enough of an API server, kubelet and collector for job tests.

Plans become writes by the runtime's own comparison with the caches, and each write is done by
itself, so that a test can end the controller between any two of them. The caches show what the
server has at once, but for kinds whose events a test holds back.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path

import msgspec
import yaml

from controllers import pythonjob
from controllers.jobs.facts import Facts, LivePod, Output, SourceFiles
from controllers.jobs.pod import containers
from mlctl_core.cache.store import Entry, Store
from mlctl_core.embedded.apiserver.cel_rules import compile_rules
from mlctl_core.embedded.apiserver.validation import validate
from mlctl_core.objects.codec import decode
from mlctl_core.objects.core import Pod
from mlctl_core.objects.crd import crd
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import NODE, POD
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.objects.times import format_time, parse_time
from mlctl_core.reconcile.changes import (
    Apply,
    Create,
    Merge,
    Owner,
    Refused,
    Remove,
    changes,
)
from mlctl_core.reconcile.plan import Plan, WriteFailure
from mlctl_core.reconcile.view import View

PLANNER = pythonjob.plan
JOB = PLANNER.kind
FRAMEWORK, SIZE = PLANNER.kinds[-3], PLANNER.kinds[-2]
START = datetime(2026, 1, 1, tzinfo=UTC)
CATALOGUE = Path(__file__).parents[2] / "manifests" / "catalogue"
GRACE = 30
POD_NAME = "pyjob-mnist-worker-0"
NEVER = {"backoffLimit": 0, "infraBackoffLimit": 0}
"""Budgets that let the first failure be the last."""


class ConflictError(Exception):
    pass


class World:
    sample = {  # noqa: RUF012 # never changed
        "framework": "scikit-learn",
        "size": "small",
        "entrypoint": "train.py",
        "source": {"inline": {"train.py": "print('accuracy=0.97')"}},
    }

    def __init__(self, controller=pythonjob):
        self.now = START
        self.controller = controller
        self.planner = controller.plan
        self.kinds = self.planner.kinds
        self.server = {kind: Store() for kind in self.kinds}
        self.stores = {kind: Store() for kind in self.kinds}
        self.held = {}
        self.own_writes = {}
        self.versions = count(1)
        self.uids = count(1)
        self.logs = {}
        self.unreadable = set()
        self.failing_since = {}
        self.silent = False
        self.user_config_maps = {}
        self.refuse_pods = None
        self.failures = ()
        self.events = []
        self.news = []
        self.created = []
        self.writes = []
        for obj in catalogue():
            self.add(obj)
        self.node("cpu-1")

    # What users and operators do.

    def add(self, obj):
        kind = next(k for k in self.kinds if k.name == obj["kind"])
        obj = copy.deepcopy(obj)
        metadata = obj["metadata"]
        if kind.namespaced:
            metadata.setdefault("namespace", "default")
        metadata.setdefault("uid", f"{kind.name.lower()}-{next(self.uids)}")
        metadata.setdefault("creationTimestamp", format_time(self.now))
        metadata.setdefault("generation", 1)
        self.put(kind, obj)
        return obj

    def submit(self, name="mnist", annotations=None, **spec):
        spec = {**self.sample, **spec}
        self.add(
            {
                "apiVersion": self.planner.kind.api_version,
                "kind": self.planner.kind.name,
                "metadata": {"name": name, "annotations": annotations or {}},
                "spec": {k: v for k, v in spec.items() if v is not None},
            }
        )

    def node(self, name, ready="True", taints=()):
        conditions = [
            {"type": "Ready", "status": ready, "lastTransitionTime": format_time(self.now)}
        ]
        obj = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "uid": f"node-{name}"},
            "spec": {"taints": list(taints)},
            "status": {"conditions": conditions},
        }
        self.put(NODE, obj)

    def edit(self, name="mnist", **spec):
        obj = self.raw(self.planner.kind, name)
        obj["spec"] |= spec
        obj["metadata"]["generation"] += 1
        self.put(self.planner.kind, obj)

    def delete(self, kind, name, grace=None):
        """As the API server does it: marked while somebody has to act, gone otherwise."""
        obj = self.raw(kind, name)
        metadata = obj["metadata"]
        bound = kind == POD and obj["spec"].get("nodeName")
        ended = obj.get("status", {}).get("phase") in ("Succeeded", "Failed")
        grace = grace if grace is not None else (GRACE if bound and not ended else 0)
        if not metadata.get("finalizers") and not grace:
            self.remove(kind, name)
            return
        requested = parse_time(
            metadata.get("deletionTimestamp") or format_time(self.now)
        ) - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
        metadata["deletionTimestamp"] = format_time(requested + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
        self.put(kind, obj)

    def collect_garbage(self):
        """Delete what belongs to objects that are gone."""
        alive = {e.metadata.uid for store in self.server.values() for e in store.list()}
        for kind in self.planner.owns:
            for entry in self.server[kind].list():
                owner = entry.metadata.controller
                if owner and owner.uid not in alive and not entry.metadata.deleting:
                    self.delete(kind, entry.metadata.name)

    # What a scheduler and a kubelet do.

    def bind(self, name="pyjob-mnist-worker-0", node="cpu-1"):
        pod = self.raw(POD, name)
        pod["spec"]["nodeName"] = node
        self.condition(pod, "PodScheduled", "True")

    def unschedulable(self, message, name="pyjob-mnist-worker-0"):
        self.condition(self.raw(POD, name), "PodScheduled", "False", "Unschedulable", message)

    def condition(self, pod, kind, status, reason="", message=""):
        conditions = pod.setdefault("status", {}).setdefault("conditions", [])
        conditions[:] = [c for c in conditions if c["type"] != kind]
        time = format_time(self.now)
        conditions.append(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": time,
            }
        )
        self.put(POD, pod)

    def container(self, state, name="pyjob-mnist-worker-0", container="main", **status):
        pod = self.raw(POD, name)
        field = "containerStatuses" if container == "main" else "initContainerStatuses"
        statuses = pod.setdefault("status", {}).setdefault(field, [])
        statuses[:] = [s for s in statuses if s["name"] != container]
        statuses.append({"name": container, "state": state, **status})
        self.put(POD, pod)

    def wait(self, reason, message="", container="main"):
        self.container({"waiting": {"reason": reason, "message": message}}, container=container)

    def run(self, name="pyjob-mnist-worker-0", **status):
        if not self.raw(POD, name)["spec"].get("nodeName"):
            self.bind(name)
        self.container({"running": {"startedAt": format_time(self.now)}}, name, **status)
        self.phase("Running", name)

    def finish(self, code=0, reason="", container="main", name="pyjob-mnist-worker-0", message=""):
        pod = self.raw(POD, name)
        if not pod["spec"].get("nodeName"):
            self.bind(name)
        ended = {
            "exitCode": code,
            "reason": reason or ("Completed" if code == 0 else "Error"),
            "message": message,
            "startedAt": self.started(name),
            "finishedAt": format_time(self.now),
        }
        self.container({"terminated": ended}, name, container)
        self.phase("Succeeded" if code == 0 else "Failed", name)

    def started(self, name):
        for status in self.raw(POD, name).get("status", {}).get("containerStatuses", []):
            if running := status["state"].get("running"):
                return running["startedAt"]
        return format_time(self.now)

    def phase(self, phase, name="pyjob-mnist-worker-0", reason="", message=""):
        pod = self.raw(POD, name)
        pod.setdefault("status", {}).update(phase=phase, reason=reason, message=message)
        self.put(POD, pod)

    def kubelet_ends_deleted_pods(self):
        """A pod that is being deleted is stopped, reported as failed, and given back."""
        for entry in self.server[POD].list():
            metadata, pod = entry.metadata, decode(Pod, entry.raw)
            if not metadata.deleting:
                continue
            if pod.spec.node_name and pod.status.phase not in ("Succeeded", "Failed"):
                self.finish(143, name=metadata.name)
            if not metadata.finalizers:
                self.remove(POD, metadata.name)
            else:
                self.delete(POD, metadata.name, grace=0)

    # What the runtime does.

    def reconcile(self, crash_after=None):
        """One reconcile of the one job, or of its leftovers; True when something was written.

        Ends as a killed process does once ``crash_after`` writes are done.
        """
        self.see_own_writes()
        plan = self.plan()
        done = False
        known = {f.place for f in self.failures}
        self.failures, failed = (), ()
        for change in self.pending(plan):
            if failed and not (isinstance(change, Merge) and change.own):
                continue
            if crash_after is not None and len(self.writes) >= crash_after:
                raise KeyboardInterrupt
            failure = self.refusal(change)
            if failure:
                failed = (*failed, failure)
                if failure.place not in known:
                    break
                continue
            self.write(change)
            done = True
        else:
            self.news += [event for event in plan.events if event.type == "Normal"]
            self.events += [event for event in plan.events if event.type != "Normal"]
        self.failures = failed
        self.last = plan
        return done

    def settle(self, limit=50):
        """Reconcile until nothing is left to write."""
        for _ in range(limit):
            wrote = self.reconcile()
            if not wrote and self.last.requeue_after != 0:
                return self.last
        raise AssertionError(f"does not settle: {self.last}")

    def plan(self, facts=None, name="mnist") -> Plan:
        key = ObjectKey("default", name)
        entry = self.stores[self.planner.kind].get(key)
        if entry is None:
            return self.planner.gone(key, self.view(key, None))
        job = decode(self.planner.cls, entry.raw)
        facts = facts or self.facts(job, self.view(key, entry.metadata))
        return self.planner(job, self.view(key, entry.metadata, facts))

    def wanted(self, job, view):
        return self.controller.wanted(job, view)

    def facts(self, job, view):
        wanted = self.wanted(job, view)
        output = metrics = source = pod = None
        if wanted.log_of:
            output = self.read_log(wanted.log_of, wanted.container)
        if wanted.metrics_of:
            metrics = self.read_log(wanted.metrics_of, containers.MAIN)
        if wanted.config_map:
            files = self.user_config_maps.get(wanted.config_map)
            source = SourceFiles(wanted.config_map, files if files is None else frozenset(files))
        if wanted.pod and not self.silent:
            entry = self.server[POD].get(ObjectKey("default", wanted.pod))
            pod = LivePod(wanted.pod, entry and entry.metadata)
        return Facts(output, source, pod, metrics)

    def read_log(self, pod, container):
        """A log that is kept under its pod's name, or that all containers of the name have."""
        name, uid = pod.metadata.name, pod.metadata.uid
        if uid not in self.unreadable:
            text = self.logs.get((name, container), self.logs.get(container, ""))
            return Output(uid, container, text)
        failing = self.now - self.failing_since.setdefault(uid, self.now)
        return Output(uid, container, None, "no route", failing.total_seconds())

    def view(self, key, metadata, facts=None):
        return View(
            key=key,
            now=self.now,
            metadata=metadata,
            facts=facts,
            failures=self.failures,
            stores=self.stores,
            classes=self.planner.classes,
        )

    def pending(self, plan, name="mnist"):
        key = ObjectKey("default", name)
        entry = self.stores[self.planner.kind].get(key)
        owner = Owner(
            kind=self.planner.kind,
            key=key,
            metadata=entry.metadata if entry else None,
            raw=entry.raw if entry else b"",
        )
        return changes(owner, plan, self.stores, {str(kind): kind for kind in self.kinds})

    def refusal(self, change):
        if isinstance(change, Refused):
            return change.failure
        if self.refuse_pods and isinstance(change, Create) and change.kind == POD:
            return WriteFailure(
                kind=POD,
                name=change.key.name,
                namespace=change.key.namespace,
                status=403,
                reason="Forbidden",
                message=self.refuse_pods,
            )
        return None

    def write(self, change):
        """Do what the server does with a request, however late it comes.

        A request that its preconditions, or a pod of that name, forbid raises ConflictError.
        """
        self.writes.append(change)
        name, entry = change.key.name, self.server[change.kind].get(change.key)
        self.send(change, name, entry)
        if self.held.get(change.kind):
            self.own_writes[change.kind] = self.held[change.kind][-1]

    def send(self, change, name, entry):
        if isinstance(change, Create):
            if entry is None:
                self.created.append((change.kind, self.add({**change.body, "status": {}})))
            elif (entry.metadata.controller and entry.metadata.controller.uid) != (
                change.controller_uid
            ):
                raise ConflictError(change)
        elif isinstance(change, Apply):
            self.put(change.kind, merged(self.raw(change.kind, name), change.body))
        elif isinstance(change, Merge) and (entry or change.own):
            self.merge(change)
        elif isinstance(change, Remove) and entry and entry.metadata.uid == change.uid:
            self.delete(change.kind, name, change.grace_period_seconds)

    def merge(self, change):
        if not self.exists(change.kind, change.key.name):
            raise ConflictError(change)
        live = self.raw(change.kind, change.key.name)
        body = copy.deepcopy(change.body)
        for field in ("uid", "resourceVersion"):
            wanted = body.get("metadata", {}).pop(field, None)
            if wanted not in (None, live["metadata"][field]):
                raise ConflictError(change)
        new = merged(live, body)
        if change.own:
            assert refusals(self.planner.cls, new, live) == []
        self.put(change.kind, new)
        metadata = new["metadata"]
        waits = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
        if metadata.get("deletionTimestamp") and not waits:
            self.remove(change.kind, change.key.name)

    # The store.

    def raw(self, kind, name, namespace="default"):
        key = ObjectKey(namespace if kind.namespaced else "", name)
        return msgspec.json.decode(self.server[kind].get(key).raw)

    def put(self, kind, obj):
        obj["metadata"]["resourceVersion"] = str(next(self.versions))
        raw = msgspec.json.encode(obj)
        self.happen(kind, "put", Entry(raw=raw, metadata=decode_metadata(raw)))

    def remove(self, kind, name):
        obj = self.raw(kind, name)
        obj["metadata"]["resourceVersion"] = str(next(self.versions))
        raw = msgspec.json.encode(obj)
        self.happen(kind, "remove", Entry(raw=raw, metadata=decode_metadata(raw)))

    def happen(self, kind, change, entry):
        getattr(self.server[kind], change)(entry)
        if kind in self.held:
            self.held[kind].append((change, entry))
        else:
            getattr(self.stores[kind], change)(entry)

    def hold_back(self, *kinds):
        """Let the caches of these kinds lag from here on."""
        for kind in kinds:
            self.held.setdefault(kind, [])

    def see_own_writes(self):
        """Let the caches show what this process wrote, as the runtime waits for before a plan."""
        for kind, event in self.own_writes.items():
            held = self.held.get(kind, ())
            if event in held:
                self.catch_up(kind, held.index(event) + 1)
        self.own_writes = {}

    def fail_over(self):
        """Another process goes on: from a fresh look at the jobs, and caches as they are."""
        self.own_writes = {}
        self.failures = ()
        kind = self.planner.kind
        if kind in self.held:
            self.catch_up(kind, len(self.held[kind]))

    def catch_up(self, kind, events=None):
        """Show the cache so many of the events that were held back, or all from here on."""
        due = self.held[kind][:events]
        self.held[kind] = self.held[kind][len(due) :]
        for change, entry in due:
            getattr(self.stores[kind], change)(entry)
        if events is None:
            del self.held[kind]

    def pass_time(self, seconds):
        self.now += timedelta(seconds=seconds)

    # What a test asks.

    @property
    def job(self):
        entry = self.server[self.planner.kind].get(ObjectKey("default", "mnist"))
        return decode(self.planner.cls, entry.raw)

    @property
    def status(self):
        return self.job.status

    def exists(self, kind, name):
        return ObjectKey("default" if kind.namespaced else "", name) in self.server[kind]

    def pods(self):
        return [msgspec.json.decode(entry.raw) for entry in self.server[POD].list()]

    def truths(self):
        return {c.type: c.status for c in self.status.conditions}


def running(world, **spec):
    """Bring a job to where its one pod has run for a while."""
    world.submit(**spec)
    world.settle()
    world.run()
    world.settle()
    world.pass_time(10)
    return world


@cache
def catalogue():
    files = ("frameworks.yaml", "sizes.yaml")
    return [obj for name in files for obj in yaml.safe_load_all((CATALOGUE / name).read_text())]


@cache
def rules_of_the_server(cls):
    schema = crd(cls)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema, compile_rules(schema)


def refusals(cls, new, old):
    """What the server has against a change of a job."""
    schema, rules = rules_of_the_server(cls)
    return [str(error) for error in validate(new, schema) or rules.check(new, old)]


def merged(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
