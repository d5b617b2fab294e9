"""Declared settings: types, names, one precedence, all problems at once."""

import ipaddress
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from owa.errors import SettingsError
from owa.settings import (
    Layer,
    Setting,
    Settings,
    boolean,
    choice,
    did_you_mean,
    integer,
    networks,
    resolve,
    text,
    time_zone,
    words,
)

SWITCH = boolean("base.queue_events", default=False, help="")
COUNT = integer("base.retry_count", default=25, least=0, most=100, help="")
TITLE = text("base.title", default="none", help="")
KEY = text("remoteQueue.sharedKey", default="", help="", secret=True)
FOLDER = text("base.data_dir", default="owa-data", help="", storable=False)
COLOUR = choice("base.colour", default="red", of=("red", "green"), help="")
NAMES = words("base.names", default=("a",), help="")
PROXIES = networks("base.proxies", default="127.0.0.1", help="")
ZONE = time_zone("base.timezone", default="UTC", help="")
ALL: tuple[Setting[Any], ...] = (SWITCH, COUNT, TITLE, KEY, FOLDER, COLOUR, NAMES, PROXIES, ZONE)


def resolved(
    *,
    environment: Mapping[str, str] | None = None,
    ini: Mapping[str, str] | None = None,
    stored: Mapping[str, str] | None = None,
) -> Settings:
    return resolve(ALL, environment=environment or {}, ini=ini, stored=stored)


def problems(*, environment: Mapping[str, str] | None = None, ini: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        resolved(environment=environment, ini=ini)
    return raised.value.problems


def value(setting: Setting[Any], sent: str) -> Any:
    return resolved(environment={setting.environment_name: sent})[setting]


@pytest.mark.parametrize(
    ("name", "environment", "ini"),
    [
        ("base.queue_events", "OWA_QUEUE_EVENTS", "owa.queue_events"),
        ("base.queueEvents", "OWA_QUEUE_EVENTS", "owa.queue_events"),
        ("remoteQueue.endpoint", "OWA_REMOTE_QUEUE_ENDPOINT", "owa.remote_queue.endpoint"),
        ("remoteQueue.oldKey", "OWA_REMOTE_QUEUE_OLD_KEY", "owa.remote_queue.old_key"),
        ("maxmind_geoip.database", "OWA_MAXMIND_GEOIP_DATABASE", "owa.maxmind_geoip.database"),
    ],
)
def test_names(name: str, environment: str, ini: str) -> None:
    setting = text(name, default="", help="")
    assert (setting.environment_name, setting.ini_name) == (environment, ini)


LAYERS: list[tuple[Layer, dict[str, dict[str, str]]]] = [
    (Layer.ENVIRONMENT, {"environment": {"OWA_TITLE": "environment"}}),
    (Layer.INI, {"ini": {"owa.title": "ini file"}}),
    (Layer.STORED, {"stored": {"base.title": "settings page"}}),
]


@pytest.mark.parametrize("strongest", range(3))
def test_the_strongest_layer_counts(strongest: int) -> None:
    given = {name: source for _, layer in LAYERS[strongest:] for name, source in layer.items()}
    settings = resolved(**given)
    assert settings.layer(TITLE) is LAYERS[strongest][0]
    assert settings[TITLE] == LAYERS[strongest][0].value


def test_the_default_counts_last() -> None:
    settings = resolved()
    assert (settings[TITLE], settings.layer(TITLE)) == ("none", Layer.DEFAULT)


def test_an_empty_value_is_a_value() -> None:
    assert resolved(environment={"OWA_TITLE": ""}, ini={"owa.title": "x"})[TITLE] == ""


def test_a_wrong_value_is_not_passed_over_for_a_weaker_layer() -> None:
    (problem,) = problems(environment={"OWA_RETRY_COUNT": "many"}, ini={"owa.retry_count": "3"})
    assert problem == "OWA_RETRY_COUNT (environment): wants a whole number from 0 to 100, not 'many'."


def test_all_problems_are_told_at_once() -> None:
    told = problems(
        environment={"OWA_RETRY_COUNT": "many", "OWA_QUEUE_EVENT": "1"},
        ini={"owa.colour": "gren", "owa.tittle": "x", "owa.timezone": "Mars/Olympus"},
    )
    assert len(told) == 5
    assert sum("did you mean" in problem for problem in told) == 3
    for name in ("OWA_RETRY_COUNT", "OWA_QUEUE_EVENT ", "owa.colour", "owa.tittle", "owa.timezone"):
        assert any(problem.startswith(name) for problem in told), name


def test_a_stored_value_that_is_wrong_is_noticed_and_passed_over() -> None:
    settings = resolved(stored={"base.retry_count": "many"})
    assert (settings[COUNT], settings.layer(COUNT)) == (25, Layer.DEFAULT)
    assert settings.notices == ("base.retry_count (settings page): wants a whole number from 0 to 100, not 'many'.",)


def test_what_is_needed_to_reach_the_database_is_not_stored_in_it() -> None:
    assert resolved(stored={"base.data_dir": "/elsewhere"})[FOLDER] == "owa-data"


def test_a_secret_is_not_shown() -> None:
    secret: Setting[int] = Setting("base.pin", int, 0, "", secret=True)
    with pytest.raises(SettingsError) as raised:
        resolve([secret], environment={"OWA_PIN": "hunter2"})
    assert "not its value" in str(raised.value)


def test_an_unknown_name_in_the_ini_file_is_a_problem() -> None:
    (near,) = problems(ini={"owa.titel": "x"})
    assert near.startswith("owa.titel (ini file): there is no such setting; did you mean owa.title?")
    assert problems(ini={"owa.zzz": "x"}) == ["owa.zzz (ini file): there is no such setting."]


def test_other_keys_of_the_ini_file_are_not_ours() -> None:
    assert resolved(ini={"use": "egg:owa", "pyramid.reload": "true"}).notices == ()


def test_the_environment_is_shared_so_only_a_near_miss_is_a_problem() -> None:
    assert "did you mean OWA_TITLE?" in problems(environment={"OWA_TITEL": "x"})[0]
    assert resolved(environment={"OWA_ZZZ": "x", "PATH": "/bin"}).notices == (
        "OWA_ZZZ (environment): there is no such setting.",
    )


@pytest.mark.parametrize(("word", "hint"), [("tilte", "; did you mean title?"), ("xyz", ".")])
def test_did_you_mean(word: str, hint: str) -> None:
    assert did_you_mean(word, ["title", "colour"]) == hint


@pytest.mark.parametrize("sent", ["true", "1", "on", "yes", "TRUE", " On "])
def test_boolean_true(sent: str) -> None:
    assert value(SWITCH, sent) is True


@pytest.mark.parametrize("sent", ["false", "0", "off", "no", "", "No"])
def test_boolean_false(sent: str) -> None:
    assert value(SWITCH, sent) is False


@pytest.mark.parametrize(("sent", "number"), [("0", 0), ("100", 100), (" 7 ", 7), ("007", 7)])
def test_integer(sent: str, number: int) -> None:
    assert value(COUNT, sent) == number


def test_integer_may_be_negative_where_the_bounds_allow_it() -> None:
    setting = integer("base.offset", default=0, least=-5, most=5, help="")
    assert resolve([setting], environment={"OWA_OFFSET": "-5"})[setting] == -5


@pytest.mark.parametrize(("sent", "parsed"), [(" a b ", "a b"), ("", "")])
def test_text_is_trimmed(sent: str, parsed: str) -> None:
    assert value(TITLE, sent) == parsed


@pytest.mark.parametrize(
    ("sent", "parsed"),
    [
        ("a,b", ("a", "b")),
        ("a b", ("a", "b")),
        ("a, b\n c", ("a", "b", "c")),
        ("", ()),
        (",a,,b,", ("a", "b")),
        (",", ()),
    ],
)
def test_words(sent: str, parsed: tuple[str, ...]) -> None:
    assert value(NAMES, sent) == parsed


def test_networks() -> None:
    assert value(PROXIES, "10.1.2.3/8, 2001:db8::1,") == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("2001:db8::1/128"),
    )
    assert value(PROXIES, "") == ()
    assert resolved()[PROXIES] == (ipaddress.ip_network("127.0.0.1/32"),)


