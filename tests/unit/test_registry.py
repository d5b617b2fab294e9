"""Which modules are loaded, and what is said of those that are not."""

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from owa.contributions import INCOMING
from owa.db.modules import Switch
from owa.registry import BUILT_IN, Found, Loaded, Registry, discover, judged, load
from owa.settings import Settings
from tests.packages import install_package

HEAD = "from owa.module_api import *\nfrom owa.module_api import INCOMING, PROCESSING, hookimpl\n"


class Modules:
    """Modules that are written by the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.found: dict[str, list[Found]] = {name: [Found(name, path)] for name, path in BUILT_IN.items()}

    def write(self, name: str, body: str = "", *, path: str = "", about: str = "", switch: str = "on") -> None:
        """`about`: further arguments of its Module. `path`: what it is imported as; by default a name of its own."""
        path = path or f"written_{self._folder.name.replace('-', '_')}_{name}"
        module = f'Module("{name}", "{name.title()}", "1.0", "Us", "Tests", "A test."{about})'
        said = f"@hookimpl\ndef owa_module(): return {module}\n"
        (self._folder / f"{path}.py").write_text(HEAD + said + textwrap.dedent(body))
        self.found.setdefault(name, []).append(Found(name, path, is_built_in=False))

    def raw(self, name: str, text: str) -> None:
        """A module that is just that text."""
        self.write(name)
        (self._folder / f"{self.found[name][0].path}.py").write_text(text)

    def load(self, **switches: Switch) -> Registry:
        """With all on that were written, but for what `switches` says."""
        chosen = {name: Switch.ON for name in self.found if name not in BUILT_IN}
        return load(chosen | switches, self.found)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Modules]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield Modules(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def error_of(registry: Registry, name: str = "ours") -> str:
    """Why a module does not work. The others must work, and none of its contributions count."""
    loaded = registry.modules[name]
    assert loaded.error
    assert not loaded.works
    assert loaded.contributed == {}
    assert registry.owner(INCOMING) == "file_queue"
    assert registry.fact_handlers
    return loaded.error


QUEUE = """
    @hookimpl
    def owa_queue_types(): return [QueueType("{type}", print)]

    @hookimpl
    def owa_queue_bindings(): return [QueueBinding({queue}, "{bound}", override={override})]
