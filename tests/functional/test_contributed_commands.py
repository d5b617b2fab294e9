"""Commands of modules, as the command line runs them, inside the test's process."""

import json
from pathlib import Path

import pytest

from owa.accounts.audit import COMMAND_LINE
from owa.app import open_installation
from owa.cli import main
from owa.db.migrate import upgrade
from owa.db.modules import Switch, stored_modules
from owa.switching import switch_off, switch_on
from tests.contributing import FILES, HOOKED
from tests.packages import OTHER_QUEUE, install_package


@pytest.fixture
def environment(tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Of an installation with the package `hooked`, switched on."""
    install_package(packages, "hooked", HOOKED, files=FILES)
    environment = {"OWA_DATA_DIR": str(tmp_path / "data"), "OWA_HOOKED_KEY": "secret"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    installation = open_installation(environment, {})
    upgrade(installation.database)
    switch_on(installation, "hooked", COMMAND_LINE)
    installation.close()
    return environment


Printed = pytest.CaptureFixture[str]


@pytest.mark.usefixtures("environment")
def test_a_command_runs_with_its_arguments(capsys: Printed) -> None:
    assert main(["cmd=list-orders", "least=3"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["cmd=list-orders", "verbose=1"]) == 0
    assert capsys.readouterr().out == "Orders over 0.0.\n"
    assert main(["cmd=list-orders", "least=3", "format=json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"key": "secret", "least": 3}


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("cmd=list-orders leest=3", "list-orders knows no argument 'leest'; did you mean least?"),
        ("cmd=list-orders least=many", "least=many: wants a number"),
        ("cmd=list-order", "did you mean list-orders?"),
    ],
)
def test_wrong_use_is_told(capsys: Printed, words: str, told: str) -> None:
    assert main(words.split()) == 2
    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("environment")
def test_help_shows_it(capsys: Printed) -> None:
    assert main(["cmd=help"]) == 0
    shown = capsys.readouterr().out
    assert "\nlist-orders\n    List the orders.\n      least=…  the least number\n" in shown
    assert "\nflush-processed-events\n" in shown


@pytest.mark.parametrize(
    ("name", "told"), [("fails", "ValueError"), ("leaves", "SystemExit: 3"), ("wrong", "exit status, not None")]
)
def test_a_command_that_misbehaves_is_told_and_noted(
    environment: dict[str, str], capsys: Printed, name: str, told: str
) -> None:
    assert main([f"cmd={name}"]) == 1
    shown = capsys.readouterr().err
    assert f"The module hooked has failed: command {name}: " in shown
    assert told in shown
    assert "Traceback" not in shown
    installation = open_installation(environment, {})
    with installation.database.reading() as connection:
        noted = stored_modules(connection)["hooked"]
    installation.close()
    assert told in noted.last_error
    assert "Traceback" in noted.last_trace


@pytest.mark.usefixtures("environment")
def test_an_outage_is_told_as_such(capsys: Printed) -> None:
    assert main(["cmd=away"]) == 1
    assert capsys.readouterr().err == "The disk is full. Free some.\n"


def test_a_command_of_a_module_of_ours_that_is_off_says_whose_it_is(
    environment: dict[str, str], packages: Path, capsys: Printed
) -> None:
    install_package(packages, "other_queue", OTHER_QUEUE)
    installation = open_installation(environment, {})
    switch_on(installation, "other_queue", COMMAND_LINE)
    switch_off(installation, "file_queue", COMMAND_LINE, Switch.PARKED)
    installation.close()
    assert main(["cmd=prune-event-queue-archives"]) == 2
    assert "is a command of the module file_queue, which is off. cmd=activate module=file_queue" in (
        capsys.readouterr().err
    )


def test_a_typing_error_makes_no_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    monkeypatch.setenv("OWA_DATA_DIR", str(tmp_path / "data"))
    assert main(["cmd=flush-procesed-events"]) == 2
    assert "did you mean flush-processed-events?" in capsys.readouterr().err
    assert main(["cmd=help"]) == 0
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("environment")
def test_queue_status_tells_what_checks_find(capsys: Printed) -> None:
    assert main(["cmd=queue-status", "format=json"]) == 0
    printed = capsys.readouterr()
    problems = json.loads(printed.out)["problems"]
    assert {"module": "hooked", "check": "ill", "text": "The <i>orders</i> are ill.", "remedy": "Call a doctor."} in (
        problems
    )
    assert "The <i>orders</i> are ill. Call a doctor.\n" in printed.err
