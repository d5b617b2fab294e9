"""An error may quote a person: who operates an installation need not know whom."""

from owa.db import jobs
from owa.db.counts import Outcome, Tally
from owa.db.engine import Database
from owa.db.modules import note_failures
from tests.admin import Visitor
from tests.servers import Install

PAGE = "/admin/settings/modules"


def test_errors_that_quote_a_person_are_masked(install: Install) -> None:
    """On pages, and by the commands that operators run."""
    installation = install(OWA_QUEUE_EVENTS="1", OWA_SCHEDULER="0")
    database = Database(f"sqlite:///{installation.database}")
    error, address = "ValueError: ada@example.org from 203.0.113.7", ("ada@example.org", "203.0.113.7")
    with database.writing() as connection:
        note_failures(connection, "utm_campaigns", 1, error, f"Traceback …\n{error}", 1_795_291_200_000_000)
        run = jobs.Run("clean", 0, "here:1", "command", 1_795_291_200_000_000, 1, jobs.FAILED, {}, error)
        jobs.begin(connection, run)
        tally = Tally()
        tally.add(Outcome.FAILED, server=0, site_id="", at=1_795_291_200_000_000, detail=error)
        tally.store(connection)
    database.close()
    with installation.serve() as server:
        admin = Visitor(server).log_in()
        pages = [admin.page(path) for path in (PAGE, "/admin/scheduler", "/admin/scheduler/runs?job=clean")]
    said = [installation.cli("cmd=queue-status", word).out for word in ("verbose=1", "format=json")]
    for shown in (*pages, *said):
        assert "ValueError: " in shown
        assert not [part for part in address if part in shown]
