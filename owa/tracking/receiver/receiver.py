"""Answers `queue.php`. It takes events on the incoming queue in either mode, and independently of any module."""

import logging
from collections.abc import Callable, Collection, Sequence

from owa.clock import MICROSECONDS, Clock
from owa.contributions import Configuration
from owa.db.engine import Database
from owa.errors import OwaError
from owa.events import Entry, Refusal, RefusalReason
from owa.exchange.settings import ACCEPT_PLAIN_FROM, REMOTE_QUEUE_KEY, REMOTE_QUEUE_OLD_KEY
from owa.exchange.signature import BATCH, SENDER, SIGNATURE, TIME, BadSignature, Envelope
from owa.queues.contract import EventQueue
from owa.tracking.address import Address, client_address, within
from owa.tracking.collector import RETRY_AFTER, Answer
from owa.tracking.guids import Guids
from owa.tracking.parameters import Environ
from owa.tracking.receiver.plain import plain_entry
from owa.tracking.receiver.requests import TurnedAway, json_answer, read_body
from owa.tracking.receiver.signed import SignedBatches
from owa.tracking.settings import TRUSTED_PROXIES

logger = logging.getLogger(__name__)

TOO_LARGE = (RefusalReason.URL_TOO_LONG, RefusalReason.BODY_TOO_LONG, RefusalReason.TOO_MANY_PARAMETERS)

PLAIN_ANSWER = Answer("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "0")])


class Receiver:
    """Takes what other servers send. Shared by all threads of a process."""

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        find_site: Callable[[str], bool],
        accepted: Callable[[], Collection[str]],
        queue: EventQueue,
        guids: Guids,
        database: Database,
        clock: Clock,
    ) -> None:
        """`find_site`: whether a site is known, also one that was added this second. `accepted`: the event types that
        somebody handles."""
        self._configuration = configuration
        self._accepted = accepted
        self._queue = queue
        self._guids = guids
        self._clock = clock
        self._signed = SignedBatches(configuration, find_site, accepted, queue, database, clock, guids.server)

    def __call__(self, environ: Environ) -> Answer:
        """Answer the request. When it says 2xx, what it accepts is kept."""
        try:
            return self._take(environ)
        except TurnedAway as reason:
            return reason.answer()
        except (OwaError, OSError) as error:
            logger.error("What another server sent could not be kept: %s", error)
            unavailable = TurnedAway("503 Service Unavailable", f"It cannot be kept: {error}").answer()
            unavailable.headers.append(("Retry-After", str(RETRY_AFTER)))
            return unavailable

    def _take(self, environ: Environ) -> Answer:
        settings = self._configuration().settings
        keys = [key for key in (settings[REMOTE_QUEUE_KEY], settings[REMOTE_QUEUE_OLD_KEY]) if key]
        if not keys and not settings[ACCEPT_PLAIN_FROM]:
            remedy = "Set a key at Settings > Senders of this server."
            raise TurnedAway("404 Not Found", "This server takes no events of other servers.", remedy)
        if environ["REQUEST_METHOD"] != "POST":
            refused = TurnedAway("405 Method Not Allowed", "Batches of events come by POST.").answer()
            refused.headers.append(("Allow", "POST"))
            return refused
        address = client_address(
            environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""), settings[TRUSTED_PROXIES]
        )
        if _header(SIGNATURE) not in environ and address and within(address, settings[ACCEPT_PLAIN_FROM]):
            self._put_plain(environ)
            return PLAIN_ANSWER
        return self._take_signed(environ, keys, address)

    def _take_signed(self, environ: Environ, keys: Sequence[str], address: Address | None) -> Answer:
        body = read_body(environ)
        envelope = Envelope(*(environ.get(_header(name), "") for name in (SENDER, BATCH, TIME)))
        now = self._clock.now() // MICROSECONDS
        try:
            envelope.verify(keys, environ.get(_header(SIGNATURE), ""), body, now)
        except BadSignature as error:
            raise TurnedAway("401 Unauthorized", error.message, error.remedy, {"time": now}) from error
        is_packed = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() == "gzip"
        answer = self._signed.take(envelope, body, is_packed=is_packed, address=str(address or ""))
        return json_answer("200 OK", answer)

    def _put_plain(self, environ: Environ) -> None:
        entry: Entry = plain_entry(environ, self._configuration(), self._accepted(), self._guids, self._clock.now())
        self._queue.put([entry])
        if isinstance(entry, Refusal) and entry.reason in TOO_LARGE:
            raise TurnedAway("413 Content Too Large", f"The event is too large: {entry.detail}.")


def _header(name: str) -> str:
    """As WSGI calls it."""
    return "HTTP_" + name.upper().replace("-", "_")
