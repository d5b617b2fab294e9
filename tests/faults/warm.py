"""Loads what commands load late, for the fork server: its children find it there."""

import owa.app
import owa.cli  # noqa: F401
from owa.analytics.attribution import registrable_domain
from owa.registry import load
from owa.user_agent import parse

load()
parse("")
registrable_domain("example.org")
