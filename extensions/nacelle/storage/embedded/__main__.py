"""`python -m nacelle.storage.embedded`: the store in the foreground."""

import warnings

# Known, and written down with the pinned versions; it would be the first thing in every log.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

# Before every other import: eventlet replaces locks and sockets, and must find none made already.
from eventlet import patcher  # noqa: E402

patcher.monkey_patch(all=False, socket=True, select=True, thread=True)

from nacelle.storage.embedded.launcher import main  # noqa: E402

raise SystemExit(main())
