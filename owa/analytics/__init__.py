"""From events to rows: handlers, the merges they write with, and the analytics tables."""
