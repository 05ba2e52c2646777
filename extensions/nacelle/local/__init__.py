"""The platform on one machine: its parts, started, watched, restarted and stopped together."""
