"""`python -m nacelle.nace.serving`."""

import sys

from nacelle.nace.serving.server import main

if __name__ == "__main__":
    sys.exit(main())
