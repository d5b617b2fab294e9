"""Fixtures of more than one file here."""

from tests.faults.prepared import prepared, untouched

__all__ = ["prepared", "untouched"]
