"""`python -m ltd.conformance`: the table of all comparisons."""

import sys

from ltd.conformance.checks import main

if __name__ == "__main__":
    sys.exit(main())
