"""What can be the domain of a site. Its text as given makes the site's id, so nothing of it is ever mended."""

LONGEST = 255


def check_domain(text: str) -> str:
    """The text. Raises `ValueError` when it is no one-line text of at most 255 characters without spaces around it."""
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError("wants a text in one line, without spaces around it, such as https://example.org")
    if len(text) > LONGEST:
        raise ValueError(f"wants the address of a site, in at most {LONGEST} characters")
    return text