"""


def queue(type: str = "mine", queue: str = "INCOMING", bound: str = "", override: bool = True) -> str:
    return QUEUE.format(type=type, queue=queue, bound=bound or type, override=override)


def test_what_is_built_in_works() -> None:
    registry = load(found={name: [Found(name, path)] for name, path in BUILT_IN.items()})
    assert [loaded.error for loaded in registry.modules.values()] == [""] * len(BUILT_IN)
    assert next(iter(registry.modules)) == "core"
    assert not registry.steps
    assert not registry.filters


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_built_in_is_off_or_on_as_it_says(name: str) -> None:
    found = Found(name, BUILT_IN[name])
    assert load({}, {name: [found]}).modules[name].is_on is found.is_on
    about = load({name: Switch.OFF}, {name: [found]}).modules[name].about
    assert about is not None
    assert about.is_on is found.is_on


def test_what_is_for_the_admin_is_left_out_where_nothing_but_ours_is_on(modules: Modules) -> None:
    assert load({}, modules.found).jobs
    assert not load({}, modules.found, for_admin=False).jobs
    modules.write("ours", "@hookimpl\ndef owa_jobs(): return [ScheduledJob('prune', 60, print)]")
    assert "a job named prune" in load({"ours": Switch.ON}, modules.found, for_admin=False).modules["ours"].error


def test_a_module_that_works(modules: Modules) -> None:
    modules.write("ours", queue())
    registry = modules.load()
    assert registry.owner(INCOMING) == "ours"
    assert registry.queue_type(INCOMING).name == "mine"
    assert [name for name, _ in registry.sinks(INCOMING)] == ["ours", "file_queue"]


def test_an_unknown_hook_is_told_with_what_was_meant(modules: Modules) -> None:
    modules.write("ours", "@hookimpl\ndef owa_queue_typs(): return []")
    error = error_of(modules.load())
    assert "owa_queue_typs" in error
    assert "did you mean owa_queue_types?" in error


def test_a_hook_with_a_wrong_signature(modules: Modules) -> None:
    modules.write("ours", "@hookimpl\ndef owa_queue_types(context): return []")
    error = error_of(modules.load())
    assert "owa_queue_types" in error
    assert "context" in error


@pytest.mark.parametrize(
    ("hook", "returned", "told"),
    [
        ("owa_queue_types", "None", "must return a list of QueueType"),
        ("owa_queue_types", "['file']", "must return a list of QueueType"),
        ("owa_queue_types", "(one for one in ())", "must return a list of QueueType"),
        ("owa_settings", "[QueueType('x', print)]", "must return a list of Setting"),
        ("owa_event_handlers", "[object()]", "must return a list of EventHandler"),
        ("owa_fact_handlers", "[1]", "must return a list of FactHandler"),
        ("owa_locators", "[print]", "must return a list of Locator"),
        ("owa_locators", "[Locator('x', 'y')]", "whose locate is 'y'"),
        ("owa_queue_types", "[QueueType(['x'], print)]", "whose name is ['x']"),
        ("owa_queue_types", "[QueueType('x', None)]", "whose open is None"),
        ("owa_queue_bindings", "[QueueBinding(None, 'file')]", "whose queue is None"),
        ("owa_preprocessing_steps", "[PreprocessingStep('x', 'y')]", "whose run is 'y'"),
        ("owa_admin_pages", "[('x', print)]", "must return a list of AdminPage"),
        ("owa_admin_pages", "[AdminPage('x', 'X', 'edit_modules', print)]", "whose permission is 'edit_modules'"),
        ("owa_jobs", "{'x': print}", "must return a list of ScheduledJob"),
        ("owa_jobs", "[ScheduledJob('x', 60, 'run')]", "whose run is 'run'"),
        ("owa_commands", "[Command('x', 'Help.', print, ['least'])]", "whose arguments is ['least']"),
        ("owa_health_checks", "[HealthCheck('x', None)]", "whose check is None"),
        ("owa_tests", "[ModuleTest(None, print)]", "whose title is None"),
    ],
)
def test_a_hook_that_returns_something_else(modules: Modules, hook: str, returned: str, told: str) -> None:
    modules.write("ours", f"@hookimpl\ndef {hook}(): return {returned}")
    error = error_of(modules.load())
    assert told in error
    assert "ours" in error


@pytest.mark.parametrize(
    ("hook", "returned", "told"),
    [
        ("owa_admin_pages", "[AdminPage('../x', 'X', Capability.EDIT_MODULES, print)]", "'../x' is no name"),
        ("owa_jobs", "[ScheduledJob('x/y', 60, print)]", "'x/y' is no name"),
        ("owa_jobs", "[ScheduledJob('x', 0, print)]", "wants an interval"),
        ("owa_jobs", "[ScheduledJob('x', '60', print)]", "wants an interval"),
        ("owa_commands", "[Command('x y', 'Help.', print)]", "'x y' is no name"),
        ("owa_health_checks", "exit()", "SystemExit"),
    ],
)
def test_what_a_hook_raises_is_told_with_its_traceback(modules: Modules, hook: str, returned: str, told: str) -> None:
    modules.write("ours", f"@hookimpl\ndef {hook}(): return {returned}")
    assert told in error_of(modules.load())
    assert f"in {hook}" in modules.load().modules["ours"].trace


@pytest.mark.parametrize("types", ["None", "'x.y'", "frozenset({1})", "{'x.y'}"])
def test_a_handler_whose_types_are_no_set_of_names(modules: Modules, types: str) -> None:
    handler = f"""
    class Handler:
        event_types = {types}
        handle = resume = adopt = is_open = print

    @hookimpl
    def owa_fact_handlers(): return [Handler()]
    """
    modules.write("ours", handler)
    assert "a Handler whose event_types is" in error_of(modules.load())


FACTS = """
class Facts:
    event_types = frozenset({"%s"})
    handle = resume = adopt = is_open = print

