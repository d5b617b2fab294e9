"""Gives events to the event handlers of modules, in child processes: what a handler does there hurts itself only."""
