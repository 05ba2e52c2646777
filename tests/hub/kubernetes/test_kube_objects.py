"""What the platform makes for people and for the hub on a cluster, whole.

Tier: none; every object is held against the schemas of Kubernetes 1.32 to 1.36.
"""

from __future__ import annotations

from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from pydantic import ValidationError

from nacelle.cluster import access, admission, rights
from nacelle.cluster.naming import slug_of
from nacelle.settings import Settings
from nacelle.settings.cluster import ClusterSettings

PREFIX = "nacelle-user"
MANAGED = {"app.kubernetes.io/managed-by": "nacelle"}
QUOTA = ClusterSettings().access_quota
VERSIONS = ("1.32", "1.33", "1.34", "1.35", "1.36")
OBJECTS = [
    access.make_namespace(PREFIX, "ada"),
    access.make_account("nacelle", "ada"),
    access.make_binding(PREFIX, "ada", "edit", "nacelle"),
    access.make_quota(PREFIX, "ada", QUOTA),
    access.make_isolation(PREFIX, "ada"),
    access.make_cluster_role("view"),
    access.make_cluster_role("edit"),
    rights.make_service_account("hub"),
    rights.make_role("nacelle"),
    rights.make_role("nacelle", access=True),
    rights.make_role_binding("nacelle", "hub"),
    rights.make_cluster_role("nacelle-hub"),
    rights.make_cluster_role("nacelle-hub", access=True),
    rights.make_cluster_role_binding("nacelle-hub", "hub"),
    admission.make_hub_policy("nacelle-hub", "hub", PREFIX),
    admission.make_services_policy("nacelle-services", PREFIX),
    admission.make_policy_binding("nacelle-hub"),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "made", OBJECTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_every_object_is_valid(made: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(made, version, strict=True)


def test_a_person_s_namespace() -> None:
    assert access.make_namespace(PREFIX, "Ada.L") == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "nacelle-user--41da-2e-4c",
            "labels": {
                **MANAGED,
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
            },
            "annotations": {"nacelle/owner": "Ada.L"},
        },
    }


def test_a_right_holds_in_the_person_s_namespace_for_an_account_of_the_sessions_one() -> None:
    assert access.make_binding(PREFIX, "ada", "view", "nacelle") == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": "nacelle-session-view",
            "namespace": "nacelle-user-ada",
            "labels": MANAGED,
        },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "nacelle-session-view",
        },
        "subjects": [
            {"kind": "ServiceAccount", "name": "session-ada", "namespace": "nacelle"},
        ],
    }
    assert access.make_account("nacelle", "ada") == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": "session-ada",
            "namespace": "nacelle",
            "labels": MANAGED,
            "annotations": {"nacelle/owner": "ada"},
        },
        "automountServiceAccountToken": False,
    }


def granted(right: access.Right) -> set[tuple[str, str]]:
    """(resource, verb) of a role."""
    return {
        (resource, verb)
        for rule in access.make_cluster_role(right)["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_who_may_view_changes_nothing_and_reads_no_secret() -> None:
    assert {verb for _, verb in granted("view")} == {"get", "list", "watch"}
    assert "secrets" not in {resource for resource, _ in granted("view")}


@pytest.mark.parametrize("right", ["view", "edit"])
@pytest.mark.parametrize(
    "resource",
    ["networkpolicies", "resourcequotas", "limitranges", "roles", "rolebindings",
     "serviceaccounts", "serviceaccounts/token", "namespaces", "nodes", "*"],
)  # fmt: skip
def test_nobody_moves_their_own_walls(right: access.Right, resource: str) -> None:
    assert resource not in {name for name, _ in granted(right)}


def test_the_hub_reads_no_secret_and_runs_into_no_pod() -> None:
    rules = rights.make_role("nacelle", access=True)["rules"]
    held = {(name, verb) for rule in rules for name in rule["resources"] for verb in rule["verbs"]}
    assert {verb for name, verb in held if name == "secrets"} == {"create", "delete"}
    assert not any(name.startswith("pods/") for name, _ in held)
    assert not any("*" in (name, verb) for name, verb in held)


def test_without_profiles_that_grant_access_the_hub_only_sees_nodes_beyond_its_namespace() -> None:
    assert rights.make_cluster_role("nacelle-hub")["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}
    ]


def test_with_them_it_may_bind_two_roles_and_an_admission_policy_holds_it_to_people_s() -> None:
    rules = rights.make_cluster_role("nacelle-hub", access=True)["rules"]
    bind = next(rule for rule in rules if "bind" in rule["verbs"])
    assert bind["resourceNames"] == ["nacelle-session-view", "nacelle-session-edit"]
    policy = admission.make_hub_policy("nacelle-hub", "office", PREFIX)["spec"]
    assert policy["matchConditions"][0]["expression"] == (
        "request.userInfo.username == 'system:serviceaccount:office:nacelle-hub'"
    )
    assert policy["validations"][0]["expression"] == (
        "(request.kind.kind == 'Namespace' ? request.name : request.namespace)"
        ".startsWith('nacelle-user-')"
    )
    held = {(rule["apiGroups"][0], name) for rule in rules[1:-1] for name in rule["resources"]}
    told = {
        (rule["apiGroups"][0], name)
        for rule in policy["matchConstraints"]["resourceRules"]
        for name in rule["resources"]
    }
    assert held == told, "what it may beyond its namespace is what the policy looks at"


def test_a_service_of_a_person_takes_no_address_of_others() -> None:
    policy = admission.make_services_policy("nacelle-services", PREFIX)["spec"]
    assert policy["matchConditions"][0]["expression"] == (
        "request.namespace.startsWith('nacelle-user-')"
    )
    assert policy["matchConstraints"]["resourceRules"] == [
        {
            "apiGroups": [""],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["services"],
        }
    ]
    assert policy["validations"][0]["expression"] == (
        "!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0"
    )
    assert QUOTA["services.loadbalancers"] == QUOTA["services.nodeports"] == "0"


def test_no_person_s_namespace_is_one_of_the_platform_s() -> None:
    for changed in (
        {"cluster": {"namespace": "office-s", "access_prefix": "office"}},
        {"cluster": {"access_prefix": "office"}, "jobs": {"kubernetes": {"namespace": "office-j"}}},
        {"cluster": {"access_prefix": "p" * 23}},
    ):
        with pytest.raises(ValidationError, match="access_prefix"):
            Settings.model_validate(changed)


LONG = "a" * 60


@pytest.mark.parametrize("user", ["ada", "Ada", "a.b@office.example", "é", LONG, LONG + "b", "-"])
def test_names_fit_and_are_nobody_else_s(user: str) -> None:
    name = access.namespace_name("p" * 22, user)
    assert len(name) <= 63 and len(access.account_name(user)) <= 63
    others = {"ada", "Ada", "a.b@office.example", "é", LONG, LONG + "b", "-"} - {user}
    assert slug_of(user) not in {slug_of(other) for other in others}
