from owa.settings import boolean, choice, integer, text

QUEUE_EVENTS = boolean(
    "base.queue_events",
    default=False,
    help="Events are queued, and processed by cron or the scheduler. Off: they are processed in the request.",
    label="Asynchronous mode",
    group="How events are processed",
)
ASYNC_LOG_DIR = text(
    "base.async_log_dir",
    default="",
    storable=False,
    help="Folder of the file queue. Default: logs/ in the data folder. It must be on a local disk.",
    label="Folder of the file queue",
    restart=True,
)
DURABILITY = choice(
    "base.durability",
    default="os",
    of=("os", "fsync"),
    help="os: an accepted event survives a crash of the program. fsync: it survives a power loss too; slower.",
    label="Durability",
    group="How events are kept",
    restart=True,
)
SYNC_INTERVAL = integer(
    "base.sync_interval",
    default=200,
    least=0,
    most=60_000,
    help="With durability os, milliseconds after which accepted events are on the disk; nobody waits for it. 0: it is "
    "left to the system.",
    label="On the disk after",
    group="How events are kept",
    unit="milliseconds",
    restart=True,
)
ARCHIVE_OLD_EVENTS = boolean(
    "base.archive_old_events",
    default=True,
    help="Keep drained queue files in archive/ until they are pruned; off: delete them.",
    label="Keep drained files",
    group="How events are kept",
    restart=True,
)
ARCHIVE_AGE = integer(
    "base.archive_age",
    default=7 * 86_400,
    least=0,
    most=10 * 366 * 86_400,
    help="Seconds that archived queue files are kept.",
    label="Keep them for",
    group="How events are kept",
    unit="seconds",
)
UNDO_DISCARD_DAYS = integer(
    "base.undo_discard_days",
    default=7,
    least=0,
    most=3_660,
    help="Days for which a failed event that was discarded is kept, so that this can be undone. 0: not at all.",
    label="Undo a discard for",
    group="Events that fail or wait",
    unit="days",
)
SETTINGS = (
    QUEUE_EVENTS,
    ASYNC_LOG_DIR,
    DURABILITY,
    SYNC_INTERVAL,
    ARCHIVE_OLD_EVENTS,
    ARCHIVE_AGE,
    UNDO_DISCARD_DAYS,
)
