"""Start a user's server in a container: `python -m nacelle.lab.start`.

The session's tokens come as a file, which is no part of the pod's description; everything else is
in the environment. The server takes this process's place.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from nacelle.environments.trust import write_bundle
from nacelle.shares import hub_config_folder

FILE_NAME = "NACELLE_SESSION_FILE"
CONFIG = Path(__file__).with_name("server_config.py")


class NoTokens(Exception):
    """The file with the session's tokens cannot be used; the message says why."""


def read_tokens(file: Path) -> dict[str, str]:
    """Variables that the hub handed over in a file. Raises NoTokens."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoTokens(f"{file} cannot be read ({error.strerror})") from None
    except ValueError:
        raise NoTokens(f"{file} is not readable as JSON") from None
    if not isinstance(found, dict):
        raise NoTokens(f"{file} holds no variables")
    return {str(name): str(value) for name, value in found.items()}


def make_command(arguments: list[str]) -> list[str]:
    """The server's command line; the platform's configuration comes before the user's own."""
    server = Path(sys.executable).with_name("jupyterhub-singleuser")
    return [str(server), f"--config={CONFIG}", *arguments]


def main() -> None:
    """Become the server. Ends with code 1 and a sentence when the hub left no tokens."""
    try:
        tokens = read_tokens(Path(os.environ.get(FILE_NAME, "")))
    except NoTokens as error:
        sys.exit(f"The session cannot start: {error}. Start it from the hub.")
    # Lab's own defaults of this platform; a user's settings are over them.
    ours = {"JUPYTER_CONFIG_PATH": str(hub_config_folder() / "jupyter")}
    environ = {**ours, **os.environ, **tokens}
    write_bundle(environ)
    command = make_command(sys.argv[1:])
    os.execve(command[0], command, environ)


if __name__ == "__main__":
    main()