@hookimpl
def owa_fact_handlers(): return [Facts()]
"""


def test_a_third_partys_fact_handler(modules: Modules) -> None:
    modules.write("ours", FACTS % "shop.basket")
    error = error_of(modules.load())
    assert error.startswith("ours has the hook owa_fact_handlers")
    assert "Use owa_event_handlers." in error


LOCATORS = """
@hookimpl
def owa_locators(): return [Locator("map", print)]
"""


def test_a_third_partys_locator(modules: Modules) -> None:
    modules.write("ours", LOCATORS)
    registry = modules.load()
    assert error_of(registry).startswith("ours has the hook owa_locators, which only modules that come with OWA may")
    assert not registry.locators


def test_locators_are_asked_in_the_order_of_their_modules(modules: Modules) -> None:
    for name in ("worse", "better"):
        modules.write(name, LOCATORS)
        modules.found[name] = [replace(modules.found[name][0], is_built_in=True)]
    assert [name for name, _locator in modules.load().locators] == ["better", "worse"]
    assert [name for name, _locator in modules.load(better=Switch.OFF).locators] == ["worse"]


def test_two_fact_handlers_for_one_type(modules: Modules) -> None:
    for name, event_type in (("ours", "base.page_request"), ("other", "shop.basket")):
        modules.write(name, FACTS % event_type)
        modules.found[name] = [replace(modules.found[name][0], is_built_in=True)]
    registry = modules.load()
    assert error_of(registry) == "Both core and ours have a fact handler for events of type base.page_request."
    assert registry.modules["core"].works
    handled = [sorted(handler.event_types) for handler in registry.fact_handlers]
    assert handled[0] == ["base.page_request"]
    assert handled[-1] == ["shop.basket"]
    assert len(handled) == 6


def test_an_event_handler_that_wants_follow_ups_is_kept_by_plain_names(modules: Modules) -> None:
    handlers = """
    @hookimpl
    def owa_event_handlers(): return [EventHandler("mail", frozenset({FollowUp.CONVERSION}), print)]
    """
    modules.write("ours", handlers)
    wanted = modules.load().subscriptions(Settings())["ours"]
    assert [(type(kind), kind) for kind in wanted] == [(str, "base.conversion")]
    assert orjson.dumps(wanted) == b'{"base.conversion":["ours:mail"]}'


def test_event_handlers_have_keys_and_subscribers_their_events(modules: Modules) -> None:
    handlers = """
    @hookimpl
    def owa_event_handlers():
        return [
            EventHandler("rows", frozenset({"base.page_request", "shop.basket"}), print),
            EventHandler("mail", frozenset({"shop.basket"}), print),
        ]
    """
    modules.write("ours", handlers)
    registry = modules.load()
    assert [(key, handler.name) for key, handler in registry.event_handlers] == [
        ("ours:rows", "rows"),
        ("ours:mail", "mail"),
    ]
    assert registry.subscribers(Settings()) == {
        "base.page_request": ("ours:rows",),
        "shop.basket": ("ours:rows", "ours:mail"),
    }


KINDS = """
    KINDS = words("ours.kinds", default=("shop.basket",), help="")

    @hookimpl
    def owa_settings(): return [KINDS]

    @hookimpl
    def owa_event_handlers(): return [EventHandler("rows", KINDS, print)]
