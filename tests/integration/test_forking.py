"""A server that forks after it has loaded OWA: threads do not survive that, so each child starts its own."""

import os
import time
import warnings
from pathlib import Path

from owa.app import open_installation
from owa.db.configuration import add_site, site_id_of
from owa.db.migrate import upgrade
from owa.views import make_wsgi_app

DOMAIN = "http://new.example"
PATIENCE = 30.0


def test_children_without_a_scheduler_follow_the_configuration(tmp_path: Path) -> None:
    installation = open_installation({"OWA_DATA_DIR": str(tmp_path), "OWA_SCHEDULER": "0"}, {})
    upgrade(installation.database)
    application = make_wsgi_app(installation).registry["owa"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which is the point here
        child = os.fork()
    if child == 0:
        deadline = time.monotonic() + PATIENCE
        while site_id_of(DOMAIN) not in installation.configuration.current().sites and time.monotonic() < deadline:
            time.sleep(0.05)
        os._exit(site_id_of(DOMAIN) not in installation.configuration.current().sites)
    with installation.database.writing() as connection:
        add_site(connection, DOMAIN)
    _, status = os.waitpid(child, 0)
    application.stop()
    assert os.waitstatus_to_exitcode(status) == 0
