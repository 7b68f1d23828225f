"""`python -m tp_gateway.cli`."""

import sys

from tp_gateway.cli import main

sys.exit(main())
