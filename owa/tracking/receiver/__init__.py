"""`queue.php`: takes events of other servers, ours or plain OWA's, and puts them on the incoming queue."""

from owa.tracking.receiver.receiver import Receiver

__all__ = ["Receiver"]
