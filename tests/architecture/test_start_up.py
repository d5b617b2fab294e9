"""What a command may cost at its start."""

import os
import subprocess
import sys
from pathlib import Path


def test_commands_import_no_web_framework_and_no_database_but_their_own(tmp_path: Path) -> None:
    script = """if True:
        import sys, owa.app, owa.cli.commands
        owa.app.open_installation({"OWA_DATA_DIR": sys.argv[1]}, {}).close()
        print([name for name in ("pyramid", "webob", "granian", "psycopg") if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_drain_of_nothing_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    """Cron starts it each minute."""
    script = """if True:
        import sys
        from owa.cli import main
        assert main() == 0
        late = (
            "ua_parser", "re2", "alembic", "apscheduler", "sqlalchemy.dialects.postgresql", "owa.delivery.courier",
            "owa.analytics.tables", "owa.db.failed_acts", "owa.db.senders", "owa.modules.webhook",
            "owa.admin_contributions", "owa.accounts", "owa.exchange.body",
            "owa.modules.file_queue.quarantine", "owa.health",
        )
        print([name for name in late if name in sys.modules])
    """
    environment = {**os.environ, "OWA_DATA_DIR": str(tmp_path / "data")}
    for words in ("cmd=install", "cmd=processEventQueue", "cmd=processEventQueue"):  # the first one cleans up
        command = [sys.executable, "-c", script, words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "[]"
