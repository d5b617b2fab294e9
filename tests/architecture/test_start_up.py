"""What a command may cost at its start."""

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
