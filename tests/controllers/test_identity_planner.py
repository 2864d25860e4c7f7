"""When an Identity is ready, what it says when it is not, and what is asked of the server."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from credential_files import keytab, token

from apis.v1alpha1.identity import Identity
from controllers import identity as controller
from controllers.identities.facts import Ending, Found, IdentityFacts
from controllers.identities.observe import ANSWER_SECONDS, observe
from mlctl_core.client.errors import api_error
from mlctl_core.objects.codec import convert
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.reconcile.view import View
from mlctl_core.testing.clock import VirtualClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALL = {
    "kerberos": {
        "principal": "alice@EXAMPLE.ORG",
        "keytabSecret": {"name": "alice"},
        "krb5ConfigMap": {"name": "krb5"},
    },
    "hadoop": {"configMap": "hadoop"},
    "secrets": [
        {"name": "s3", "env": [{"name": "AWS_ACCESS_KEY_ID", "key": "id"}]},
        {"name": "tls", "mountPath": "/certs"},
    ],
    "configMaps": [{"name": "settings", "mountPath": "/settings"}],
    "serviceAccountName": "reader",
}
OBJECTS = {
    ("Secret", "alice"): {"keytab": keytab("alice@EXAMPLE.ORG")},
    ("Secret", "s3"): {"id": b"AKIA", "key": b"hunter2"},
    ("Secret", "tls"): {"tls.crt": token({"exp": NOW.timestamp() + 86400 * 30})},
    ("ConfigMap", "krb5"): {"krb5.conf": "[libdefaults]"},
    ("ConfigMap", "hadoop"): {"core-site.xml": "<configuration/>"},
    ("ConfigMap", "settings"): {"a": "b"},
    ("ServiceAccount", "reader"): {"mlctl.dev/identity": "true"},
}


def make(spec=None, generation=1, status=None):
    return convert(
        Identity,
        {
            "metadata": {"name": "alice", "namespace": "team", "generation": generation},
            "spec": ALL if spec is None else spec,
            "status": status or {},
        },
    )


class Server:
    """Answers gets at the client's own method, from a dictionary."""

    def __init__(self, objects=OBJECTS, error=None, seconds=0.0):
        self.clock = VirtualClock(NOW)
        self.objects = dict(objects)
        self.error = error
        self.seconds = seconds
        self.asked = []

    async def get(self, kind, name, namespace):
        self.asked.append((kind.name, namespace, name))
        if self.seconds:
            await self.clock.sleep(self.seconds)
        if self.error:
            raise self.error
        content = self.objects.get((kind.name, name))
        if content is None:
            raise api_error(404, b"")
        metadata = {"name": name, "namespace": namespace}
        if kind.name == "ServiceAccount":
            return json.dumps({"metadata": {**metadata, "labels": content}}).encode()
        data = {
            key: base64.b64encode(value).decode() if kind.name == "Secret" else value
            for key, value in content.items()
        }
        return json.dumps({"metadata": metadata, "data": data}).encode()


def plan(identity, facts, now=NOW):
    key = ObjectKey("team", "alice")
    view = View(key=key, now=now, metadata=identity.metadata, facts=facts, stores={})
    return controller.plan(identity, view)


def condition(plan, kind):
    return next(c for c in plan.status["conditions"] if c["type"] == kind)


async def decided(objects=OBJECTS, spec=None, status=None, **server):
    identity = make(spec, status=status)
    facts = await observe(identity, None, Server(objects, **server))
    return plan(identity, facts)


