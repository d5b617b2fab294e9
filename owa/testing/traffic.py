"""Generated traffic: visitors who come back, sessions with pages, referers and campaigns, several sites, and collecting
servers that are late, repeat themselves and have clocks that are off. The same seed makes the same traffic.

Among the ordinary it makes what breaks programs: equal timestamps, two flagged first hits, conflicting attribution, one
session id on two sites, addresses that differ in case only, changing titles, first hits that come last or never.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from owa.clock import MICROSECONDS
from owa.events import Event
from owa.testing.interactions import Interactions
from owa.testing.vocabulary import AGENTS, CAMPAIGNS, LANGUAGES, REFERERS, WORDS

PAGE_VIEW = "base.page_request"

START = 1_795_291_324
"""Seconds since the epoch of the first event."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What traffic to make."""

    events: int
    """Distinct ones; duplicates come on top."""
    sites: tuple[str, ...]
    seed: int = 1
    servers: int = 1
    """Collecting servers."""
    first_server: int = 0
    """The number of the first of them; the others follow."""
    duplicates: float = 0.0
    """Share of the events that are delivered twice."""
    nasty: float = 0.1
    """Share of the sessions that have something that breaks programs."""
    skew: float = 0.0
    """Seconds by which a server's clock may be off, either way."""
    families: bool = False
    """Whether visitors also act, click, buy, and so on; else they only view pages."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event, and when it comes to the server that processes it."""

    event: Event
    arrives_at: float
    """Seconds since the epoch."""


def generate(plan: Plan) -> list[Event]:
    """`plan.events` events, in the order of their receipt."""
    return _Generator(plan).events()


def deliver(
    plan: Plan, *, late_server: int | None = None, lateness: float = 3_600.0, repeating_server: int | None = None
) -> list[Delivery]:
    """The events in the order in which they come, with duplicates: servers hand over after up to a minute, and
    `late_server` after `lateness` seconds more. What is delivered twice comes the second time up to `lateness` seconds
    after that; of `repeating_server`, everything is."""
    generator = random.Random(plan.seed + 1)
    deliveries = []
    for event in generate(plan):
        is_repeated = generator.random() < plan.duplicates or event.server == repeating_server
        delay = generator.uniform(0, 60) + (lateness if event.server == late_server else 0)
        first = event.received_at / MICROSECONDS + delay
        deliveries.append(Delivery(event, first))
        if is_repeated:
            deliveries.append(Delivery(event, first + generator.uniform(0, lateness)))
    return sorted(deliveries, key=lambda delivery: delivery.arrives_at)


def request_parameters(event: Event) -> dict[str, str]:
    """The parameters with which OWA's tracker would send the event to `log.php`."""
    seen_by_server = {"HTTP_USER_AGENT", "HTTP_HOST", "REMOTE_HOST", "language", "ip_address"}
    own = {name: value for name, value in event.properties.items() if name not in seen_by_server}
    common = {
        "event_type": event.event_type,
        "site_id": event.site_id,
        "visitor_id": str(event.visitor_id),
        "session_id": str(event.session_id),
    }
    return dict(_flat({f"owa_{name}": value for name, value in {**common, **own}.items()}))


def _flat(values: Mapping[str, Any], form: str = "{}") -> Iterator[tuple[str, str]]:
    """What is nested as names with brackets."""
    for name, value in values.items():
        full = form.format(name)
        if isinstance(value, Mapping):
            yield from _flat(value, full + "[{}]")
        else:
            yield full, str(value)


