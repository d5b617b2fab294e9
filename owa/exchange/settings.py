from owa.settings import integer, networks, text

SERVER_NUMBER = integer(
    "base.server_number",
    default=0,
    least=0,
    most=999,
    help="Number of this server. Servers that feed one database need different ones, so it is not stored there.",
    storable=False,
    label="Number of this server",
    restart=True,
)
REMOTE_QUEUE_KEY = text(
    "remoteQueue.key",
    default="",
    secret=True,
    help="Signs batches of events between servers: the same at both ends. The server that receives makes one.",
    label="Key",
    group="Keys, the same at both ends",
)
REMOTE_QUEUE_OLD_KEY = text(
    "remoteQueue.old_key",
    default="",
    secret=True,
    help="Taken beside the key while senders are given a new one. Empty it when all have it.",
    label="Old key",
    group="Keys, the same at both ends",
)
ACCEPT_PLAIN_FROM = networks(
    "base.queue_accept_plain_from",
    help="Addresses or networks of plain OWA (PHP) servers: what they send is taken without a signature.",
    label="Plain senders",
    group="PHP OWA servers",
)

RECEIVING = (REMOTE_QUEUE_KEY, REMOTE_QUEUE_OLD_KEY, ACCEPT_PLAIN_FROM)
"""What is set at Settings > Senders."""

SETTINGS = (SERVER_NUMBER, *RECEIVING)
