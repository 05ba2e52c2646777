"""Git's credential helper in a session: `python -I -m nacelle.lab.secrets_helper get`.

Asks the broker each time, so that a token changed on the page is used at once and stands in no file
and in no variable. https://git-scm.com/docs/gitcredentials. Only https: a token sent in the clear
would be everybody's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

from nacelle.credentials.secret_names import BadSecret, check_host


def answer(lines: Iterable[str], environ: Mapping[str, str]) -> str:
    """What Git gets for its question, '' when there is nothing for it."""
    asked = dict(line.rstrip("\n").partition("=")[::2] for line in lines if "=" in line)
    if asked.get("protocol") != "https":
        return ""
    try:
        host = check_host(asked.get("host"))
    except BadSecret:
        return ""
    # Late: Git asks often about what is not for us.
    from nacelle.credentials.secret_client import SecretsUnavailable, fetch_login

    try:
        login = fetch_login(environ, host)
    except SecretsUnavailable as error:
        print(f"No token for {host} from the platform: {error}", file=sys.stderr)
        return ""
    if login is None or asked.get("username", login.username) != login.username:
        return ""
    return f"username={login.username}\npassword={login.token}\n"


def main() -> None:
    """Git also tells what it stored or erased; the page is where that is done."""
    if sys.argv[1:] == ["get"]:
        sys.stdout.write(answer(sys.stdin, os.environ))


if __name__ == "__main__":
    main()
