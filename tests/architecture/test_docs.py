"""The documents are complete, and what they point at exists."""

import re
from pathlib import Path

import pytest

from owa.app import CORE_SETTINGS
from owa.cli.commands import NAMES, all_commands
from owa.cli.commands.contributed import contributed_commands
from owa.db.modules import Switch
from owa.events import RefusalReason
from owa.hookspecs import CONTRIBUTIONS
from owa.registry import BUILT_IN, load
from owa.registry.conflicts import RESERVED
from owa.settings import Setting
from owa.views.outcomes import REMEDIES

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLE = ROOT / "docs" / "example-module"
"""Of the tutorial."""
ALL_ON = load(dict.fromkeys(BUILT_IN, Switch.ON))
SETTINGS: list[Setting[object]] = [*CORE_SETTINGS, *ALL_ON.settings]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_setting_is_documented_under_its_names(setting: Setting[object]) -> None:
    row = next(
        (line for line in (ROOT / "docs/settings.md").read_text().splitlines() if f"| {setting.name} |" in line), ""
    )
    assert setting.environment_name in row
    assert setting.ini_name in row or setting.name == "base.ini"


def test_settings_page_has_no_setting_that_is_gone() -> None:
    documented = set(re.findall(r"^\| ((?:base|\w+)\.\w+) \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    assert documented == {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("name", ["development.ini", "production.ini"])
def test_ini_file_shows_every_setting(name: str) -> None:
    text = (ROOT / name).read_text()
    shown = set(re.findall(r"^;? ?(owa\.[\w.]+) =", text, re.MULTILINE))
    assert shown == {setting.ini_name for setting in SETTINGS} - {"owa.ini"}


def test_development_ini_sets_nothing() -> None:
    assert not re.findall(r"^owa\.", (ROOT / "development.ini").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", [*all_commands(), *contributed_commands(ALL_ON)], ids=lambda command: command.name)
def test_command_is_in_the_readme(command: object) -> None:
    assert f"cmd={getattr(command, 'name', '')}" in "".join(path.read_text() for path in DOCUMENTS)


def test_names_of_our_own_commands_are_reserved() -> None:
    assert RESERVED["owa_commands"] == {"help", *NAMES}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    targets += re.findall(r"`((?:owa|tests|docs|bench)/[\w./-]+)`", text)
    for target in targets:
        folders = (document.parent, ROOT, EXAMPLE if document.name == "write-a-module.md" else ROOT)
        assert any((folder / target).exists() for folder in folders), target


@pytest.mark.parametrize("hook", ["owa_module", *CONTRIBUTIONS])
def test_hook_is_documented_with_an_example(hook: str) -> None:
    text = (ROOT / "docs/hooks.md").read_text().partition(f"\n## {hook}\n")[2].partition("\n## ")[0]
    assert f"def {hook}(" in text or hook == "owa_module"
    assert "@hookimpl" in text


def test_every_refusal_has_a_remedy() -> None:
    assert set(REMEDIES) == set(RefusalReason)


def test_the_tutorial_shows_the_files_of_its_module() -> None:
    """All of them, exactly: those are what `tests/functional/test_example_module.py` installs."""
    text = (ROOT / "docs" / "write-a-module.md").read_text()
    shown = re.findall(r"^`([^`]+)`:\n\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    files = {
        path.relative_to(EXAMPLE).as_posix(): path.read_text()
        for path in EXAMPLE.rglob("*.*")
        if path.suffix in (".py", ".toml")
    }
    assert dict(shown) == files
    assert len(shown) == text.count("```") // 2


def test_the_module_of_the_tutorial_uses_only_what_is_for_modules() -> None:
    code = "\n".join(path.read_text() for path in EXAMPLE.rglob("*.py"))
    imported = set(re.findall(r"^(?:from|import) (owa\S*)", code, re.MULTILINE))
    assert imported == {"owa.module_api", "owa.queues.testing"}
