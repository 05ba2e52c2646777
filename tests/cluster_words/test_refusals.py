"""The numbered cases of nacelle.cluster.refusals, with the API server's own sentences."""

from __future__ import annotations

from nacelle.cluster.demand import Reason
from nacelle.cluster.refusals import explain_refusal, is_forbidden, is_over_quota


def forbidden(why: str, kind: str = "pods", name: str = "session-ada") -> Reason:
    reason = explain_refusal(403, f'{kind} "{name}" is forbidden: {why}')
    assert reason.said.fr
    assert reason.said.fr != reason.said.en
    return reason


def test_case_1_a_quota() -> None:
    message = "exceeded quota: sessions, requested: pods=1, used: pods=40, limited: pods=40"
    reason = forbidden(message)
    assert (reason.code, reason.status) == ("quota", 429)
    assert "all 40 places are taken" in reason.said.en
    assert reason.detail == f'pods "session-ada" is forbidden: {message}'
    assert is_over_quota(message)


def test_case_1_two_quotas_at_once() -> None:
    both = (
        "[exceeded quota: a, requested: pods=1, used: pods=4, limited: pods=4, exceeded quota: b,"
        " requested: limits.cpu=2, used: limits.cpu=9, limited: limits.cpu=10]"
    )
    assert "all 4 places" in forbidden(both).said.en


def test_case_4_a_quota_that_wants_more_said() -> None:
    for message in (
        "failed quota: sessions: must specify limits.ephemeral-storage for: notebook",
        "insufficient quota to match these scopes: [{PriorityClass In [high]}]",
    ):
        reason = forbidden(message)
        assert (reason.code, reason.status) == ("quota", 500)
        assert "tell an administrator" in reason.said.en


def test_case_5_limit_ranges() -> None:
    most = forbidden("maximum memory usage per Container is 2Gi, but limit is 4Gi")
    assert (most.code, most.status) == ("limit", 409)
    assert most.said.en == (
        "One session may have 2 GB of memory at most here. Choose a smaller size."
    )
    least = forbidden("minimum cpu usage per Pod is 2, but request is 500m")
    assert "at least 2 cores of processor" in least.said.en
    several = forbidden(
        "[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container"
        " is 2Gi, but limit is 4Gi]"
    )
    assert "1 core of processor at most" in several.said.en
    home = forbidden(
        "maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 10Gi",
        "persistentvolumeclaims",
        "home-ada",
    )
    assert "volumes of at most 5 GB" in home.said.en


def test_case_6_pod_security() -> None:
    reason = forbidden(
        'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container'
        ' "notebook" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true'
    )
    assert (reason.code, reason.status) == ("security", 500)
    assert "more rights than the cluster gives" in reason.said.en
    assert "allowPrivilegeEscalation" not in reason.said.en
    assert "allowPrivilegeEscalation" in reason.detail


def test_case_2_rules_of_the_office() -> None:
    webhook = explain_refusal(
        403,
        'admission webhook "images.example" denied the request: images must come from r.example.',
    )
    assert webhook.said.en.startswith(
        "A rule of the cluster refused the session: images must come from r.example. Choose"
    )
    # Its status is 422 unless the policy says otherwise.
    policy = explain_refusal(
        422,
        "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'sizes' with binding 'sizes' denied"
        " request: 8 cores at most",
    )
    assert "refused the session: 8 cores at most." in policy.said.en
    silent = explain_refusal(
        400, 'admission webhook "x.example" denied the request without explanation'
    )
    assert silent.code == "policy"


def test_case_7_the_namespace() -> None:
    for status, message in (
        (404, 'namespaces "sessions" not found'),
        (403, 'pods "x" is forbidden: unable to create new content in namespace sessions because it'
              " is being terminated"),
    ):  # fmt: skip
        reason = explain_refusal(status, message)
        assert reason.code == "namespace"


def test_case_8_the_hub_s_rights() -> None:
    message = (
        'pods is forbidden: User "system:serviceaccount:nacelle:nacelle-hub" cannot create resource'
        ' "pods" in API group "" in the namespace "sessions"'
    )
    reason = explain_refusal(403, message)
    assert (reason.code, reason.status) == ("rights", 500)
    assert "serviceaccount" not in reason.said.en
    assert explain_refusal(401, "Unauthorized").code == "rights"


def test_case_3_what_is_not_well_formed_tells_fields_and_no_values() -> None:
    reason = explain_refusal(
        422,
        'Pod "session-ada" is invalid: [spec.containers[0].env[3].name: Invalid value: "s3cr3t",'
        ' spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to'
        " cpu limit of 1]",
    )
    assert reason.code == "environment"
    assert "s3cr3t" not in reason.said.en + reason.detail
    assert "spec.containers[0].resources.requests" in reason.detail


def test_case_9_the_api_is_away() -> None:
    for status in (0, 429, 500, 503, 504):
        reason = explain_refusal(status, "etcdserver: request timed out")
        assert (reason.code, reason.status) == ("api", 503)


def test_case_10_anything_else() -> None:
    reason = explain_refusal(418, "short\nand stout")
    assert (reason.code, reason.status, reason.detail) == ("platform", 500, "short and stout")


def test_what_a_controller_will_never_let_in() -> None:
    quota = 'pods "x" is forbidden: exceeded quota: a'
    assert not is_forbidden("FailedCreate", quota)
    assert is_forbidden("FailedCreate", 'pods "x" is forbidden: violates PodSecurity')
    assert not is_forbidden("FailedMount", "forbidden")
