from owa.settings import networks, text

REMOTE_QUEUE_KEY = text(
    "remoteQueue.key",
    default="",
    secret=True,
    help="Signs batches of events between servers: the same at both ends, at least 16 characters.",
    label="Key",
    group="Receive from other servers",
)
REMOTE_QUEUE_OLD_KEY = text(
    "remoteQueue.old_key",
    default="",
    secret=True,
    help="Taken beside the key while senders are given a new one. Empty it when all have it.",
    label="Old key",
    group="Receive from other servers",
)
ACCEPT_PLAIN_FROM = networks(
    "base.queue_accept_plain_from",
    help="Addresses or networks of plain OWA (PHP) servers: what they send is taken without a signature.",
    label="Plain senders",
    group="Receive from other servers",
)

SETTINGS = (REMOTE_QUEUE_KEY, REMOTE_QUEUE_OLD_KEY, ACCEPT_PLAIN_FROM)
