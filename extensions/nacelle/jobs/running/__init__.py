"""The runner's parts: a notebook from its order to its result, on one machine."""
