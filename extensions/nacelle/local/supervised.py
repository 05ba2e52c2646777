"""Ask supervisord over its socket (http://supervisord.org/api.html)."""

from __future__ import annotations

import logging
from http.client import HTTPException
from pathlib import Path
from xmlrpc.client import Fault, ProtocolError, ServerProxy

from supervisor.xmlrpc import SupervisorTransport, UnixStreamHTTPConnection

# It answers when the process has ended, and kills it after its `stopwaitsecs`.
_PATIENCE = 30

log = logging.getLogger(__name__)


def stop(socket: Path, program: str) -> bool:
    """Stop a program and wait for its end; it is not started again. Whether that was done."""
    transport = _Transport(serverurl=f"unix://{socket}")
    # The address is the transport's; this one is only well formed.
    server = ServerProxy("http://127.0.0.1", transport=transport)
    try:
        server.supervisor.stopProcess(program)
    except (Fault, ProtocolError, HTTPException, OSError) as error:
        # It does not run, or the supervisor is about to end.
        log.info("%s was not stopped by the supervisor: %s", program, error)
        return False
    finally:
        transport.close()
    return True


class _Connection(UnixStreamHTTPConnection):  # type: ignore[misc]
    """A supervisor that hangs must not keep everybody waiting."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(_PATIENCE)


class _Transport(SupervisorTransport):  # type: ignore[misc]
    def __init__(self, serverurl: str) -> None:
        super().__init__(serverurl=serverurl)
        self._get_connection = lambda: self._connect_to(serverurl.removeprefix("unix://"))

    def _connect_to(self, path: str) -> _Connection:
        connection = _Connection("localhost")
        connection.socketfile = path
        return connection