class _Generator:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._skews = [self._random.uniform(-plan.skew, plan.skew) for _ in range(plan.servers)]
        self._sequence = self._random.randrange(10**6)  # so that two seeds' guids of one second differ
        self._visitors: list[int] = []
        self._interactions = Interactions(self._random, self._interaction, self._identifier) if plan.families else None

    def events(self) -> list[Event]:
        made: list[Event] = []
        while len(made) < self._plan.events:
            made += self._session(START + len(made) * 2)
        made = made[: self._plan.events]
        return sorted(made, key=lambda event: event.key)

    def _session(self, start: int) -> list[Event]:
        chance = self._random
        returns = bool(self._visitors) and chance.random() < 0.3
        visitor = chance.choice(self._visitors[-1000:]) if returns else self._identifier(start)
        if not returns:
            self._visitors.append(visitor)
        views = list(self._views(start, visitor, is_new_visitor=not returns))
        interactions = [event for view in views for event in self._interactions.on(view)] if self._interactions else []
        return (self._spoil(views) if chance.random() < self._plan.nasty else views) + interactions

    def _views(self, start: int, visitor: int, *, is_new_visitor: bool) -> Iterator[Event]:
        chance = self._random
        session, site = self._identifier(start), chance.choice(self._plan.sites)
        common = self._common(start, is_new_visitor=is_new_visitor)
        moment, last_request = float(start), ""
        for page in range(chance.choice((1, 1, 1, 2, 2, 3, 4, 6, 9))):
            properties = {**common, **self._page(), "last_req": last_request}
            if page == 0:
                properties["is_new_session"] = "true"
            yield self._event(PAGE_VIEW, moment, site, visitor, session, properties)
            last_request = str(int(moment))
            moment += chance.uniform(1, 300)

    def _common(self, start: int, *, is_new_visitor: bool) -> dict[str, str]:
        """What all page views of a session carry."""
        chance = self._random
        agent = chance.choice(AGENTS).format(chance.randint(100, 140), chance.randint(0, 6))
        common = {
            "timestamp": str(start),
            "fsts": str(start),
            "dsfs": "0",
            "dsps": "0" if is_new_visitor else str(chance.randint(0, 30)),
            "nps": "0" if is_new_visitor else str(chance.randint(1, 9)),
            "HTTP_USER_AGENT": agent,
            "HTTP_HOST": "stats.example.org",
            "language": chance.choice(LANGUAGES),
            "ip_address": f"198.51.100.{chance.randrange(256)}",
            "HTTP_REFERER": "",
        }
        if is_new_visitor:
            common["is_new_visitor"] = "true"
        if chance.random() < 0.2:
            campaign = chance.choice(CAMPAIGNS)
            touch = {"md": campaign.get("medium", ""), "sr": campaign.get("source", "")}
            common |= {**campaign, "attribs": json.dumps([touch], separators=(",", ":"))}
        elif chance.random() < 0.5:
            common["session_referer"] = chance.choice(REFERERS).format(quote(chance.choice(WORDS)))
        if chance.random() < 0.1:
            common |= {"user_name": f"user{chance.randrange(50)}", "cv1": f"plan={chance.choice(('free', 'gold'))}"}
        return common

    def _page(self) -> dict[str, str]:
        word = self._random.choice(WORDS)
        number = self._random.randrange(40)
        return {
            "page_url": f"https://example.org/{quote(word)}/{number}?page={number % 3}#part",
            "page_title": f"{word.capitalize()} – {number}",
        }

    def _interaction(self, event_type: str, moment: float, view: Event, own: dict[str, Any]) -> Event:
        properties = {**view.properties, **own}
        return self._event(event_type, moment, view.site_id, view.visitor_id, view.session_id, properties)

    def _event(
        self, event_type: str, moment: float, site: str, visitor: int, session: int, properties: dict[str, Any]
    ) -> Event:
        number = self._random.randrange(self._plan.servers)
        received_at = round((moment + self._skews[number]) * MICROSECONDS)
        server = self._plan.first_server + number
        self._sequence += 1
        guid = received_at // MICROSECONDS * 10**9 + server * 10**6 + self._sequence % 10**6
        return Event(guid, event_type, site, visitor, session, received_at, server, properties)

    def _spoil(self, views: list[Event]) -> list[Event]:
        """Make one thing about a session nasty."""
        act = self._random.choice(
            (
                self._without_first,
                self._flagged_twice,
                self._at_one_instant,
                self._on_two_sites,
                self._in_other_case,
                self._conflicting,
            )
        )
        return act(views)

    def _without_first(self, views: list[Event]) -> list[Event]:
        return views[1:]

    def _flagged_twice(self, views: list[Event]) -> list[Event]:
        return [_changed(view, is_new_session="true") for view in views]

    def _at_one_instant(self, views: list[Event]) -> list[Event]:
        return [replace(view, received_at=views[0].received_at) for view in views]

    def _on_two_sites(self, views: list[Event]) -> list[Event]:
        return [replace(view, site_id=self._random.choice(self._plan.sites)) for view in views]

    def _in_other_case(self, views: list[Event]) -> list[Event]:
        return [
            _changed(view, page_url=view.properties["page_url"].replace("example", "EXAMPLE"), page_title=f"Title {n}")
            for n, view in enumerate(views)
        ]

    def _conflicting(self, views: list[Event]) -> list[Event]:
        return [_changed(view, **self._random.choice(CAMPAIGNS), user_name=f"user{n}") for n, view in enumerate(views)]

    def _identifier(self, second: int) -> int:
        return second * 10**9 + self._random.randrange(10**9)


def _changed(view: Event, **properties: str) -> Event:
    return replace(view, properties={**view.properties, **properties})
