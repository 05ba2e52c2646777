"""Pipelines: notebooks that run one after the other, or side by side, as one run of one job."""
