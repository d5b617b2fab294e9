#!/usr/bin/env python3
"""OWA's command line; see `python cli.py cmd=help`. Works from any folder."""

import sys

from owa.cli import main

if __name__ == "__main__":
    sys.exit(main())
