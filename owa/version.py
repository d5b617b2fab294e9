"""The version of this program, and what modules compare their needs with."""

VERSION = "0.1.0"
