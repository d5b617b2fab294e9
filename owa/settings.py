"""Declared settings with one precedence: environment > ini > stored by a form > default.

A setting is declared next to its user, as a `Setting`; a `Settings` is a frozen snapshot of all values, asked with
the declaration itself, so that the type checker knows the type of the answer:

    QUEUE_EVENTS = boolean("base.queue_events", default=False, help="…")
    settings[QUEUE_EVENTS]      # bool

Names follow OWA: `base.x` is `OWA_X` in the environment and `owa.x` in an ini file; `remoteQueue.endpoint` is
`OWA_REMOTE_QUEUE_ENDPOINT` and `owa.remote_queue.endpoint`.
"""

import difflib
import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypedDict, TypeVar, Unpack
from zoneinfo import ZoneInfo, available_timezones

from owa.errors import SettingsError

T = TypeVar("T")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Layer(StrEnum):
    """Where a value came from, strongest first."""

    ENVIRONMENT = "environment"
    INI = "ini file"
    STORED = "settings page"
    DEFAULT = "default"


class Kind(StrEnum):
    """What a form shows for a setting."""

    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    CHOICE = "choice"
    LIST = "list"
    TIME_ZONE = "time zone"


class Shown(TypedDict, total=False):
    """What only forms need of a declaration: see `Setting`."""

    label: str
    group: str
    unit: str
    restart: bool
    required: bool


@dataclass(frozen=True)
class Setting(Generic[T]):
    """The declaration of a setting."""

    name: str
    parse: Callable[[str], T]
    """Turns the text of any layer into the value; raises `ValueError` with what it wants instead."""
    default: T
    help: str
    secret: bool = False
    """Its value is never shown."""
    storable: bool = True
    """Whether a form may set it. What is needed to reach the database cannot be stored in it."""
    kind: Kind = Kind.TEXT
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    label: str = ""
    """What a form calls it. Default: its name, in words."""
    group: str = ""
    """The heading under which a form shows it."""
    unit: str = ""
    """Such as `seconds`."""
    restart: bool = False
    """It is read when a process starts: a change counts from then on."""
    required: bool = False
    """The module that declares it is not called while this is empty."""

    def __post_init__(self) -> None:
        if not self.label:
            words = _snake(self.name.partition(".")[2]).replace("_", " ")
            object.__setattr__(self, "label", words[:1].upper() + words[1:])

    @property
    def environment_name(self) -> str:
        return "OWA_" + self._path.replace(".", "_").upper()

    @property
    def ini_name(self) -> str:
        return "owa." + self._path

    @property
    def _path(self) -> str:
        module, _, key = self.name.partition(".")
        key = _snake(key)
        return key if module == "base" else f"{_snake(module)}.{key}"


def boolean(name: str, *, default: bool, help: str, **shown: Unpack[Shown]) -> Setting[bool]:
    """true/false, 1/0, on/off, yes/no."""
    return Setting(name, parse_boolean, default, help, kind=Kind.BOOLEAN, **shown)


