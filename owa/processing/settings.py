from owa.settings import boolean, integer

QUEUE_MAX_RETRY_COUNT = integer(
    "base.queue_max_retry_count",
    default=25,
    least=0,
    most=1_000_000,
    help="An event whose handler failed this often is given up. 0: never for this reason.",
)
QUEUE_MAX_RETRY_AGE = integer(
    "base.queue_max_retry_age",
    default=86_400,
    least=0,
    most=10 * 366 * 86_400,
    help="An event whose handler fails is given up this many seconds after it began to. 0: never for this reason.",
)
SCHEDULER = boolean(
    "base.scheduler",
    default=True,
    help="Drain the queues in the web processes. Off: leave it to cron.",
)
DRAIN_INTERVAL = integer(
    "base.drain_interval",
    default=2,
    least=1,
    most=3600,
    help="Seconds between two drains by the scheduler.",
)
SETTINGS = (QUEUE_MAX_RETRY_COUNT, QUEUE_MAX_RETRY_AGE, SCHEDULER, DRAIN_INTERVAL)
