"""Whether an identity will do, from what was found of its parts. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apis.v1alpha1.identity import CredentialFiles, IdentitySpec
    from controllers.identities.facts import IdentityFacts, SourceKind

EXPIRING = timedelta(days=7)
"""Time enough to get a new certificate from people who have other work as well."""
_MAX_NAMED = 5
"""Keys or principals that a message lists."""


@attrs.frozen
class Problem:
    """What an identity lacks: a reason, and a sentence with the field and the fix."""

    reason: str
    message: str
    is_unknown: bool = False
    """Whether it may be there all the same: it could not be asked for."""


def problem(spec: IdentitySpec, facts: IdentityFacts, now: datetime) -> Problem | None:
    """The first thing that keeps jobs from using the identity; None when nothing does."""
    return next(_problems(spec, facts, now), None)


def expires(facts: IdentityFacts) -> datetime | None:
    """When the first credential ends, as far as they tell."""
    return min((ending.at for ending in facts.endings), default=None)


def _problems(spec: IdentitySpec, facts: IdentityFacts, now: datetime) -> Iterator[Problem]:
    kerberos = spec.kerberos
    if kerberos:
        secret = kerberos.keytab_secret
        field = "spec.kerberos.keytabSecret"
        yield from _missing(facts, "Secret", secret.name, secret.key, field)
        if kerberos.krb5_config_map:
            config = kerberos.krb5_config_map
            field = "spec.kerberos.krb5ConfigMap"
            yield from _missing(facts, "ConfigMap", config.name, config.key, field)
        yield from _wrong_keytab(spec, facts)
    if spec.hadoop:
        yield from _missing(facts, "ConfigMap", spec.hadoop.config_map, None, "spec.hadoop")
    for secret_files in spec.secrets:
        yield from _missing_files(facts, "Secret", secret_files, "spec.secrets")
    for config_files in spec.config_maps:
        yield from _missing_files(facts, "ConfigMap", config_files, "spec.configMaps")
    if spec.service_account_name:
        yield from _wrong_account(spec.service_account_name, facts)
    yield from _ended(facts, now)


def _missing_files(
    facts: IdentityFacts, kind: SourceKind, files: CredentialFiles, field: str
) -> Iterator[Problem]:
    yield from _missing(facts, kind, files.name, None, field)
    for variable in files.env:
        yield from _missing(facts, kind, files.name, variable.key, field)


def _missing(
    facts: IdentityFacts, kind: SourceKind, name: str, key: str | None, field: str
) -> Iterator[Problem]:
    found = facts.of(kind, name)
    if found is None or found.problem:
        words = found.problem if found else "it was not asked for"
        yield Problem(
            f"{kind}NotRead", f"{field}: {kind} {name} could not be read: {words}", is_unknown=True
        )
    elif not found.exists:
        message = f"{field}: there is no {kind} named {name} in this namespace: create it."
        yield Problem(f"{kind}NotFound", message)
    elif key is not None and key not in found.keys:
        have = ", ".join(sorted(found.keys)[:_MAX_NAMED]) or "none"
        message = f"{field}: {kind} {name} has no key {key}, it has {have}: add it, or correct key."
        yield Problem("KeyNotFound", message)


def _wrong_keytab(spec: IdentitySpec, facts: IdentityFacts) -> Iterator[Problem]:
    kerberos, found = spec.kerberos, facts.keytab
    if kerberos is None or found is None:
        return
    where = f"key {kerberos.keytab_secret.key} of Secret {kerberos.keytab_secret.name}"
    if found.problem:
        message = f"spec.kerberos.keytabSecret: {where} cannot be used: {found.problem}."
        yield Problem("KeytabInvalid", message)
    elif kerberos.principal not in found.principals:
        have = ", ".join(sorted(found.principals)[:_MAX_NAMED]) or "nobody"
        message = (
            f"spec.kerberos: the keytab in {where} is for {have}, not for {kerberos.principal}: "
            "correct principal, or put its keytab there."
        )
        yield Problem("PrincipalNotFound", message)


def _wrong_account(name: str, facts: IdentityFacts) -> Iterator[Problem]:
    field = "spec.serviceAccountName"
    yield from _missing(facts, "ServiceAccount", name, None, field)
    found = facts.of("ServiceAccount", name)
    if found and found.exists and not found.problem and not found.allowed:
        message = (
            f"{field}: ServiceAccount {name} is not meant for jobs: who looks after it says so by "
            "the label mlctl.dev/identity=true."
        )
        yield Problem("ServiceAccountNotAllowed", message)


def _ended(facts: IdentityFacts, now: datetime) -> Iterator[Problem]:
    for ending in sorted(facts.endings, key=lambda ending: ending.at):
        if ending.at <= now:
            message = (
                f"spec.secrets: key {ending.key} of Secret {ending.secret} ended at "
                f"{ending.at:%Y-%m-%d %H:%M} UTC: replace it."
            )
            yield Problem("Expired", message)