def integer(
    name: str, *, default: int, least: int, most: int, help: str, storable: bool = True, **shown: Unpack[Shown]
) -> Setting[int]:
    """A whole number from `least` to `most`, both included."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ValueError(f"wants a whole number from {least} to {most}")
        return int(text)

    return Setting(name, parse, default, help, storable=storable, kind=Kind.INTEGER, least=least, most=most, **shown)


def text(
    name: str, *, default: str, help: str, secret: bool = False, storable: bool = True, **shown: Unpack[Shown]
) -> Setting[str]:
    """Any text, its outer white space removed."""
    return Setting(name, str, default, help, secret, storable, **shown)


def folder(name: str, *, default: str, help: str, **shown: Unpack[Shown]) -> Setting[str]:
    """A path, not stored: the database may be in it."""

    def parse(value: str) -> str:
        if not value:
            raise ValueError("wants a folder")
        return value

    return Setting(name, parse, default, help, storable=False, **shown)


def choice(name: str, *, default: str, of: tuple[str, ...], help: str, **shown: Unpack[Shown]) -> Setting[str]:
    """One of the words in `of`."""

    def parse(value: str) -> str:
        if value not in of:
            raise ValueError(f"wants one of {', '.join(of)}{_perhaps(value, of)}")
        return value

    return Setting(name, parse, default, help, kind=Kind.CHOICE, choices=of, **shown)


def words(name: str, *, default: tuple[str, ...] = (), help: str, **shown: Unpack[Shown]) -> Setting[tuple[str, ...]]:
    """Words separated by commas or white space."""

    def parse(value: str) -> tuple[str, ...]:
        return tuple(filter(None, re.split(r"[,\s]+", value)))

    return Setting(name, parse, default, help, kind=Kind.LIST, **shown)


def networks(name: str, *, default: str = "", help: str, **shown: Unpack[Shown]) -> Setting[tuple[Network, ...]]:
    """IP addresses or networks (10.0.0.0/8), separated by commas or white space."""

    def parse(value: str) -> tuple[Network, ...]:
        try:
            return tuple(ipaddress.ip_network(part, strict=False) for part in re.split(r"[,\s]+", value) if part)
        except ValueError as error:
            raise ValueError(f"wants IP addresses or networks such as 10.0.0.0/8 ({error})") from error

    return Setting(name, parse, parse(default), help, kind=Kind.LIST, **shown)


def time_zone(name: str, *, default: str, help: str, **shown: Unpack[Shown]) -> Setting[ZoneInfo]:
    """A name of the IANA time zone database, such as Europe/Berlin."""

    def parse(value: str) -> ZoneInfo:
        try:
            return ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            perhaps = _perhaps(value, available_timezones())
            raise ValueError(f"wants a time zone of the IANA database, such as Europe/Berlin{perhaps}") from error

    return Setting(name, parse, parse(default), help, kind=Kind.TIME_ZONE, **shown)


def parse_boolean(value: str) -> bool:
    match value.strip().lower():
        case "true" | "1" | "on" | "yes":
            return True
        case "false" | "0" | "off" | "no" | "":
            return False
    raise ValueError("wants true/false, 1/0, on/off or yes/no")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """How a sentence about an unknown word ends: `; did you mean X?`, or `.` where no known word is near."""
    near = _near(word, known)
    return f"; did you mean {near}?" if near else "."


def _perhaps(word: str, known: Iterable[str]) -> str:
    near = _near(word, known)
    return f" (did you mean {near}?)" if near else ""


def _near(word: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(word[:100], known, n=1, cutoff=0.75)), "")


def as_text(value: object) -> str:
    """The text of a value of the constructors above, as a form shows it."""
    if isinstance(value, tuple):
        return "\n".join(str(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


@dataclass(frozen=True)
class Settings:
    """A snapshot of all values. Frozen: a change makes a new snapshot."""

    values: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, Layer] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    """What looked odd but is no error, such as an unknown `OWA_` variable."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """What was written, of the values that are no defaults."""

    def __getitem__(self, setting: Setting[T]) -> T:
        value: T = self.values.get(setting.name, setting.default)
        return value

    def lacks(self, setting: Setting[Any]) -> bool:
        """Whether a value is needed and there is none."""
        return setting.required and self[setting] in ("", (), None)

    def layer(self, setting: Setting[Any]) -> Layer:
        """Where the value came from."""
        return self.layers.get(setting.name, Layer.DEFAULT)

    def text(self, setting: Setting[Any]) -> str:
        """What was written, or would be to say the default."""
        return self.texts.get(setting.name, as_text(setting.default))


def resolve(
    declared: Iterable[Setting[Any]],
    *,
    environment: Mapping[str, str],
    ini: Mapping[str, str] | None = None,
    stored: Mapping[str, str] | None = None,
    absent: Collection[str] = (),
) -> Settings:
    """The snapshot that the layers give. Raises `SettingsError` with every problem of every layer at once.

    `environment` may hold more than OWA's variables. `ini` holds the `owa.…` keys (others are ignored), `stored` is
    keyed by the settings' names; there, values that no longer parse are noticed and passed over, since a form's old
    value must not keep the site from starting. `absent`: modules that are off; what is set for them is passed over.
    """
    declarations = list(declared)
    problems, notices = _unknown(declarations, environment, ini or {}, absent)
    values: dict[str, Any] = {}
    layers: dict[str, Layer] = {}
    texts: dict[str, str] = {}
    for setting in declarations:
        for layer, source, key in (
            (Layer.ENVIRONMENT, environment, setting.environment_name),
            (Layer.INI, ini or {}, setting.ini_name),
            (Layer.STORED, (stored or {}) if setting.storable else {}, setting.name),
        ):
            if key not in source:
                continue
            try:
                written = source[key].strip()
                values[setting.name] = setting.parse(written)
                layers[setting.name], texts[setting.name] = layer, written
                break
            except ValueError as error:
                shown = "its value" if setting.secret else repr(source[key][:100])
                complaint = f"{key} ({layer.value}): {error}, not {shown}."
                (notices if layer is Layer.STORED else problems).append(complaint)
                if layer is not Layer.STORED:
                    break
    if problems:
        raise SettingsError(problems)
    return Settings(values, layers, tuple(notices), texts)


def _unknown(
    declared: list[Setting[Any]], environment: Mapping[str, str], ini: Mapping[str, str], absent: Collection[str]
) -> tuple[list[str], list[str]]:
    """Names that nothing declares: (problems, notices).

    An ini file is ours, so an unknown key in it is a mistake. The environment is shared: there only a near miss is.
    """
    problems: list[str] = []
    notices: list[str] = []
    ini_names = {setting.ini_name for setting in declared}
    problems += [
        f"{name} (ini file): there is no such setting{did_you_mean(name, ini_names)}"
        for name in sorted(set(ini) - ini_names)
        if name.startswith("owa.") and not name.startswith(tuple(f"owa.{module}." for module in absent))
    ]
    environment_names = {setting.environment_name for setting in declared}
    for name in sorted(set(environment) - environment_names):
        if name.startswith("OWA_") and not name.startswith(tuple(f"OWA_{module.upper()}_" for module in absent)):
            ending = did_you_mean(name, environment_names)
            complaint = f"{name} (environment): there is no such setting{ending}"
            (problems if ending != "." else notices).append(complaint)
    return problems, notices


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
