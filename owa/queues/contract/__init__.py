"""What a queue promises. Each back-end, ours or a third party's, passes the suite in `owa.queues.testing`.

Two kinds: an `EventQueue` takes events in and gives them out in batches; a `RetryQueue` keeps, one by one, those that
could not be finished, the waiting and the failing ones, and those that event handlers have not been given yet.
"""

from owa.queues.contract.event_queue import (
    Batch,
    EventQueue,
    Forwarded,
    ForwardingQueue,
    Pending,
    Quarantined,
    QueueStatus,
    Source,
)
from owa.queues.contract.failed import (
    ATTEMPTS_KEPT,
    LONGEST_TRACE,
    MOST,
    Attempt,
    Capped,
    ErrorGroup,
    Failed,
    FailedFilter,
    FailedKinds,
    FailedState,
    Place,
)
from owa.queues.contract.items import (
    Claim,
    Delivery,
    Failure,
    Item,
    Kept,
    Key,
    Lease,
    Remaining,
    State,
    Unreadable,
    Waiting,
)
from owa.queues.contract.retry_queue import RetryQueue, session_key, status_of

__all__ = [
    "ATTEMPTS_KEPT",
    "LONGEST_TRACE",
    "MOST",
    "Attempt",
    "Batch",
    "Capped",
    "Claim",
    "Delivery",
    "ErrorGroup",
    "EventQueue",
    "Failed",
    "FailedFilter",
    "FailedKinds",
    "FailedState",
    "Failure",
    "Forwarded",
    "ForwardingQueue",
    "Item",
    "Kept",
    "Key",
    "Lease",
    "Pending",
    "Place",
    "Quarantined",
    "QueueStatus",
    "Remaining",
    "RetryQueue",
    "Source",
    "State",
    "Unreadable",
    "Waiting",
    "session_key",
    "status_of",
]
