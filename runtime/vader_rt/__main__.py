"""`python -m vader_rt` is `vader-rt`."""

import sys

from vader_rt.cli import program

sys.exit(program())
