"""The environments that people may start, in sessions and in jobs (contract 1)."""
