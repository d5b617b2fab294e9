"""A sentence for the next page: what came of the form that led there."""

from pyramid.request import Request

from owa.views.security import FLASH_COOKIE

LONGEST = 200
"""Characters. In a cookie of 4 KB each may take 16 bytes."""


def flash(request: Request, text: str) -> None:
    """Show `text` on the next page."""
    request.registry["owa"].cookies.set(request, FLASH_COOKIE, text[:LONGEST])


def take_flash(request: Request) -> str:
    """The sentence, once."""
    cookies = request.registry["owa"].cookies
    text: str | None = cookies.token(request, FLASH_COOKIE)
    if text:
        cookies.clear(request, FLASH_COOKIE)
    return text or ""
