"""A server that forks after it has loaded OWA: threads do not survive that, so each child starts its own."""

import os
import time
import warnings
from pathlib import Path

from owa.app import open_installation
from owa.db.configuration import add_site, site_id_of
from owa.db.migrate import upgrade
from owa.scheduler.leadership import OnThisServer
from owa.views import make_wsgi_app

DOMAIN = "http://new.example"
PATIENCE = 30.0


def fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which is the point here
        return os.fork()


def test_children_without_a_scheduler_follow_the_configuration(tmp_path: Path) -> None:
    installation = open_installation({"OWA_DATA_DIR": str(tmp_path), "OWA_SCHEDULER": "0"}, {})
    upgrade(installation.database)
    application = make_wsgi_app(installation).registry["owa"]
    child = fork()
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


def test_a_child_that_outlives_its_parent_holds_none_of_its_locks(tmp_path: Path) -> None:
    """A child has the descriptors of its parent, and with them its locks."""
    told, wait = os.pipe(), os.pipe()
    parent = fork()
    if parent:
        os.close(told[1])
    else:
        installation = open_installation({"OWA_DATA_DIR": str(tmp_path), "OWA_SCHEDULER": "0"}, {})
        upgrade(installation.database)
        runner = OnThisServer(installation.queue_dir / "drain.runner")
        with installation.incoming.drain():
            assert runner.holds()
            if fork() == 0:
                os.write(told[1], b".")
                os.close(told[1])
                os.read(wait[0], 1)  # until the test is done
            os._exit(0)
    try:
        assert os.read(told[0], 1) == b"."
        os.waitpid(parent, 0)
        runner = OnThisServer(tmp_path / "logs" / "drain.runner")
        assert runner.holds()
        runner.give_up()
        installation = open_installation({"OWA_DATA_DIR": str(tmp_path)}, {})
        with installation.incoming.drain():
            installation.close()
    finally:
        os.write(wait[1], b".")
