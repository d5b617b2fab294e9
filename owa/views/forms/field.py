"""A setting as a form shows it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from owa.accounts.audit import MASK
from owa.settings import Kind, Layer, Setting, Settings, as_text

LONGEST = 10_000
"""Characters that a field may hold."""

_URL_PASSWORD = re.compile(r"(://[^/@\s:]*:)[^/@\s]*@")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Field:
    """One field, with what is in force or what was typed."""

    setting: Setting[Any]
    value: Any
    """In force."""
    layer: Layer
    """Where that comes from."""
    text: str
    """In the field. Of a secret: only what was typed."""
    was: str | None
    """What the page showed: a field that still has it was not touched. None: a form for something new."""
    locked: bool = False
    """It can only be read: what is sent for it is ignored."""
    reset: bool = False
    """The box "back to the default" is ticked."""
    problem: str = ""

    @property
    def control(self) -> str:
        """What the template makes of it: `secret`, or a kind."""
        return "secret" if self.setting.secret else self.setting.kind.value

    @property
    def is_stored(self) -> bool:
        return self.layer is Layer.STORED and not self.locked

    @property
    def is_changed(self) -> bool:
        """Whether there is something to store."""
        touched = self._is_touched and not self.problem
        return self.reset or (touched and bool(self.setting.parse(self.text) != self.value))

    @property
    def is_ticked(self) -> bool:
        """Of a boolean."""
        return self.text == "true"

    @property
    def shown(self) -> str:
        """The value for people."""
        return for_people(self.setting, self.value)

    @property
    def shown_default(self) -> str:
        return for_people(self.setting, self.setting.default)

    @property
    def shown_change(self) -> str:
        """The new value for people."""
        if self.reset:
            return f"{self.shown_default} (default)"
        return f"{MASK} (new)" if self.setting.secret else for_people(self.setting, self.setting.parse(self.text))

    def filled(self, typed: Sequence[str], was: str | None, *, reset: bool) -> "Field":
        """With what a browser sent: all texts under the field's name, of which the last one counts."""
        if self.locked:
            return self
        if reset and self.is_stored:
            return replace(self, reset=True)
        shown = self.was if self.was is None or was is None else _clean(was)
        field = replace(self, text=_clean(typed[-1]) if typed else shown or "", was=shown)
        return replace(field, problem=field._find_problem())

    @property
    def _is_touched(self) -> bool:
        return self.was is None or self.text != self.was

    def _find_problem(self) -> str:
        if not self._is_touched:
            return ""
        if len(self.text) > LONGEST:
            return f"wants at most {LONGEST:,} characters"
        if _CONTROL_CHARACTER.search(self.text):
            return "wants no control characters"
        try:
            self.setting.parse(self.text)
        except Exception as error:  # a module's may raise anything
            return str(error) if isinstance(error, ValueError) else f"cannot be checked: {error!r}"
        return ""


def field_of(setting: Setting[Any], settings: Settings) -> Field:
    """The field of a setting, with the value in force."""
    layer = settings.layer(setting)
    text = settings.text(setting)
    if setting.secret:
        text = ""
    elif setting.kind is Kind.BOOLEAN:
        text = as_text(settings[setting])
    locked = not setting.storable or layer in (Layer.ENVIRONMENT, Layer.INI)
    return Field(setting, settings[setting], layer, _clean(text), _clean(text), locked)


def for_people(setting: Setting[Any], value: Any) -> str:
    """A value as it may be shown and noted: secrets and the passwords of URLs are masked."""
    if setting.secret:
        return MASK if value else ""
    if setting.kind is Kind.BOOLEAN:
        return "on" if value else "off"
    return _URL_PASSWORD.sub(rf"\1{MASK}@", ", ".join(as_text(value).splitlines()))


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