"""


def test_an_event_handler_may_leave_its_types_to_a_setting(modules: Modules) -> None:
    modules.write("ours", KINDS)
    registry = modules.load()
    assert registry.subscribers(Settings()) == {"shop.basket": ("ours:rows",)}
    two = Settings({"ours.kinds": ("shop.order", "shop.return", "shop.order")})
    assert registry.subscribers(two) == {"shop.order": ("ours:rows",), "shop.return": ("ours:rows",)}


@pytest.mark.parametrize(("old", "new"), [("return [KINDS]", "return []"), ("words(", "text(")])
def test_the_setting_of_the_types_is_one_of_words_and_the_modules_own(modules: Modules, old: str, new: str) -> None:
    modules.write("ours", KINDS.replace(old, new))
    assert "whose event_types are the setting ours.kinds" in error_of(modules.load())


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("[EventHandler('x', {'shop.basket'}, print)]", "whose event_types is"),
        ("[EventHandler('x', frozenset({1}), print)]", "whose event_types is"),
        ("[EventHandler('x', frozenset(), None)]", "whose handle is None"),
        ("[EventHandler('', frozenset(), print)]", "an event handler named ''"),
        ("[EventHandler('x\\0', frozenset(), print)]", "Give it a short, readable name."),
        ("[EventHandler('x' * 251, frozenset(), print)]", "Give it a short, readable name."),
        ("[EventHandler('x', frozenset(), print)] * 2", "ours has two event handlers named x."),
    ],
)
def test_an_event_handler_that_cannot_be_kept_by_its_name(modules: Modules, returned: str, told: str) -> None:
    modules.write("ours", f"@hookimpl\ndef owa_event_handlers(): return {returned}")
    assert told in error_of(modules.load())


@pytest.mark.parametrize("about", [", needs_owa=0.2", ", requires='file_queue'", ", requires=None", ", is_on=1"])
def test_a_module_that_says_something_of_a_wrong_type_of_itself(modules: Modules, about: str) -> None:
    modules.write("ours", about=about)
    assert about.partition("=")[0].strip(", ") in error_of(modules.load())


def test_no_owa_module(modules: Modules) -> None:
    modules.raw("ours", "x = 1")
    assert "no hook owa_module" in error_of(modules.load())
    modules.raw("other", HEAD + "@hookimpl\ndef owa_module(): return 'other'")
    assert "no hook owa_module that returns a Module" in error_of(modules.load(), "other")


def test_a_module_with_another_name(modules: Modules) -> None:
    modules.write("theirs")
    modules.found["ours"] = [Found("ours", modules.found.pop("theirs")[0].path, is_built_in=False)]
    assert error_of(modules.load()) == "The module ours calls itself theirs. Give both one name."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import no_such_thing_at_all", "ModuleNotFoundError: No module named 'no_such_thing_at_all'"),
        ("def (:", "SyntaxError"),
        ("import sys; sys.exit('good bye')", "SystemExit: good bye"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(): f()\nf()", "RecursionError"),
        ("raise MemoryError", "MemoryError"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E", "E, which cannot say what it is about"),
        ("raise ValueError('\\udcff\\0')", "ValueError: ?\ufffd"),
    ],
)
def test_a_module_that_cannot_be_imported(modules: Modules, text: str, told: str) -> None:
    modules.raw("ours", text)
    registry = modules.load()
    assert error_of(registry).startswith(told)
    trace = registry.modules["ours"].trace
    assert "Traceback" in trace
    trace.encode()


def test_a_module_that_is_not_there(modules: Modules) -> None:
    modules.found["ours"] = [Found("ours", "not_there.at_all:attribute", is_built_in=False)]
    assert "not_there" in error_of(modules.load())


def test_an_interrupt_is_the_users(modules: Modules) -> None:
    modules.raw("ours", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        modules.load()


@pytest.mark.parametrize("hook", ["owa_module", "owa_settings", "owa_queue_bindings"])
def test_a_hook_that_raises(modules: Modules, hook: str) -> None:
    modules.write("ours", f"@hookimpl\ndef {hook}(): raise SystemExit(hook_failed)")
    registry = modules.load()
    assert "hook_failed" in error_of(registry)
    assert hook in registry.modules["ours"].trace


def test_a_missing_requirement(modules: Modules) -> None:
    modules.write("ours", about=", requires=('utm_campaign',)")
    assert error_of(modules.load()) == "ours requires the module utm_campaign; did you mean utm_campaigns?"
    modules.write("other", about=", requires=('utm_campaigns',)")
    assert "utm_campaigns, which is off or broken" in error_of(modules.load(), "other")
    assert modules.load(utm_campaigns=Switch.ON).modules["other"].works


def test_what_requires_a_broken_module_is_broken_too(modules: Modules) -> None:
    modules.write("a", about=", requires=('b',)")
    modules.write("b", about=", requires=('c',)")
    modules.raw("c", "1 / 0")
    registry = modules.load()
    assert "requires the module c" in error_of(registry, "b")
    assert "requires the module b" in error_of(registry, "a")


def test_modules_that_require_each_other_work(modules: Modules) -> None:
    modules.write("a", about=", requires=('b',)")
    modules.write("b", about=", requires=('a',)")
    assert all(modules.load().modules[name].works for name in "ab")


def test_a_module_that_needs_a_newer_owa(modules: Modules) -> None:
    modules.write("ours", about=", needs_owa='99.1'")
    assert "ours needs OWA 99.1, and this is" in error_of(modules.load())
    modules.write("other", about=", needs_owa='0.0.1'")
    assert modules.load().modules["other"].works


def test_two_modules_of_one_name(modules: Modules) -> None:
    modules.write("ours", queue(), path="one_of_two")
    modules.write("ours", queue(), path="two_of_two")
    error = error_of(modules.load())
    assert "one_of_two" in error
    assert "two_of_two" in error
    assert not {"one_of_two", "two_of_two"} & set(sys.modules)


@pytest.mark.parametrize("name", ["core", "file_queue", "database_queue"])
def test_a_module_with_the_name_of_a_built_in_one_takes_nothing_away(modules: Modules, name: str) -> None:
    modules.write(name, queue(), path="the_rival")
    registry = modules.load()
    assert registry.modules[name].works
    assert "several modules named" in error_of(registry, f"{name} (the_rival)")
    assert "the_rival" not in sys.modules


def test_of_two_overrides_neither_counts(modules: Modules) -> None:
    modules.write("first", queue("one"))
    modules.write("second", queue("two"))
    registry = modules.load()
    for name in ("first", "second"):
        assert "first and second both want to be the queue incoming_tracking_events" in error_of(registry, name)
    assert registry.queue_type(INCOMING).name == "file"


def test_an_override_that_does_not_work_anyway_is_no_rival(modules: Modules) -> None:
    modules.write("first", queue("one"))
    modules.write("second", queue("two"), about=", requires=('nothing',)")
    assert modules.load().owner(INCOMING) == "first"


def test_what_binds_to_the_type_of_a_broken_module_is_broken(modules: Modules) -> None:
    modules.write("a", queue("one"))
    modules.write("b", queue("two"))
    modules.write("c", "@hookimpl\ndef owa_queue_bindings(): return [QueueBinding(INCOMING, 'one')]")
    assert "wants the queue type one" in error_of(modules.load(), "c")


def test_two_contributions_of_one_name(modules: Modules) -> None:
    modules.write("first", queue("mine", override=False))
    modules.write("second", queue("mine"))
    registry = modules.load()
    assert error_of(registry, "second") == "Both first and second contribute a queue type named mine."
    assert registry.modules["first"].works


def test_a_third_partys_module_cannot_take_a_name_of_ours(modules: Modules) -> None:
    modules.write("aaa", queue("file"))
    assert error_of(modules.load(), "aaa") == "Both file_queue and aaa contribute a queue type named file."


COMMANDS = "@hookimpl\ndef owa_commands(): return [Command('{}', 'Help.', print)]"
JOBS = "@hookimpl\ndef owa_jobs(): return [ScheduledJob('{}', 60, print)]"


@pytest.mark.parametrize(
    ("hook", "name", "told"),
    [
        (COMMANDS, "install", "The command install of ours has the name of one of OWA's own."),
        (COMMANDS, "help", "The command help of ours has the name of one of OWA's own."),
        (JOBS, "drain", "The job drain of ours has the name of one of OWA's own."),
        (COMMANDS, "flush-processed-events", "Both database_queue and ours contribute a command named"),
        (JOBS, "prune", "Both file_queue and ours contribute a job named prune."),
    ],
)
def test_no_job_or_command_is_shadowed(modules: Modules, hook: str, name: str, told: str) -> None:
    modules.write("ours", hook.format(name))
    registry = modules.load()
    assert told in error_of(registry)
    assert {"flush-processed-events", "prune-event-queue-archives"} <= {one.name for _, one in registry.commands}


def test_a_module_that_drains_keeps_its_jobs_commands_pages_and_checks(modules: Modules) -> None:
    modules.write("other", queue())
    registry = modules.load(file_queue=Switch.DRAINING)
    assert [name for name, _ in registry.jobs] == ["file_queue"]
    for found in (registry.commands, registry.pages):
        assert "file_queue" in {name for name, _ in found}
    assert "remote_queue" in {name for name, _ in modules.load(remote_queue=Switch.DRAINING).checks}
    assert not modules.load(file_queue=Switch.PARKED).jobs


REQUIRED = """
    KEY = text("ours.key", default="", required=True, help="A test.")

    @hookimpl
    def owa_settings(): return [KEY]

    @hookimpl
    def owa_preprocessing_steps(): return [PreprocessingStep("step", print)]
