"""Take over secrets that an office keeps elsewhere.

`python -m nacelle.local.adopt FOLDER SETTINGS`: each file of the folder (a mounted Secret) becomes
the secret of its name, over one that is there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nacelle.layout import Layout
from nacelle.secrets import ensure_secrets, write_private
from nacelle.settings import SettingsError, load_settings


def adopt(layout: Layout, folder: Path) -> list[str]:
    """Copy what is in `folder`; returns the names. A folder that is not there holds nothing."""
    layout.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    ensure_secrets(layout)
    # A mounted Secret has its files behind links, beside folders whose names begin with a dot.
    files = [file for file in sorted(folder.glob("[!.]*")) if file.is_file()]
    for file in files:
        write_private(layout.secrets / file.name, file.read_text(encoding="utf-8"))
    return [file.name for file in files]


def main() -> int:
    """Exit code 2 and a sentence when the settings cannot be used."""
    folder, settings = Path(sys.argv[1]), sys.argv[2]
    try:
        names = adopt(Layout(load_settings(settings)), folder)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"secrets taken over: {', '.join(names) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
