"""The tracking endpoint: takes a WSGI request, keeps the event, and answers.

The answer never tells a browser the outcome, but for limits and for an event that cannot be kept.
"""

import base64
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from owa.clock import MICROSECONDS, Clock
from owa.contributions import Configuration
from owa.errors import DatabaseUnavailable, OwaError, QueuePaused
from owa.events import Event, Refusal, RefusalReason
from owa.queues.contract import EventQueue
from owa.queues.settings import QUEUE_EVENTS
from owa.tracking.guids import Guids
from owa.tracking.parameters import Environ, Refused, parameters
from owa.tracking.preprocess import check, environment

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


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: str
    headers: Headers
    body: bytes = b""


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
        self._unkept = 0
        self._complained_at = 0

    def __call__(self, environ: Environ) -> Answer:
        """Answer the request. When it says 2xx, the event is kept, or its refusal counted."""
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            return OPTIONS_ANSWER
        if method not in ("GET", "HEAD", "POST"):
            return WRONG_METHOD
        try:
            self.collect(environ)
        except Refused as refused:
            if refused.reason in _LIMIT_STATUS:
                return Answer(_LIMIT_STATUS[refused.reason], [("Content-Length", "0"), *_NO_CACHE])
        except (OwaError, OSError) as error:
            self._complain(str(error))
            return _unavailable()
        return BEACON_ANSWER if method == "POST" else PIXEL_ANSWER

    def collect(self, environ: Environ) -> Event:
        """Keep the event of a GET or POST. Raises `Refused`, which is counted, or `OwaError` or `OSError` when it
        cannot be kept."""
        try:
            event = self._event(environ)
        except Refused as refused:
            self._note(refused)
            raise
        self._keep(event)
        return event

    def _complain(self, reason: str) -> None:
        """Log what cannot be kept, at most once a minute: on a full disk a line for each would not help."""
        self._unkept += 1
        now = self._clock.now()
        if now - self._complained_at >= COMPLAINT_INTERVAL * MICROSECONDS:
            logger.error("Events could not be kept, %d since the start: %s", self._unkept, reason)
            self._complained_at = now

    def _event(self, environ: Environ) -> Event:
        properties = parameters(environ)
        self._look_for(properties.get("site_id"))
        configuration = self._configuration()
        try:
            visitor_id, session_id = check(properties, self._accepted(), configuration)
            seen = environment(environ, configuration)
        except Refused as refused:
            refused.site_id = properties.get("site_id", "")
            raise
        event_type, site_id = properties["event_type"], properties["site_id"]
        for name in ("event_type", "site_id", "visitor_id", "session_id"):
            del properties[name]
        event = Event(
            guid=self._guids.next(),
            event_type=event_type,
            site_id=site_id,
            visitor_id=visitor_id,
            session_id=session_id,
            received_at=self._clock.now(),
            server=self._guids.server,
            properties={**properties, **seen},
        )
        try:
            return self._refine(event)
        except Refused as refused:
            refused.site_id = site_id
            raise

    def _look_for(self, site_id: object) -> None:
        if isinstance(site_id, str) and site_id and site_id not in self._configuration().sites:
            self._find_site(site_id)

    def _keep(self, event: Event) -> None:
        if not self._configuration().settings[QUEUE_EVENTS]:
            try:
                self._store(event, SYNCHRONOUS_PATIENCE)
                return
            except QueuePaused:
                pass  # an admin's wish: what is queued waits until he resumes it
            except DatabaseUnavailable as error:
                logger.warning("Queued instead of stored: %s", error)
            except Exception:
                logger.exception("Queued instead of stored")
        self._queue.put([event])

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
