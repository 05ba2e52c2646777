"""What a platform wants to know of a pipeline before it takes it in."""

from __future__ import annotations

from typing import NamedTuple

from nacelle.jobs.findings import look, look_in_text
from nacelle.jobs.parameters import Form
from nacelle.jobs.parts import Finding
from nacelle.jobs.pipelines.bundle import Bundle
from nacelle.jobs.pipelines.understanding import understand


class ExaminedPipeline(NamedTuple):
    """What a form asks for, the kernel of its first step, and where keys seem to stand."""

    kernel: str
    form: Form
    findings: tuple[Finding, ...]


def examine_pipeline(bundle: Bundle) -> ExaminedPipeline:
    """Check a pipeline and look into all its files. Raises PipelineRefused."""
    pipeline, notebooks = understand(bundle)
    found = [one.model_copy(update={"file": bundle.file}) for one in look_in_text(bundle.text)]
    for path, notebook in notebooks.items():
        found += [one.model_copy(update={"file": path}) for one in look(notebook)]
    first = pipeline.steps[0]
    kernel = first.kernel or notebooks[first.notebook].kernel
    return ExaminedPipeline(kernel, pipeline.form, tuple(found))
