"""`python -m vader_rt` is `vader-rt`."""

import sys

from vader_rt.cli.main import main

sys.exit(main())
