"""Exchange a web identity token for storage keys by STS AssumeRoleWithWebIdentity."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nacelle.credentials.keys import Keys, KeysUnavailable

AUDIENCE = "nacelle-store"
# The embedded store has no roles; the protocol wants a name all the same.
ROLE = "arn:aws:iam::000000000000:role/nacelle"


class TokenExchange:
    """Speaks to one store's STS; safe to share between threads."""

    def __init__(self, endpoint: str, region: str, verify: str | bool = True) -> None:
        self._client: Any = boto3.client(
            "sts",
            endpoint_url=endpoint,
            region_name=region,
            verify=verify,
            config=Config(
                signature_version=UNSIGNED,
                # The SDK knows AWS's minimum of 900 s; other stores give shorter lives.
                parameter_validation=False,
                connect_timeout=3,
                read_timeout=10,
                # A token is good once: a retry must bring a new one.
                retries={"total_max_attempts": 1},
                max_pool_connections=32,
            ),
        )

    def exchange(self, web_token: str, session_name: str, life: int) -> Keys:
        """Keys that live `life` seconds. Raises KeysUnavailable with the store's reason."""
        issued = datetime.now(UTC)
        try:
            answer = self._client.assume_role_with_web_identity(
                RoleArn=ROLE,
                RoleSessionName=session_name,
                WebIdentityToken=web_token,
                DurationSeconds=life,
            )["Credentials"]
        except ClientError as error:
            raise KeysUnavailable(
                f"the store refused: {error.response['Error']['Message']}"
            ) from None
        except BotoCoreError as error:
            raise KeysUnavailable(
                f"the store does not answer ({type(error).__name__}); it may be restarting"
            ) from None
        return Keys(
            access_key=answer["AccessKeyId"],
            secret_key=answer["SecretAccessKey"],
            session_token=answer["SessionToken"],
            issued=issued,
            expires=answer["Expiration"].astimezone(UTC),
        )
