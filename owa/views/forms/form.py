"""A form for any settings: what it shows, what was sent, and what is to be stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from owa.settings import Setting, Settings
from owa.views.forms.field import Field, field_of

WAS = "was:"
"""Before a field's name: what the page showed in it."""
RESET = "reset:"
"""Before a field's name: the box "back to the default"."""


@dataclass(frozen=True)
class Form:
    """Frozen: `filled` makes another one."""

    fields: tuple[Field, ...]
    layered: bool = True
    """Whether values come from layers, which are shown, or are simply there."""

    @property
    def groups(self) -> Mapping[str, list[Field]]:
        """The fields by their headings, both in the order of declaration."""
        groups: dict[str, list[Field]] = {}
        for field in self.fields:
            groups.setdefault(field.setting.group, []).append(field)
        return groups

    @property
    def problems(self) -> list[Field]:
        """The fields that are wrong. With any of them, nothing may be stored."""
        return [field for field in self.fields if field.problem]

    @property
    def changed(self) -> list[Field]:
        return [field for field in self.fields if field.is_changed]

    @property
    def changes(self) -> dict[str, str | None]:
        """What to store, by name; None: back to the default."""
        return {field.setting.name: None if field.reset else field.text for field in self.changed}

    @property
    def before(self) -> dict[str, str]:
        """What is changed, as it was, for the audit trail."""
        return {field.setting.name: _noted(field, self.layered) for field in self.changed}

    @property
    def after(self) -> dict[str, str]:
        """What is changed, as it will be, for the audit trail."""
        return {field.setting.name: field.shown_change for field in self.changed}

    @property
    def texts(self) -> dict[str, str]:
        """What all fields hold, by name."""
        return {field.setting.name: field.text for field in self.fields}

    def filled(self, sent: Iterable[tuple[str, object]]) -> "Form":
        """With what a browser sent, and what is wrong with it. Unknown names, files and locked fields are ignored; a
        field of which nothing was sent stays as it is."""
        texts: dict[str, list[str]] = {}
        for name, value in sent:
            if isinstance(value, str):
                texts.setdefault(name, []).append(value)
        return replace(self, fields=tuple(_filled(field, texts) for field in self.fields))

    def with_problem(self, name: str, problem: str) -> "Form":
        """With a problem of one field that only its user can know."""
        fields = (replace(field, problem=problem) if field.setting.name == name else field for field in self.fields)
        return replace(self, fields=tuple(fields))


def form_of(settings: Iterable[Setting[Any]], current: Settings) -> Form:
    """A form for declared settings, with the values that are in force."""
    return Form(tuple(field_of(setting, current) for setting in settings))


def plain_form(settings: Iterable[Setting[Any]], values: Settings, *, new: bool) -> Form:
    """A form for declared values of something else than the installation, such as a site. `new`: it is made by the
    form, so every field is checked."""
    fields = (field_of(setting, values) for setting in settings)
    return Form(tuple(replace(field, was=None if new else field.was) for field in fields), layered=False)


def _filled(field: Field, texts: Mapping[str, list[str]]) -> Field:
    name = field.setting.name
    was = texts.get(WAS + name, [None])[-1]
    return field.filled(texts.get(name, []), was, reset=RESET + name in texts)


def _noted(field: Field, layered: bool) -> str:
    from_default = layered and not field.is_stored
    return f"{field.shown} (default)" if from_default else field.shown
