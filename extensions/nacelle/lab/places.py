"""Names of the places under the root of the file browser."""

from __future__ import annotations

HOME = "home"
