"""What many events of a batch agree in, and what follows from that: it is worked out once for all that do."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from owa import user_agent
from owa.analytics.attribution import Attribution, attribution, registrable_domain
from owa.analytics.properties import Properties
from owa.contributions import Location
from owa.identity import NOT_SET, text_id
from owa.remembering import remembers
from owa.user_agent import UserAgent

T = TypeVar("T")

Values = tuple[Any, ...]
"""Of columns that all fact tables share."""

AGENT_COLUMNS = ("ua_id", "os_id")
ORIGIN_COLUMNS = ("referer_id", "referring_search_term_id", "medium", "source_id", "ad_id", "campaign_id")
WHEREABOUTS_COLUMNS = ("host_id", "location_id", "ip_address")

SEPARATOR = "\x1f"
"""Between the parts of a place. It is no part of one."""


class Aspect(Generic[T]):
    """What follows from some of the properties, all of them texts, and from nothing else. It remembers all that it has
    seen: one is for a single batch."""

    def __init__(self, names: Sequence[str], read: Callable[[Properties], T]) -> None:
        """`names`: the properties that `read` looks at."""
        self._names = names
        self._read = read
        self._known: dict[tuple[Any, ...], tuple[T, Properties]] = {}

    def of(self, values: Properties) -> T:
        sent = tuple(map(values.sent.get, self._names))
        try:
            known = self._known.get(sent)
        except TypeError:  # a list or a dict among them, which is no text
            return self._read(values)
        if known is None:
            own = Properties(dict(zip(self._names, sent, strict=True)))
            known = self._known[sent] = self._read(own), own
        found, own = known
        if own.coerced:
            values.coerced_in(own)
        return found


class Agent(NamedTuple):
    """What the visitor looks through."""

    text: str
    parsed: UserAgent
    values: Values
    """Of `AGENT_COLUMNS`."""


class Origin(NamedTuple):
    """Where the visit comes from."""

    attribution: Attribution
    is_carried: bool
    """Whether the event says so itself."""
    referer: str
    ad_type: str
    values: Values
    """Of `ORIGIN_COLUMNS`."""


class Whereabouts(NamedTuple):
    """Where the visitor is."""

    host: str
    full_host: str
    ip_address: str
    location: Location
    place: str
    """Country, state and city of it."""
    values: Values
    """Of `WHEREABOUTS_COLUMNS`."""


def agents() -> Aspect[Agent]:
    return Aspect(("HTTP_USER_AGENT",), _agent)


def origins() -> Aspect[Origin]:
    return Aspect(("medium", "source", "search_terms", "campaign", "ad", "ad_type", "session_referer"), _origin)


def whereabouts(locate: Callable[[str], Location | None]) -> Aspect[Whereabouts]:
    names = ("REMOTE_HOST", "ip_address", "country", "state", "city")
    return Aspect(names, lambda values: _whereabouts(values, locate))


def custom_variables() -> Aspect[Values]:
    """The values of `owa.analytics.tables.CUSTOM_VARIABLES`."""
    return Aspect([f"cv{number}" for number in range(1, 6)], _custom_variables)


def place(location: Location) -> str:
    """Country, state and city in one text, with `SEPARATOR` between them."""
    parts = (location.country, location.state, location.city)
    return SEPARATOR.join(part.replace(SEPARATOR, "\ufffd") or NOT_SET for part in parts)


@remembers(10_000)
def place_id(place: str) -> int:
    """As in OWA, of country, state and city run together."""
    return text_id(place.replace(SEPARATOR, ""))


def _agent(values: Properties) -> Agent:
    text = values.text("HTTP_USER_AGENT") or NOT_SET
    parsed = user_agent.parse(text)
    return Agent(text, parsed, (text_id(text), text_id(parsed.operating_system)))


def _origin(values: Properties) -> Origin:
    source, is_carried = attribution(values)
    referer = values.text("session_referer")
    ids = (
        text_id(referer) if referer else None,
        text_id(source.search_terms),
        source.medium,
        text_id(source.source),
        text_id(source.ad) if source.ad else None,
        text_id(source.campaign) if source.campaign else None,
    )
    return Origin(source, is_carried, referer, values.text("ad_type"), ids)


def _whereabouts(values: Properties, locate: Callable[[str], Location | None]) -> Whereabouts:
    full_host = _full_host(values)
    host = registrable_domain(full_host) if full_host != NOT_SET else NOT_SET
    address = values.text("ip_address") or NOT_SET
    location = _location(values, address, locate)
    text = place(location)
    return Whereabouts(host, full_host, address, location, text, (text_id(host), place_id(text), address))


_NOWHERE = Location()


def _location(values: Properties, address: str, locate: Callable[[str], Location | None]) -> Location:
    """What the event says itself, as an order does, or else where its address is."""
    country, state, city = values.text("country"), values.text("state"), values.text("city")
    if country or state or city:
        return Location(country, state, city)
    return locate(address) or _NOWHERE


def _full_host(values: Properties) -> str:
    """The visitor's host name, if the web server looked it up; an address is no name."""
    name = values.text("REMOTE_HOST").lower().rstrip(".")
    return NOT_SET if not name or name == NOT_SET or ":" in name or name[-1].isdigit() else name


def _custom_variables(values: Properties) -> Values:
    """`cv1` to `cv5`, each sent as `name=value`."""
    found: list[str] = []
    for number in range(1, 6):
        name, separator, value = values.text(f"cv{number}").partition("=")
        found += [(name if separator else "") or NOT_SET, value or NOT_SET]
    return tuple(found)
