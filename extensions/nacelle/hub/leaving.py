"""What becomes of somebody's rights at the hub when they leave the platform."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm, roles


def turn_out(db: Any, orm_user: Any) -> None:
    """Take from somebody who has left all that still opens a door. The caller commits."""
    orm_user.admin = False
    for role in list(orm_user.roles):
        roles.strip_role(db, orm_user, role)
    for token in list(orm_user.api_tokens):
        db.delete(token)
    end_browsers(db, orm_user)


def end_browsers(db: Any, orm_user: Any) -> None:
    """End somebody's logins in browsers, at the hub and at what the hub opened for them."""
    # Their browser's cookie holds this.
    orm_user.cookie_id = orm.new_token()
    for token in list(orm_user.api_tokens):
        if token.session_id is not None:
            db.delete(token)
