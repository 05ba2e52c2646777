"""The session policy that cuts a role's rights at an external store down to one person's buckets.

It says what `nacelle.storage.embedded.policy` says, in the language of AWS's IAM, which Ceph, MinIO
and SeaweedFS read as well:

1. A person, or a service, has its own bucket and those of its projects.
2. Everybody reads `public`; administrators change it.
3. No other bucket, no list of all buckets, nothing that opens a bucket to others (access lists,
   bucket policies), and no bucket is deleted.
4. At AWS, where bucket names are shared by the whole world, only buckets of the role's own account
   count: a stranger's bucket of the same name gets nothing.
"""

from __future__ import annotations

import json
import re
from typing import Any

from nacelle.credentials.buckets import buckets_of
from nacelle.credentials.issuer import Identity
from nacelle.credentials.keys import KeysRefused
from nacelle.storage.slug import PUBLIC_BUCKET

# AWS's limit for one session policy, which the other stores have taken over.
MOST_CHARACTERS = 2048

_READ = ["s3:GetObject*", "s3:List*", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
_CHANGE = [
    "s3:CreateBucket",
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject*",
    "s3:AbortMultipartUpload",
]
_ROLE = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/.+")


class PolicyTooLong(KeysRefused):
    """Somebody has more projects than one session policy can name."""


def make_session_policy(identity: Identity, role: str) -> str:
    """The policy of `identity` for sessions of `role`, as JSON.

    Raises PolicyTooLong; SlugError for somebody who can have no bucket.
    """
    partition, account = _place(role)
    own = buckets_of(identity)
    statements = [_allow(own, [*_READ, *_CHANGE], partition, account)]
    if PUBLIC_BUCKET not in own:
        statements.append(_allow([PUBLIC_BUCKET], _READ, partition, account))
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    if len(policy) > MOST_CHARACTERS:
        raise PolicyTooLong(
            f"{identity.name} belongs to {len(identity.projects)} projects, more than keys of the"
            " store can name; ask an administrator to take some away"
        )
    return policy


def _allow(
    buckets: list[str], actions: list[str], partition: str, account: str | None
) -> dict[str, Any]:
    names = [f"arn:{partition}:s3:::{bucket}" for bucket in buckets]
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": actions,
        "Resource": [resource for name in names for resource in (name, f"{name}/*")],
    }
    if account is not None:
        statement["Condition"] = {"StringEquals": {"aws:ResourceAccount": account}}
    return statement


def _place(role: str) -> tuple[str, str | None]:
    """The partition and account of a role at AWS; elsewhere there is no account."""
    match = _ROLE.fullmatch(role)
    if match is None or set(match[2]) == {"0"}:
        return "aws", None
    return match[1], match[2]
