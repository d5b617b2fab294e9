#!/usr/bin/env python3
"""OWA's command line; see `python cli.py cmd=help`. Works from any folder."""

import gc
import sys

gc.disable()  # until all is open: nothing of what is imported is garbage, and cron starts this time and again

from owa.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
