"""Follows events from their receipt to their rows, for an admin who asks where one is."""

from owa.tracing.event import SEARCHED, EventTrace, trace_event
from owa.tracing.session import KnownEvent, SessionTrace, trace_session, trace_visitor
from owa.tracing.waiting import WaitingSession, waiting_sessions

__all__ = [
    "SEARCHED",
    "EventTrace",
    "KnownEvent",
    "SessionTrace",
    "WaitingSession",
    "trace_event",
    "trace_session",
    "trace_visitor",
    "waiting_sessions",
]
