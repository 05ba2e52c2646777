"""A cluster to test with: its API over real HTTP, and stand-ins for what works behind it."""
