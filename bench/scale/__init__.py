"""Every page beside a thousandth of the events and beside all of them: `python -m bench.scale`."""
