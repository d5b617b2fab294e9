"""Loads what commands and servers load late, for the fork server: its children find it there. It opens nothing, and
starts no thread, since neither would survive."""

import gc
import pkgutil
from importlib import import_module

import maxminddb  # noqa: F401
import pyramid.scripts.pserve  # noqa: F401
import re2  # noqa: F401
import waitress  # noqa: F401

import owa.analytics.families
import owa.analytics.orders
import owa.analytics.page_views
import owa.db.failed_acts
import owa.db.migrate
import owa.db.senders
import owa.delivery.deliveries
import owa.diagnosis
import owa.exchange.signature
import owa.views
from owa.analytics.attribution import registrable_domain
from owa.cli.commands import all_commands
from owa.db.modules import Switch
from owa.registry import BUILT_IN, load
from owa.user_agent import parse

for module in pkgutil.walk_packages(owa.views.__path__, "owa.views."):
    import_module(module.name)
load(dict.fromkeys(BUILT_IN, Switch.ON))
parse("")
registrable_domain("example.org")
assert all_commands()
gc.freeze()  # the children need not look at it when they tidy up
