"""One request to the endpoint, and what its failure means. `requests` is imported with the first one: a run that has
nothing to send does not pay for it."""

import time
from typing import TYPE_CHECKING, Any

from owa.module_api import QueueUnavailable

if TYPE_CHECKING:
    import requests

CONNECT_TIMEOUT, ANSWER_TIMEOUT = 5, 30
"""Seconds."""

LONGEST_ANSWER = 4 << 20
"""Bytes that are read of an answer."""


class TooMuch(Exception):
    """The endpoint wants less at once."""


class Endpoint:
    """The other end, over a connection that is kept."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session: requests.Session | None = None

    def post(self, body: bytes, headers: dict[str, str]) -> bytes:
        """The body of the answer, which was 200. Raises `QueueUnavailable` that names what is wrong and the remedy, or
        `TooMuch`."""
        import requests

        self._session = self._session or requests.Session()
        try:
            with self._session.post(
                self.url,
                data=body,
                headers=headers,
                timeout=(CONNECT_TIMEOUT, ANSWER_TIMEOUT),
                allow_redirects=False,
                stream=True,
            ) as response:
                answer = response.raw.read(LONGEST_ANSWER + 1, decode_content=True)
                status, location = response.status_code, response.headers.get("Location", "")
        except requests.exceptions.SSLError as error:
            raise self._away(f"has a certificate that is not believed: {_cause(error)}", "Mend it there.") from error
        except requests.exceptions.Timeout as error:
            raise self._away("does not answer in time", "See whether it is up, and not too busy.") from error
        except Exception as error:  # requests and urllib3 have many, and none of them is an event's fault
            raise self._away(f"cannot be reached: {_cause(error)}", "See whether it is up, and the address.") from error
        if status == 413:
            raise TooMuch
        if status != 200:
            raise self._refused(status, location, _said(answer))
        if len(answer) > LONGEST_ANSWER:
            raise self._away("answers with too much", "See whether the address is that of queue.php.")
        return bytes(answer)

    def close(self) -> None:
        if self._session:
            self._session.close()

    def _refused(self, status: int, location: str, said: dict[str, Any]) -> QueueUnavailable:
        error, remedy = str(said.get("error", ""))[:500], str(said.get("remedy", ""))[:500]
        if 300 <= status < 400:
            return self._away(f"redirects to {location[:200]}", "Set the endpoint to where the events shall go.")
        if status == 401 and isinstance(there := said.get("time"), int) and abs(skew := there - time.time()) > 60:
            side = "behind" if skew > 0 else "ahead of"
            error = f"{error} This server's clock is {abs(skew):.0f} s {side} that one's."
        if not said:
            remedy = "See whether the address is that of queue.php."
        return self._away(f"answers {status}{': ' if error else ''}{error}".removesuffix("."), remedy)

    def _away(self, what: str, remedy: str) -> QueueUnavailable:
        return QueueUnavailable(f"{self.url} {what}.", remedy)


def _said(answer: bytes) -> dict[str, Any]:
    """What the endpoint says of itself, when it is one of ours."""
    import json

    try:
        said = json.loads(answer)
    except ValueError:
        return {}
    return said if isinstance(said, dict) and "error" in said else {}


def _cause(error: BaseException) -> str:
    """The innermost reason, which is the one that a person understands."""
    while inner := error.__cause__ or error.__context__ or getattr(error, "reason", None):
        if not isinstance(inner, BaseException) or inner is error:
            break
        error = inner
    return str(error)[:300] or type(error).__name__
