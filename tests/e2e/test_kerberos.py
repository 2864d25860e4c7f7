"""A keytab becomes a ticket that a job has and that stays fresh, by a KDC of our own."""

from __future__ import annotations

import contextlib

import pytest
from inputs import IDENTITY, config_map, of, secret
from kdc import REALM, missing, running
from plane import SIZE, job, phase, reason, size

from mlctl_core.client.errors import AlreadyExistsError
from mlctl_core.objects.kinds import CONFIG_MAP, POD, SECRET

pytestmark = pytest.mark.heavy

TOUCH = {"metadata": {"annotations": {"example.org/touched": "1"}}}
PRINCIPAL = f"alice@{REALM}"
LISTS_ITS_TICKET = """
import os, subprocess
print(subprocess.run(["klist"], check=True, capture_output=True, text=True).stdout)
said = subprocess.run(["klist"], check=True, capture_output=True, text=True).stdout
assert "Default principal: alice@EXAMPLE.TEST" in said, said
assert not os.path.exists("/mlctl/identity/keytab"), "the keytab is not the program's"
print("tickets=" + str(said.count("krbtgt/")))
"""


@pytest.fixture
def kdc(tmp_path):
    if name := missing():
        pytest.skip(f"there is no {name} here: Debian's krb5-kdc, krb5-admin-server, krb5-user")
    with running(tmp_path) as kdc:
        yield kdc


async def make(namespace, kdc, keytab):
    with contextlib.suppress(AlreadyExistsError):
        await namespace.client.create(SIZE, size("kerberos", memory="256Mi"))
    await namespace.create(CONFIG_MAP, config_map("krb5", krb5_conf=kdc.krb5_conf))
    await namespace.create(SECRET, secret("alice", keytab=keytab))
    kerberos = {
        "principal": PRINCIPAL,
        "keytabSecret": {"name": "alice"},
        "krb5ConfigMap": {"name": "krb5"},
    }
    await namespace.create(IDENTITY, of(IDENTITY, "alice", {"kerberos": kerberos}))


def ready(identity):
    found = identity.get("status", {}).get("conditions", [])
    return next((c for c in found if c["type"] == "Ready"), {"status": ""})


async def test_a_job_has_a_ticket_for_its_principal(namespace, manager, kdc):
    await make(namespace, kdc, kdc.keytab(PRINCIPAL))
    await namespace.apply(job("digits", LISTS_ITS_TICKET, identity="alice", size="kerberos"))
    ended = await namespace.ended("digits")
    assert phase(ended) == "Succeeded", ended["status"]
    assert ended["status"]["metrics"]["tickets"]["value"] == "1"
    [pod] = await namespace.all(POD)
    assert {c["name"] for c in pod["spec"]["initContainers"]} == {"kerberos", "kerberos-renewal"}


async def test_another_principals_keytab_is_told_and_the_right_one_starts_the_job(
    namespace, manager, kdc
):
    await make(namespace, kdc, kdc.keytab(f"bob@{REALM}", "bob"))
    await namespace.apply(job("digits", LISTS_ITS_TICKET, identity="alice", size="kerberos"))
    waiting = await namespace.until(
        "digits", lambda o: f"is for bob@{REALM}" in o.get("status", {}).get("message", "")
    )
    assert reason(waiting) == "IdentityNotReady"
    new = secret("alice", keytab=kdc.keytab(PRINCIPAL))
    await namespace.client.patch(SECRET, "alice", {"data": new["data"]}, namespace.name)
    await namespace.client.patch(IDENTITY, "alice", TOUCH, namespace.name)
    ended = await namespace.ended("digits")
    assert phase(ended) == "Succeeded", ended["status"]


async def test_a_key_that_the_kdc_does_not_know_any_more_fails_with_its_words(
    namespace, manager, kdc
):
    old = kdc.keytab(PRINCIPAL)
    kdc.keytab(PRINCIPAL)
    await make(namespace, kdc, old)
    spec = {"identity": "alice", "size": "kerberos", "infraBackoffLimit": 0}
    await namespace.apply(job("digits", LISTS_ITS_TICKET, **spec))
    ended = await namespace.ended("digits")
    assert (phase(ended), reason(ended)) == ("Failed", "IdentityFailed")
    assert "Password incorrect" in ended["status"]["message"], ended["status"]
