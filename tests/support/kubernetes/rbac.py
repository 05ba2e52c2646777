"""Role based access control as an API server decides by it, escalation included.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.kubernetes.kinds import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
    Address,
    Object,
    group_of,
)
from tests.support.kubernetes.objects import Objects

_WORDS = {"fetch": "get", "delete-all": "deletecollection"}


@dataclass(frozen=True)
class Account:
    """Who a token stands for: a service account, or an administrator of the cluster."""

    name: str
    namespace: str = ""
    is_admin: bool = field(default=False, kw_only=True)

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"


ADMIN = Account("admin", is_admin=True)


def refuse(held: Objects, account: Account, verb: str, at: Address, body: Object) -> str | None:
    """Why a request is forbidden, in the API's words; None when it is not."""
    if account.is_admin:
        return None
    group, plural = group_of(at.kind)
    resource = f"{plural}/{at.subresource}" if at.subresource else plural
    word = _WORDS.get(verb, verb)
    rules = list(_rules(held, account, at.namespace))
    if not any(_allows(rule, group, resource, word, at.name) for rule in rules):
        where = f' in the namespace "{at.namespace}"' if at.namespace else " at the cluster scope"
        named = f' "{at.name}"' if at.name else ""
        return (
            f'{plural}{named} is forbidden: User "{account.user}" cannot {word} resource'
            f' "{resource}" in API group "{group}"{where}'
        )
    if at.kind in (ROLES, CLUSTER_ROLES) and word in ("create", "update", "patch"):
        return _refuse_rules(rules, group, plural, "escalate", body, body.get("rules") or [])
    if at.kind in (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS) and word in ("create", "update", "patch"):
        reference = body.get("roleRef") or {}
        named = str(reference.get("name", ""))
        kind = ROLES if reference.get("kind") == "Role" else CLUSTER_ROLES
        role = held.get(kind, named, at.namespace if kind == ROLES else None)
        bound = (role or {}).get("rules") or []
        wanted, name = group_of(kind)
        if any(_allows(rule, wanted, name, "bind", named) for rule in rules):
            return None
        return _refuse_rules(rules, group, plural, "bind", body, bound)
    return None


def _refuse_rules(
    own: list[Object], group: str, plural: str, excuse: str, body: Object, wanted: list[Object]
) -> str | None:
    """A role may be given by those alone who have all of it themselves."""
    name = body["metadata"]["name"]
    if any(_allows(rule, group, plural, excuse, name) for rule in own):
        return None
    for rule in wanted:
        for group_wanted in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for verb in rule.get("verbs") or ():
                    if not any(_allows(one, group_wanted, resource, verb, "") for one in own):
                        return (
                            f'{plural} "{name}" is forbidden: user is attempting to grant RBAC'
                            f" permissions not currently held: {group_wanted}/{resource} {verb}"
                        )
    return None


def _rules(held: Objects, account: Account, namespace: str) -> Iterator[Object]:
    bindings = held.find(CLUSTER_ROLE_BINDINGS)
    if namespace:
        bindings += held.find(ROLE_BINDINGS, namespace)
    for binding in bindings:
        if not any(_is_subject(one, account) for one in binding.get("subjects") or ()):
            continue
        reference = binding["roleRef"]
        kind = ROLES if reference["kind"] == "Role" else CLUSTER_ROLES
        role = held.get(kind, reference["name"], namespace or None)
        yield from (role or {}).get("rules") or ()


def _is_subject(subject: Object, account: Account) -> bool:
    if subject["kind"] == "Group":
        spaced = f"system:serviceaccounts:{account.namespace}"
        return subject["name"] in ("system:authenticated", "system:serviceaccounts", spaced)
    return (subject["kind"], subject["name"], subject.get("namespace")) == (
        "ServiceAccount",
        account.name,
        account.namespace,
    )


def _allows(rule: Object, group: str, resource: str, verb: str, name: str) -> bool:
    def has(key: str, wanted: str) -> bool:
        return bool({wanted, "*"} & set(rule.get(key) or ()))

    names = rule.get("resourceNames") or ()
    return (
        has("apiGroups", group)
        and has("resources", resource)
        and has("verbs", verb)
        and (not names or name in names)
    )
