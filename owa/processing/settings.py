from owa.settings import boolean, choice, integer

QUEUE_MAX_RETRY_COUNT = integer(
    "base.queue_max_retry_count",
    default=25,
    least=0,
    most=1_000_000,
    help="An event whose handler failed this often is given up. 0: never for this reason.",
    label="Most attempts",
    group="Events that fail or wait",
    unit="attempts",
)
QUEUE_MAX_RETRY_AGE = integer(
    "base.queue_max_retry_age",
    default=86_400,
    least=0,
    most=10 * 366 * 86_400,
    help="An event whose handler fails is given up this many seconds after it began to. 0: never for this reason.",
    label="Longest time of attempts",
    group="Events that fail or wait",
    unit="seconds",
)
SCHEDULER = boolean(
    "base.scheduler",
    default=True,
    help="Drain the queues in the web processes. Off: leave it to cron.",
    label="Drain in the web processes",
    group="How events are processed",
    restart=True,
)
DRAIN_INTERVAL = integer(
    "base.drain_interval",
    default=2,
    least=1,
    most=3600,
    help="Seconds between two drains by the scheduler.",
    label="Time between drains",
    group="How events are processed",
    unit="seconds",
    restart=True,
)
ORPHAN_SESSIONS = choice(
    "base.orphan_sessions",
    default="adopt",
    of=("adopt", "fail"),
    help="What to do with page views whose session's first page does not come. adopt: open the session without it. "
    "fail: list them with the failed events. If it comes after all, both end the same.",
    label="Page views without a session",
    group="Events that fail or wait",
)
ORPHAN_SESSION_AGE = integer(
    "base.orphan_session_age",
    default=86_400,
    least=0,
    most=10 * 366 * 86_400,
    help="Seconds that page views wait for their session's first page. While a queue is paused they do not count.",
    label="Wait for the session",
    group="Events that fail or wait",
    unit="seconds",
)
SETTINGS = (QUEUE_MAX_RETRY_COUNT, QUEUE_MAX_RETRY_AGE, ORPHAN_SESSIONS, ORPHAN_SESSION_AGE, SCHEDULER, DRAIN_INTERVAL)
