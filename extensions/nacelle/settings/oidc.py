"""Settings of a login by the office's own OpenID Connect provider."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from nacelle.settings.base import Frozen, http_url


def _with_one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    if groups != 1:
        raise ValueError("put the part that names the project in parentheses, and no other part")
    return pattern


class OidcSettings(Frozen):
    """The provider, for hub.authenticator oidc."""

    issuer: Annotated[str, AfterValidator(http_url)] | None = Field(
        default=None,
        description="Address of the OpenID Connect provider; its endpoints are discovered there.",
    )
    client_id: str = Field(
        default="nacelle",
        description="Name of the hub at the provider; its password is the secret oidc.client.",
    )
    scopes: tuple[str, ...] = Field(
        default=("openid", "profile", "email", "groups"),
        description="What the hub asks the provider for.",
    )
    username_claim: str = Field(
        default="preferred_username", description="Claim that holds a person's login name."
    )
    groups_claim: str = Field(default="groups", description="Claim that lists a person's groups.")
    project_pattern: Annotated[str, AfterValidator(_with_one_group)] = Field(
        default="(.+)",
        description=(
            "Regular expression, matched whole, of the groups that are projects; what is in"
            " parentheses is the project."
        ),
    )
    allowed_groups: tuple[str, ...] = Field(
        default=(),
        description="Groups of the provider whose members may log in; none: everybody it knows.",
    )
    admin_groups: tuple[str, ...] = Field(
        default=(), description="Groups of the provider whose members administer the hub."
    )
    ca_file: str | None = Field(
        default=None,
        description="File with the provider's certificate authority; null: a public one.",
    )
