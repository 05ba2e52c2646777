"""Session policies for external stores: whole, within their size, and of one mind with the rule of
the platform's own store. Numbers: nacelle.credentials.policy."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest

from nacelle.credentials.exchange import NO_ROLE
from nacelle.credentials.issuer import Identity
from nacelle.credentials.policy import MOST_CHARACTERS, PolicyTooLong, make_session_policy
from nacelle.storage.embedded.keys import Identity as StoreIdentity
from nacelle.storage.embedded.policy import refusal
from nacelle.storage.slug import SlugError

AWS_ROLE = "arn:aws:iam::123456789012:role/nacelle"
ANN = Identity("user", "ann", ("prix",))
# Names that mean something in a policy, in an ARN or in JSON.
SHARP = [
    "*",
    "ann*",
    "?nn",
    "${aws:username}",
    "a/../bob",
    'ann","*"]',
    "arn:aws:s3:::user-bob",
    "ann\n",
    "\\u002a",
]
PEOPLE = [
    Identity("user", "ann"),
    Identity("user", "bob", ("prix", "emploi")),
    Identity("user", "boss", ("prix",), admin=True),
    Identity("service", "mlflow"),
    Identity("service", "nace", ("prix",)),
    *(Identity("user", name, (name,)) for name in SHARP),
]
BUCKETS = [
    *("user-ann", "user-bob", "user-boss", "user-anna", "projet-prix", "projet-emploi"),
    *("projet-prix2", "service-mlflow", "service-nace", "public", "publicity", "else", "user-"),
]
# What a client does, by the methods of HTTP that the platform's own store judges.
READING = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging"]
CHANGING = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:PutObjectTagging"]
NEVER = [
    *("s3:PutObjectAcl", "s3:PutBucketPolicy", "s3:PutBucketAcl", "s3:DeleteBucket"),
    *("s3:PutBucketPublicAccessBlock", "s3:PutReplicationConfiguration", "s3:PutBucketWebsite"),
    *("s3:BypassGovernanceRetention", "iam:CreateUser", "sts:AssumeRole"),
]


def allows(policy: str, action: str, resource: str) -> bool:
    """IAM's rule for policies that only allow: some statement has both."""
    return any(
        any(fnmatchcase(action, one) for one in statement["Action"])
        and any(fnmatchcase(resource, one) for one in statement["Resource"])
        for statement in json.loads(policy)["Statement"]
    )


def test_the_whole_policy_of_a_person() -> None:
    own = ["user-ann", "projet-prix"]
    assert json.loads(make_session_policy(ANN, NO_ROLE)) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "s3:GetObject*",
                    "s3:List*",
                    "s3:GetBucketLocation",
                    "s3:GetBucketVersioning",
                    "s3:CreateBucket",
                    "s3:PutObject",
                    "s3:PutObjectTagging",
                    "s3:DeleteObject*",
                    "s3:AbortMultipartUpload",
                ],
                "Resource": [
                    place
                    for bucket in own
                    for place in (f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*")
                ],
            },
            {
                "Effect": "Allow",
                "Action": [
                    "s3:GetObject*",
                    "s3:List*",
                    "s3:GetBucketLocation",
                    "s3:GetBucketVersioning",
                ],
                "Resource": ["arn:aws:s3:::public", "arn:aws:s3:::public/*"],
            },
        ],
    }


@pytest.mark.parametrize("identity", PEOPLE, ids=lambda one: one.subject)
def test_1_2_both_rules_say_the_same(identity: Identity) -> None:
    policy = make_session_policy(identity, NO_ROLE)
    person = StoreIdentity(identity.subject, identity.projects, identity.admin)
    for bucket in BUCKETS:
        for actions, method in ((READING, "GET"), (CHANGING, "PUT")):
            mine = refusal(person, method, bucket) is None
            for action in actions:
                place = f"arn:aws:s3:::{bucket}/key"
                assert allows(policy, action, place) is mine, (action, bucket)
        listed = allows(policy, "s3:ListBucket", f"arn:aws:s3:::{bucket}")
        assert listed is (refusal(person, "GET", bucket) is None), bucket


@pytest.mark.parametrize("identity", PEOPLE, ids=lambda one: one.subject)
def test_3_what_no_session_may(identity: Identity) -> None:
    policy = make_session_policy(identity, NO_ROLE)
    for bucket in BUCKETS:
        for action in NEVER:
            for place in (f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/key"):
                assert not allows(policy, action, place), (action, bucket)
    assert not allows(policy, "s3:ListAllMyBuckets", "*")


@pytest.mark.parametrize("name", SHARP)
def test_3_no_name_becomes_part_of_the_policy_s_language(name: str) -> None:
    for identity in (Identity("user", name), Identity("user", "ann", (name,))):
        for statement in json.loads(make_session_policy(identity, NO_ROLE))["Statement"]:
            for resource in statement["Resource"]:
                bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
                assert set(bucket) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
                assert key in ("", "*")


def test_4_at_aws_buckets_of_the_role_s_account_alone() -> None:
    for statement in json.loads(make_session_policy(ANN, AWS_ROLE))["Statement"]:
        assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": "123456789012"}}
    for role in (NO_ROLE, "arn:minio:iam:::role/x", "arn:aws:iam:::role/nacelle"):
        assert "Condition" not in make_session_policy(ANN, role)
    china = make_session_policy(ANN, "arn:aws-cn:iam::123456789012:role/nacelle")
    assert "arn:aws-cn:s3:::user-ann/*" in china and "arn:aws:" not in china


def test_the_size_that_aws_sets() -> None:
    def member(count: int) -> Identity:
        return Identity("user", "ann", tuple(f"project{number:03}" for number in range(count)))

    for role in (NO_ROLE, AWS_ROLE):
        assert len(make_session_policy(member(15), role)) <= MOST_CHARACTERS
    with pytest.raises(PolicyTooLong, match="ann belongs to 40 projects"):
        make_session_policy(member(40), AWS_ROLE)


def test_names_that_make_no_bucket() -> None:
    with pytest.raises(SlugError):
        make_session_policy(Identity("user", "a" * 59), NO_ROLE)
    kept = make_session_policy(Identity("user", "ann", ("a" * 59, "prix")), NO_ROLE)
    assert "projet-prix" in kept and "aaaa" not in kept
