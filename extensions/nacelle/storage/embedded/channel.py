"""The inner sockets between the S3 door and the storage servers.

The storage servers ask nobody who they are: whoever reaches them reads and writes everything. So
they listen on no TCP port. They have Unix sockets in a private folder, and a connection counts only
when it was opened by this very process: another program of the same Unix user is turned away too.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

from swift.common import bufferedhttp
from swift.common.concurrency import socket


class Channel:
    """Sockets in one folder, named by the port that Swift's ring gives a server."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        for stale in folder.glob("*.sock"):
            stale.unlink()
        # A socket's path has at most 107 bytes; through the open folder any depth of folders fits.
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def path(self, port: int) -> str:
        return f"/proc/self/fd/{self._folder}/{port}.sock"

    def listen(self, port: int) -> OwnProcessListener:
        """A listening socket that only this process can use."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(self.path(port))
        sock.listen(1024)
        return OwnProcessListener(sock)

    def use_for_swift(self) -> None:
        """Send every inner request of Swift in this process through these sockets.

        Swift has no setting for it: all its servers and daemons connect by this one method.
        """
        channel = self

        def connect(connection: Any) -> None:
            connection._connected_time = time.time()
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.connect(channel.path(connection.port))

        bufferedhttp.BufferedHTTPConnection.connect = connect


class OwnProcessListener:
    """A listening Unix socket whose `accept` turns away every other process."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._accepted = 0

    def accept(self) -> tuple[Any, tuple[str, int]]:
        while True:
            client, _ = self._sock.accept()
            peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            if struct.unpack("3i", peer)[0] == os.getpid():
                # Unix clients have no address; the WSGI server needs one a connection.
                self._accepted += 1
                return client, ("unix", self._accepted)
            client.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