"""


def test_what_lacks_a_setting_is_not_called(modules: Modules) -> None:
    modules.write("ours", queue() + REQUIRED)
    loaded = modules.load()
    lacking = judged(loaded, Settings(), lambda _: False)
    assert (lacking.modules["ours"].lacks, lacking.modules["ours"].works) == (("Key",), True)
    assert (lacking.steps, lacking.owner(INCOMING)) == ((), "file_queue")
    assert "ours.key" in {setting.name for setting in lacking.settings}
    ready = judged(lacking, Settings({"ours.key": "a"}), lambda _: False)
    assert [name for name, _ in ready.steps] == ["ours"]
    assert ready.owner(INCOMING) == "ours"


def test_what_lacks_a_migration_is_not_called(modules: Modules, tmp_path: Path) -> None:
    (tmp_path / "revisions").mkdir()
    modules.write("ours", queue(), about=", migrations='revisions'")
    asked: list[str] = []

    def is_outdated(loaded: Loaded) -> bool:
        asked.append(loaded.name)
        return True

    outdated = judged(modules.load(), Settings(), is_outdated)
    assert asked == ["ours"]  # the others have no tables of their own
    assert outdated.modules["ours"].needs_migration
    assert outdated.owner(INCOMING) == "file_queue"
    assert judged(outdated, Settings(), lambda _: False).owner(INCOMING) == "ours"


def test_migrations_that_cannot_be_read_break_their_module(modules: Modules, tmp_path: Path) -> None:
    (tmp_path / "revisions").mkdir()
    modules.write("ours", queue(), about=", migrations='revisions'")
    registry = judged(modules.load(), Settings(), lambda _: sys.exit(3))
    assert error_of(registry) == "The migrations of ours cannot be read: SystemExit: 3"
    assert "Traceback" in registry.modules["ours"].trace


def test_a_folder_of_migrations_that_is_missing(modules: Modules) -> None:
    modules.write("ours", about=", migrations='nowhere'")
    assert error_of(modules.load()) == "The module ours has no folder nowhere. Its package lacks files."


def test_a_third_partys_default_does_not_replace_ours(modules: Modules) -> None:
    modules.write("aaa", queue(override=False))
    registry = modules.load()
    assert registry.owner(INCOMING) == "file_queue"
    assert [name for name, _ in registry.sinks(INCOMING)] == ["file_queue", "aaa"]
    assert modules.load(file_queue=Switch.OFF).owner(INCOMING) == "aaa"


def test_a_binding_to_nothing(modules: Modules) -> None:
    modules.write("ours", queue(bound="mime"))
    assert "the queue type mime, which no module has; did you mean mine?" in error_of(modules.load())
    modules.write("other", queue("some", queue="'incoming_tracking_event'"))
    assert "which there is not; did you mean incoming_tracking_events?" in error_of(modules.load(), "other")


def test_settings_are_named_after_their_module(modules: Modules) -> None:
    setting = "@hookimpl\ndef owa_settings(): return [text('{}', default='', help='A test.')]"
    modules.write("ours", setting.format("base.data_dir"))
    assert "base.data_dir of ours must be called ours." in error_of(modules.load())
    modules.write("other", setting.format("other.password"))
    assert "other.password" in {one.name for one in modules.load().settings}


@pytest.mark.parametrize("switch", [None, Switch.OFF, Switch.PARKED])
def test_a_third_partys_module_that_is_off_is_not_imported(modules: Modules, switch: Switch | None) -> None:
    modules.write("ours", "1 / 0", about=", is_on=True", path="must_not_be_imported")
    registry = load({"ours": switch} if switch else {}, modules.found)
    assert not registry.modules["ours"].error
    assert not registry.modules["ours"].works
    assert "must_not_be_imported" not in sys.modules


@pytest.mark.parametrize("switch", [Switch.DRAINING, Switch.TRIPPED])
def test_a_module_that_drains_contributes_its_queue_type_only(modules: Modules, switch: Switch) -> None:
    step = "\n    @hookimpl\n    def owa_preprocessing_steps(): return [PreprocessingStep('step', print)]"
    modules.write("ours", queue() + step)
    registry = modules.load(ours=switch)
    assert [(name, kind.name) for name, kind in registry.draining(INCOMING)] == [("ours", "mine")]
    assert registry.owner(INCOMING) == "file_queue"
    assert set(registry.queue_types()) == {"file"}
    assert not registry.steps
    assert modules.load(ours=Switch.PARKED).draining(INCOMING) == []


def test_the_last_module_that_serves_a_queue_cannot_be_spared(modules: Modules) -> None:
    modules.write("ours", queue(), about=', requires=("base",)')
    modules.write("base")
    registry = modules.load()
    assert registry.can_spare("ours", {})
    assert registry.can_spare("file_queue", {})
    assert not registry.can_spare("database_queue", {})
    assert registry.can_spare("utm_campaigns", {})
    for off in (Switch.OFF, Switch.TRIPPED, Switch.DRAINING):
        chosen = {"file_queue": off}  # by another process, a moment ago
        assert not registry.can_spare("ours", chosen)
        assert not registry.can_spare("base", chosen)
        assert not registry.can_spare("file_queue", {"base": off})


def test_a_module_that_drains_and_is_broken_contributes_nothing(modules: Modules) -> None:
    modules.raw("ours", "1 / 0")
    registry = modules.load(ours=Switch.DRAINING)
    assert registry.draining(INCOMING) == []
    assert "ZeroDivisionError" in error_of(registry)


@pytest.mark.parametrize("option", ["specname='owa_settings'", "hookwrapper=True", "tryfirst=True", "trylast=True"])
def test_an_option_of_hookimpl_that_would_have_no_effect(modules: Modules, option: str) -> None:
    modules.write("ours", f"@hookimpl({option})\ndef owa_event_filters():\n    yield []")
    name = option.partition("=")[0]
    assert error_of(modules.load()).startswith(
        f"The function owa_event_filters of the module ours has hookimpl({name}="
    )


def test_a_hook_of_a_later_version_may_be_optional(modules: Modules) -> None:
    modules.write("ours", "@hookimpl(optionalhook=True)\ndef owa_of_the_future(): return []")
    assert modules.load().modules["ours"].works


def test_packages_are_found_by_their_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_package(tmp_path, "their_queue", "", metadata="Author: Them\nSummary: It keeps.\n")
    install_package(tmp_path, "silent", "")
    monkeypatch.syspath_prepend(tmp_path)
    found = discover()
    assert found["their_queue"] == [Found("their_queue", "their_queue", False, "1.0", "Them", "It keeps.")]
    assert found["silent"] == [Found("silent", "silent", False, "1.0")]
