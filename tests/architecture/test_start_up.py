"""What a command may cost at its start."""

import subprocess
import sys


def test_commands_import_no_web_framework() -> None:
    script = (
        "import sys, owa.app, owa.cli.commands; print([m for m in ('pyramid', 'webob', 'granian') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
