"""The tracking endpoint: takes a WSGI request, keeps the event, and answers.

The answer never tells a browser the outcome, but for limits and for an event that cannot be kept.
"""

import base64
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from owa.clock import MICROSECONDS, Clock
from owa.contributions import Configuration
from owa.errors import DatabaseUnavailable, OwaError, QueuePaused
from owa.events import Event, Refusal, RefusalReason, new_event
from owa.queues.contract import EventQueue
from owa.tracking.guids import Guids
from owa.tracking.parameters import Environ, Refused, parameters
from owa.tracking.preprocess import Rules, add_environment, identify
from owa.tracking.quick import quick_parameters

logger = logging.getLogger(__name__)

SYNCHRONOUS_PATIENCE = 2.0
"""Seconds that a request waits for the database's write lock before its event goes to the queue instead."""

RETRY_AFTER = 30
"""Seconds after which a sender may come again, when an event could not be kept."""

COMPLAINT_INTERVAL = 60
"""Seconds between two log lines about events that could not be kept."""

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF of one pixel."""

Headers = list[tuple[str, str]]
Store = Callable[[Event, float], object]
Read = Callable[[Environ], dict[str, Any] | None]
StartResponse = Callable[[str, Headers], object]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: str
    headers: Headers
    body: bytes = b""

    def respond(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """The WSGI application that gives it."""
        start_response(self.status, self.headers.copy())
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]  # granian sends all but lists in pieces


_NO_CACHE: Headers = [
    ("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0"),
    ("Pragma", "no-cache"),
    ("Expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
]
_ANY_ORIGIN: Headers = [("Access-Control-Allow-Origin", "*")]

PIXEL_ANSWER = Answer("200 OK", [("Content-Type", "image/gif"), ("Content-Length", str(len(PIXEL))), *_NO_CACHE], PIXEL)
BEACON_ANSWER = Answer("204 No Content", [*_NO_CACHE, *_ANY_ORIGIN])
OPTIONS_ANSWER = Answer(
    "204 No Content",
    [
        ("Allow", "GET, HEAD, POST, OPTIONS"),
        ("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS"),
        ("Access-Control-Allow-Headers", "Content-Type"),
        *_ANY_ORIGIN,
    ],
)
WRONG_METHOD = Answer("405 Method Not Allowed", [("Allow", "GET, HEAD, POST, OPTIONS"), ("Content-Length", "0")])

_ANSWERS = {"GET": PIXEL_ANSWER, "HEAD": PIXEL_ANSWER, "POST": BEACON_ANSWER}
"""By method, when nothing is to be told."""

_LIMIT_STATUS = {
    RefusalReason.URL_TOO_LONG: "414 URI Too Long",
    RefusalReason.BODY_TOO_LONG: "413 Content Too Large",
    RefusalReason.TOO_MANY_PARAMETERS: "413 Content Too Large",
    RefusalReason.MALFORMED_REQUEST: "400 Bad Request",
}


class Collector:
    """Takes tracking requests. Shared by all threads of a process."""

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        find_site: Callable[[str], bool],
        accepted: Callable[[], Collection[str]],
        queue: EventQueue,
        store: Store,
        guids: Guids,
        clock: Clock,
        refine: Callable[[Event], Event] = lambda event: event,
    ) -> None:
        """`accepted`: the event types that somebody handles. `find_site`: looks once more for a site that the
        configuration lacks (it may have been added this second). `store`: processes an event now, for synchronous
        mode; raises `DatabaseUnavailable` or `QueuePaused`. `refine`: what modules do to an event; raises `Refused`."""
        self._configuration = configuration
        self._find_site = find_site
        self._accepted = accepted
        self._queue = queue
        self._store = store
        self._guids = guids
        self._clock = clock
        self._refine = refine
        self._made_rules = Rules(configuration())
        self._unkept = 0
        self._complained_at = 0

    def __call__(self, environ: Environ) -> Answer:
        """Answer the request, whatever it is. When it says 2xx, the event is kept, or its refusal counted."""
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            return OPTIONS_ANSWER
        if method not in _ANSWERS:
            return WRONG_METHOD
        return self._answer(environ, parameters) or WRONG_METHOD

    def quick(self, environ: Environ) -> Answer | None:
        """The same for an ordinary request, sooner. None for what is not ordinary: it is still to be answered."""
        return self._answer(environ, quick_parameters) if environ["REQUEST_METHOD"] in _ANSWERS else None

    def collect(self, environ: Environ) -> Event:
        """Keep the event of a GET or POST. Raises `Refused`, which is counted, or `OwaError` or `OSError` when it
        cannot be kept."""
        event = self._collect(environ, parameters)
        assert event, "every request can be read"
        return event

    def _answer(self, environ: Environ, read: Read) -> Answer | None:
        try:
            if self._collect(environ, read) is None:
                return None
        except Refused as refused:
            if refused.reason in _LIMIT_STATUS:
                return Answer(_LIMIT_STATUS[refused.reason], [("Content-Length", "0"), *_NO_CACHE])
        except (OwaError, OSError) as error:
            self._complain(str(error))
            return _unavailable()
        return _ANSWERS[environ["REQUEST_METHOD"]]

    def _collect(self, environ: Environ, read: Read) -> Event | None:
        """None when `read` leaves it to another one."""
        try:
            properties = read(environ)
            if properties is None:
                return None
            rules = self._made_rules
            if rules.configuration is not self._configuration():
                rules = self._rules()
            event = self._event(properties, environ, rules)
        except Refused as refused:
            self._note(refused)
            raise
        if rules.queue_events or not self._stored(event):
            self._queue.put([event])
        return event

    def _complain(self, reason: str) -> None:
        """Log what cannot be kept, at most once a minute: on a full disk a line for each would not help."""
        self._unkept += 1
        now = self._clock.now()
        if now - self._complained_at >= COMPLAINT_INTERVAL * MICROSECONDS:
            logger.error("Events could not be kept, %d since the start: %s", self._unkept, reason)
            self._complained_at = now

    def _event(self, properties: dict[str, Any], environ: Environ, rules: Rules) -> Event:
        site_id = properties.get("site_id", "")
        try:
            if isinstance(site_id, str) and site_id and site_id not in rules.sites:
                self._find_site(site_id)
                rules = self._rules()
            event_type, site, visitor_id, session_id = identify(properties, self._accepted(), rules.sites)
            add_environment(properties, environ, rules)
            guids = self._guids
            received_at, guid = guids.stamp()
            event = new_event(guid, event_type, site, visitor_id, session_id, received_at, guids.server, properties)
            return self._refine(event)
        except Refused as refused:
            refused.site_id = site_id
            raise

    def _rules(self) -> Rules:
        """Those of the configuration as it is now."""
        configuration, rules = self._configuration(), self._made_rules
        if rules.configuration is not configuration:
            rules = self._made_rules = Rules(configuration)
        return rules

    def _stored(self, event: Event) -> bool:
        """Whether it could be processed at once."""
        try:
            self._store(event, SYNCHRONOUS_PATIENCE)
        except QueuePaused:
            return False  # an admin's wish: what is queued waits until he resumes it
        except DatabaseUnavailable as error:
            logger.warning("Queued instead of stored: %s", error)
            return False
        except Exception:
            logger.exception("Queued instead of stored")
            return False
        return True

    def _note(self, refused: Refused) -> None:
        """Count a refusal, where counts survive: on the queue. A full disk does not turn it into an error."""
        configuration = self._configuration()
        known = isinstance(refused.site_id, str) and refused.site_id in configuration.sites
        refusal = Refusal(
            reason=refused.reason,
            site_id=str(refused.site_id) if known else "",
            received_at=self._clock.now(),
            server=self._guids.server,
            detail=refused.detail,
        )
        try:
            self._queue.put([refusal])
        except OwaError as error:
            logger.error("A refusal (%s) could not be counted: %s", refused.reason.value, error)


def _unavailable() -> Answer:
    return Answer("503 Service Unavailable", [("Retry-After", str(RETRY_AFTER)), ("Content-Length", "0"), *_NO_CACHE])
