"""Whether this is an image of jobs: docker run --rm nacelle/job python \
/opt/nacelle/share/nacelle/verify/verify.py"""

from __future__ import annotations

import shutil
import sys

import verify_image as image


def programs() -> None:
    """The platform's Python is the one on the path."""
    for name in ("python", "tini", "sh"):
        if shutil.which(name) is None:
            raise image.Wrong(f"{name} is not on the path")


def modules() -> None:
    """The runner can be imported, and what it needs of a kernel."""
    image.check_modules("nacelle.jobs.run_in_pod", "papermill", "ipykernel", "nbconvert")


if __name__ == "__main__":
    sys.exit(
        image.main(image.check_user, image.check_closed, image.check_authorities, programs, modules)
    )
