"""Puts a `Person` into an account, precisely as written."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from moto.iam import models

from custom_filters.sandbox.aws.account import Account, extras, naive
from custom_filters.sandbox.aws.activity import note_use
from custom_filters.sandbox.aws.grants import add_group, policy_arn
from custom_filters.sandbox.aws.people import BEDROCK, REGION, Event, Person, When, resolve

PEM = "-----BEGIN CERTIFICATE-----\nc2FuZGJveA==\n-----END CERTIFICATE-----"  # nobody reads what is in it
STATUS = {True: "Active", False: "Inactive"}


def add_person(account: Account, person: Person) -> Any:
    """Makes the user; returns moto's object. A name that is taken is moto's EntityAlreadyExists."""
    now = account.clock.reference()
    tags = [{"Key": key, "Value": value} for key, value in person.tags.items()]
    user = account.backend.create_user(REGION, person.name, person.path, tags)
    user.id = account.identifier("AIDA", "user", person.name, length=21)
    born = resolve(person.created, now)
    user.create_date = naive(born)
    extras(user).in_report = person.in_report
    _add_password(user, person, born, now)
    _add_keys(account, user, person, born, now)
    _add_other_credentials(account, user, person, born, now)
    _grant(account, user, person)
    _add_history(account, user, person, now)
    return user


def _add_password(user: Any, person: Person, born: datetime, now: datetime) -> None:
    used = person.password.used if person.password else person.password_used
    user.password_last_used = naive(resolve(used, now)) if used is not None else None
    if person.mfa:
        user.enable_mfa_device(f"arn:aws:iam::{user.account_id}:mfa/{person.name}", "000000", "000000")
    if person.password is not None:
        user.password = "set"
        extras(user).password_created = created = _at(person.password.created, born, now)
        extras(user).password_changed = _at(person.password.changed, created, now)


def _add_keys(account: Account, user: Any, person: Person, born: datetime, now: datetime) -> None:
    for number, key in enumerate(person.keys):
        made = models.AccessKey(user.name, "AKIA", account.id, STATUS[key.active])
        # The number keeps ids in the order written: AWS's report lists keys by id.
        made.access_key_id = key.id or account.identifier(f"AKIA{'ABCDEF'[number]}", user.name, number)
        made.secret_access_key = key.secret or made.secret_access_key
        made.create_date = _at(key.created, born, now)
        extras(user).rotated[made.access_key_id] = _at(key.rotated, made.create_date, now)
        if key.used is not None:
            used = naive(resolve(key.used, now))
            made.last_used = models.AccessKeyLastUsed(used, key.service, key.region)
            note_use(user, key.service, used)
        user.access_keys.append(made)
        account.backend.access_keys[made.access_key_id] = made


def _add_other_credentials(
    account: Account, user: Any, person: Person, born: datetime, now: datetime
) -> None:
    for number, ssh in enumerate(person.ssh_keys):
        key = models.SshPublicKey(
            user.name, f"ssh-ed25519 {account.identifier('', user.name, number)} sandbox"
        )
        key.ssh_public_key_id = ssh.id or account.identifier("APKA", user.name, number)
        key.upload_date, key.status = _at(ssh.uploaded, born, now), STATUS[ssh.active]
        user.ssh_public_keys.append(key)
    for number, one in enumerate(person.certificates):
        made_id = one.id or account.identifier("", "certificate", user.name, number, length=32)
        made = models.SigningCertificate(made_id, user.name, PEM)
        made.upload_date, made.status = _at(one.uploaded, born, now), STATUS[one.active]
        user.signing_certificates[made.id] = made
    for number, credential in enumerate(person.service_credentials):
        name = "ServiceCredentialAlias" if credential.service == BEDROCK else "ServiceUserName"
        shown = {
            "UserName": user.name,
            "Status": STATUS[credential.active],
            name: f"{user.name}-at-{account.id}",
            "CreateDate": _at(credential.created, born, now),
            "ServiceSpecificCredentialId": credential.id or account.identifier("ACCA", user.name, number),
            "ServiceName": credential.service,
        }
        expires = {} if credential.expires is None else {"ExpirationDate": _at(credential.expires, born, now)}
        extras(user).service_credentials.append({**shown, **expires})


def _grant(account: Account, user: Any, person: Person) -> None:
    for name in person.groups:
        add_group(account, name)
        account.backend.add_user_to_group(name, person.name)
    for policy in person.attached:
        account.backend.attach_user_policy(policy_arn(policy), person.name)
    for name, document in person.inline.items():
        json.loads(document)  # a document that is not JSON is a mistake in the test that wrote it
        user.put_policy(name, document)


def _add_history(account: Account, user: Any, person: Person, now: datetime) -> None:
    for service, when in person.advisor.items():
        note_use(user, service, naive(resolve(when, now)))
    events = [*person.events]
    if person.password and person.password.used is not None:
        events.append(Event("ConsoleLogin", person.password.used, region=person.password.region))
    for key, made in zip(person.keys, user.access_keys, strict=True):
        if key.used is not None:
            source = f"{key.service}.amazonaws.com"
            events.append(Event("ListBuckets", key.used, source, key.region, True, made.access_key_id))
    for event in events:
        account.record(person.name, user.id, event, resolve(event.at, now))


def _at(when: When | None, default: datetime, now: datetime) -> datetime:
    """The moment, or the default, as moto has it."""
    return naive(default if when is None else resolve(when, now))