def test_time_zone() -> None:
    assert value(ZONE, "Europe/Berlin") == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("setting", "sent", "wanted"),
    [
        (SWITCH, "maybe", "wants true/false, 1/0, on/off or yes/no"),
        (COUNT, "101", "wants a whole number from 0 to 100"),
        (COUNT, "-1", "wants a whole number from 0 to 100"),
        (COUNT, "1.5", "wants a whole number from 0 to 100"),
        (COUNT, "", "wants a whole number from 0 to 100"),
        (COUNT, "٣", "wants a whole number from 0 to 100"),
        (COLOUR, "gren", "wants one of red, green (did you mean green?)"),
        (COLOUR, "", "wants one of red, green"),
        (PROXIES, "10.0.0.256", "wants IP addresses or networks such as 10.0.0.0/8"),
        (ZONE, "Mars/Olympus", "wants a time zone of the IANA database"),
        (ZONE, "../../etc/passwd", "wants a time zone of the IANA database"),
        (ZONE, "Europe", "wants a time zone of the IANA database"),
        (ZONE, "", "wants a time zone of the IANA database"),
    ],
)
def test_wrong_value_tells_what_is_wanted(setting: Setting[Any], sent: str, wanted: str) -> None:
    (problem,) = problems(environment={setting.environment_name: sent})
    assert problem.startswith(f"{setting.environment_name} (environment): {wanted}")
    assert problem.endswith(f"not {sent!r}.")


def test_a_setting_that_was_not_resolved_has_its_default() -> None:
    assert Settings()[COUNT] == 25
