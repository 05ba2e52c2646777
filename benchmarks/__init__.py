"""Figures of the platform, each beside what it is measured against in the same run.

`python -m benchmarks [NAME ...]` runs all, or those named. A benchmark is a module here with
`run(report)`, which says each step to `report` and gives its figures, named after the module
(`store.put`); its name stands in BENCHMARKS, in the order in which they run.
"""

from __future__ import annotations

BENCHMARKS = ("startup", "memory", "spawn", "store", "broker", "nace", "serving", "jobs", "hub300")
