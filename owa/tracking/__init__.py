"""From an HTTP request to an event on the queue (or, in synchronous mode, to the tables)."""
