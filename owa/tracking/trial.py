"""A page view that an admin makes to see the way of events. It is one like any other, and counts in the statistics."""

import random
from io import BytesIO
from urllib.parse import urlencode

from owa.clock import MICROSECONDS
from owa.contributions import Site
from owa.tracking.parameters import Environ

PATH = "/owa-test-event"
"""Of the page that is viewed, at the site's address."""

TITLE = "OWA test event"
VISITOR = "OWA test event"
"""The name of the visitor."""


def trial_request(site: Site, now: int, address: str, agent: str, host: str) -> Environ:
    """The request that a tracker would send for it: by a new visitor, in a new session. `now`: microseconds. `address`,
    `agent`: of the browser that asks for it, so that what keeps that from being tracked shows."""
    visitor, session = (str(now // MICROSECONDS * 10**9 + random.randrange(10**9)) for _ in range(2))
    parameters = {
        "owa_event_type": "base.page_request",
        "owa_site_id": site.site_id,
        "owa_visitor_id": visitor,
        "owa_session_id": session,
        "owa_is_new_session": "true",
        "owa_is_new_visitor": "true",
        "owa_page_url": site.domain.rstrip("/") + PATH,
        "owa_page_title": TITLE,
        "owa_user_name": VISITOR,
    }
    return {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": urlencode(parameters),
        "CONTENT_LENGTH": "0",
        "wsgi.input": BytesIO(),
        "REMOTE_ADDR": address,
        "HTTP_USER_AGENT": agent,
        "HTTP_HOST": host,
    }
