"""Whether this is an image of sessions: docker run --rm nacelle/lab python \
/opt/nacelle/share/nacelle/verify/verify.py"""

from __future__ import annotations

import json
import sys

import verify_image as image

_ASKED = {"python3": "print(6 * 7)", "ir": "cat(6 * 7)", "julia-1": "print(6 * 7)"}


def programs() -> None:
    """Lab's server, R and the platform's command are on the path."""
    image.check_programs("jupyterhub-singleuser", "R", "nacelle")


def modules() -> None:
    """The session's and the runner's parts can be imported, and what notebooks use."""
    image.check_modules(
        "nacelle.lab.start",
        "nacelle.jobs.run_in_pod",
        "papermill",
        "pandas",
        "duckdb",
        "s3fs",
        "pyarrow",
        "mlflow",
    )


def kernels() -> None:
    """Each kernel that is offered computes."""
    from jupyter_client.manager import run_kernel

    found = json.loads(image.run("jupyter", "kernelspec", "list", "--json"))["kernelspecs"]
    if not {"python3", "ir"} <= found.keys():
        raise image.Wrong(f"the kernels are {sorted(found)}")
    for name in found.keys() & _ASKED.keys():
        said: list[str] = []
        with run_kernel(kernel_name=name) as client:
            client.execute_interactive(
                _ASKED[name],
                timeout=120,
                output_hook=lambda message, said=said: said.append(str(message["content"])),
            )
        if "42" not in "".join(said):
            raise image.Wrong(f"the kernel {name} answers {said}")


if __name__ == "__main__":
    sys.exit(
        image.main(
            image.check_user,
            image.check_closed,
            image.check_authorities,
            programs,
            modules,
            kernels,
        )
    )
