"""Starts the whole store in one process in the foreground, and stops it.

Swift is meant for many machines and processes; here its four servers share one process and one
event loop. There are no child processes: a `kill -9` leaves nothing behind, and since Swift has
flushed an object to disk before it acknowledges it, nothing acknowledged is lost.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from nacelle.layout import Layout
from nacelle.secrets import ensure_secrets
from nacelle.settings import SettingsError, load_settings
from nacelle.storage.embedded import checks, conf, state

EXIT_CANNOT_START = 2
_GRACE_SECONDS = 3.0


def main() -> int:
    """Run until SIGTERM or SIGINT; SIGUSR1 does all upkeep now.

    Exit code 2 and a sentence on stderr when it cannot start.
    """
    try:
        layout = Layout(load_settings())
        checks.check_platform()
        checks.check_folder(layout.folder("store"))
        # The lock lasts as long as the process: the open file is never closed.
        checks.only_one(layout.folder("store"))
        checks.check_port(layout.settings.store.host, layout.port("store"))
        ensure_secrets(layout)
    except (SettingsError, checks.CannotStart, OSError) as problem:
        print(problem, file=sys.stderr)
        return EXIT_CANNOT_START
    return _serve(layout)


def _serve(layout: Layout) -> int:
    plan = state.plan_of(layout)
    state.prepare(plan)
    _bind_swift(plan)
    state.write_rings(plan)
    # These import Swift, whose modules read its configuration while they load.
    from nacelle.storage.embedded import servers
    from nacelle.storage.embedded.housekeeping import Housekeeping

    signals = _Signals()
    store = servers.Store(plan)
    store.start_inner()
    store.ensure_public_bucket()
    store.start_door(_door_socket(layout))
    upkeep = Housekeeping(plan, store.inner_app)
    upkeep.start()
    while signals.wait() == signal.SIGUSR1:
        upkeep.run_all_now()
    store.stop(_GRACE_SECONDS)
    sys.stdout.flush()
    sys.stderr.flush()
    # Objects and listings are on disk already; connections still open must not hold the exit up.
    os._exit(0)


def _bind_swift(plan: conf.Plan) -> None:
    """Point Swift at our folder before the modules load that read it (it needs no /etc/swift)."""
    os.environ["TZ"] = "UTC+0"
    time.tzset()
    from swift.common import utils

    utils.monkey_patch()
    utils.set_swift_dir(str(plan.etc))
    from swift.common import constraints, storage_policy

    constraints.reload_constraints()
    storage_policy.reload_storage_policies()


def _door_socket(layout: Layout) -> Any:
    from swift.common.concurrency import listen, ssl

    sock = listen((layout.settings.store.host, layout.port("store")), backlog=1024)
    if not layout.settings.store.tls:
        return sock
    from nacelle.storage.embedded import tls

    tls.ensure_tls(layout)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.certificate_path(layout), tls.key_path(layout))
    return context.wrap_socket(sock, server_side=True)


class _Signals:
    """Waits for signals inside the event loop: Python writes the number of each to a socket."""

    def __init__(self) -> None:
        from swift.common.concurrency import socket

        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)

    def wait(self) -> int:
        return int(self._reader.recv(1)[0])
