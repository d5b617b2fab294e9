"""The only place that decides what becomes of an event: done, waiting, tried again, given up."""
