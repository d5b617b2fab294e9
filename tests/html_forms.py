"""Reads the forms of a page as a browser does: what would be sent if nothing were changed."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

Fields = dict[str, str]
"""By their names. Of fields with one name, the last one."""


def form_of(html: str, name: str) -> Fields:
    """The fields of the form that has one of this name, switched on or not."""
    found = [form.sent for form in _read(html) if name in form.names]
    assert len(found) == 1, f"{len(found)} forms have a field {name}"
    return found[0]


def token_of(html: str) -> str | None:
    """The token against forged forms that the page has; None: it has no form."""
    return next((form.sent["csrf_token"] for form in _read(html) if "csrf_token" in form.names), None)


@dataclass
class _Form:
    sent: Fields = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


def _read(html: str) -> list[_Form]:
    reader = _Reader()
    reader.feed(html)
    return reader.forms


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self._open: _Form | None = None
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self._open = _Form()
            self.forms.append(self._open)
        if self._open is None or "disabled" in given:
            return
        if tag in ("input", "select", "textarea", "button") and name:
            self._open.names.add(name)
        if tag == "input" and name and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self._open.sent[name] = given.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self._open.sent):
            self._open.sent[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._textarea, self._open.sent[name] = name, ""

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._open = None
            case "select":
                self._select = ""
            case "textarea" if self._open and self._textarea:
                # A browser drops one line break after the tag.
                self._open.sent[self._textarea] = self._open.sent[self._textarea].removeprefix("\n")
                self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._open and self._textarea:
            self._open.sent[self._textarea] += data