async def test_it_is_ready_when_everything_is_there_and_seldom_looked_at_again():
    done = await decided()
    ready = condition(done, "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "Complete")
    assert condition(done, "Expiring")["status"] == "False"
    assert done.status["expiresAt"] == "2026-01-31T00:00:00Z"
    assert done.status["observedGeneration"] == 1
    assert done.requeue_after == 600
    assert done.events == ()


async def test_only_what_it_names_is_asked_for_once_and_in_its_own_namespace():
    server = Server()
    await observe(make(), None, server)
    assert sorted(server.asked) == sorted((kind, "team", name) for kind, name in OBJECTS)


async def test_nothing_secret_is_in_the_facts_or_the_plan():
    objects = OBJECTS | {("Secret", "alice"): {"keytab": b"hunter2 is no keytab"}}
    server = Server(objects)
    facts = await observe(make(), None, server)
    told = repr(facts) + repr(plan(make(), facts))
    for secret in ("hunter2", "AKIA", base64.b64encode(b"AKIA").decode()):
        assert secret not in told


def without(*key):
    return {k: v for k, v in OBJECTS.items() if k != key}


BAD = {
    "no Secret": (without("Secret", "alice"), "SecretNotFound", "spec.kerberos.keytabSecret"),
    "no key": (
        OBJECTS | {("Secret", "alice"): {"a.keytab": b"", "b": b""}},
        "KeyNotFound",
        "no key keytab, it has a.keytab, b",
    ),
    "no krb5.conf": (without("ConfigMap", "krb5"), "ConfigMapNotFound", "krb5ConfigMap"),
    "no key krb5.conf": (
        OBJECTS | {("ConfigMap", "krb5"): {}},
        "KeyNotFound",
        "no key krb5.conf, it has none",
    ),
    "another's keytab": (
        OBJECTS | {("Secret", "alice"): {"keytab": keytab("bob@EXAMPLE.ORG")}},
        "PrincipalNotFound",
        "is for bob@EXAMPLE.ORG, not for alice@EXAMPLE.ORG",
    ),
    "no keytab at all": (
        OBJECTS | {("Secret", "alice"): {"keytab": b"secret words"}},
        "KeytabInvalid",
        "cannot be used: it is no keytab",
    ),
    "no Hadoop configuration": (without("ConfigMap", "hadoop"), "ConfigMapNotFound", "spec.hadoop"),
    "no key for a variable": (
        OBJECTS | {("Secret", "s3"): {"key": b""}},
        "KeyNotFound",
        "spec.secrets: Secret s3 has no key id",
    ),
    "no ConfigMap": (without("ConfigMap", "settings"), "ConfigMapNotFound", "spec.configMaps"),
    "no account": (
        without("ServiceAccount", "reader"),
        "ServiceAccountNotFound",
        "spec.serviceAccountName",
    ),
    "an account that is not for jobs": (
        OBJECTS | {("ServiceAccount", "reader"): {"mlctl.dev/identity": "no"}},
        "ServiceAccountNotAllowed",
        "mlctl.dev/identity=true",
    ),
    "a token that has ended": (
        OBJECTS | {("Secret", "tls"): {"tls.crt": token({"exp": NOW.timestamp() - 1})}},
        "Expired",
        "key tls.crt of Secret tls ended at 2025-12-31 23:59 UTC",
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_missing_is_named_and_looked_for_often(name):
    objects, reason, words = BAD[name]
    done = await decided(objects)
    ready = condition(done, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert words in ready["message"]
    assert done.requeue_after == 30
    assert [(event.type, event.reason) for event in done.events] == [("Warning", reason)]


@pytest.mark.parametrize("name", BAD)
async def test_what_was_missing_and_came_leaves_no_trace(name):
    bad = await decided(BAD[name][0])
    good = await decided(status=bad.status)
    fresh = await decided()
    assert good.status == fresh.status
    assert good.requeue_after == 600


async def test_the_same_problem_is_told_once():
    objects = without("Secret", "alice")
    first = await decided(objects)
    assert (await decided(objects, status=first.status)).events == ()


async def test_authorities_that_ended_are_no_end_of_the_identity():
    secret = {"ca.crt": token({"exp": NOW.timestamp() - 1}), "tls.crt": b""}
    done = await decided(OBJECTS | {("Secret", "tls"): secret})
    assert condition(done, "Ready")["status"] == "True"
    assert "expiresAt" not in done.status


async def test_an_end_within_a_week_is_told():
    soon = token({"exp": NOW.timestamp() + 86400 * 6})
    done = await decided(OBJECTS | {("Secret", "tls"): {"tls.crt": soon}})
    assert condition(done, "Ready")["status"] == "True"
    expiring = condition(done, "Expiring")
    assert expiring["status"] == "True"
    assert "2026-01-07" in expiring["message"]


REFUSED = api_error(403, b"")


async def test_a_server_that_does_not_answer_takes_no_readiness_away():
    ready = await decided()
    again = await decided(status=ready.status, error=REFUSED)
    assert again.status is None
    assert again.requeue_after == 30


async def test_what_may_not_be_read_is_not_ready():
    done = await decided(error=REFUSED)
    ready = condition(done, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "SecretNotRead")


async def test_an_answer_that_does_not_come_is_not_waited_for():
    server = Server(seconds=60)
    identity = make({"hadoop": {"configMap": "hadoop"}})
    asking = asyncio.create_task(observe(identity, None, server))
    await server.clock.advance(ANSWER_SECONDS)
    facts = await asking
    assert "no answer" in facts.of("ConfigMap", "hadoop").problem


async def test_an_edit_is_judged_anew_also_when_it_was_ready():
    ready = await decided()
    identity = make(generation=2, status=ready.status)
    facts = await observe(identity, None, Server(error=REFUSED))
    assert condition(plan(identity, facts), "Ready")["status"] == "False"


def test_without_facts_nothing_is_said():
    done = plan(make(), None)
    assert done.status is None
    assert done.requeue_after == 30


def test_an_identity_on_its_way_out_is_left_alone():
    identity = convert(
        Identity,
        {
            "metadata": {
                "name": "a",
                "namespace": "t",
                "deletionTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": ALL,
        },
    )
    assert plan(identity, None) == type(plan(identity, None))()


def test_the_time_of_a_condition_moves_only_when_it_flips():
    spec = {"hadoop": {"configMap": "hadoop"}}
    facts = IdentityFacts((Found("ConfigMap", "hadoop", frozenset(("core-site.xml",))),))
    first = plan(make(spec), facts)
    later = plan(make(spec, status=first.status), facts, NOW + timedelta(hours=1))
    assert later.status == first.status


def test_the_first_end_counts():
    endings = tuple(
        Ending("tls", key, NOW + timedelta(days=days)) for key, days in (("a", 40), ("b", 9))
    )
    facts = IdentityFacts((Found("ConfigMap", "hadoop", frozenset()),), None, endings)
    done = plan(make({"hadoop": {"configMap": "hadoop"}}), facts)
    assert done.status["expiresAt"] == "2026-01-10T00:00:00Z"


def test_it_may_get_what_is_named_and_list_nothing_of_it():
    rights = {str(right) for right in controller.plan.rights}
    assert "get v1/Secret" in rights
    assert not any("list v1/Secret" in right or "watch v1/Secret" in right for right in rights)
    assert not any(verb in right for right in rights for verb in ("create", "delete", "update"))
