"""The receiver's answer to a batch: what became of each event, by guid."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from owa.errors import RecordError
from owa.events import parse_identifier


@dataclass(slots=True)
class BatchAnswer:
    """What became of the events of a batch."""

    accepted: list[int] = field(default_factory=list)
    duplicate: list[int] = field(default_factory=list)
    """Guids that were in the batch before."""
    refused: dict[int, str] = field(default_factory=dict)
    """Reasons, by guid."""

    def guids(self) -> set[int]:
        """The events of which it says what became."""
        return {*self.accepted, *self.duplicate, *self.refused}


def dump_answer(answer: BatchAnswer) -> bytes:
    """As JSON text; guids are texts, since JavaScript would round them."""
    return orjson.dumps(
        {
            "accepted": [str(guid) for guid in answer.accepted],
            "duplicate": [str(guid) for guid in answer.duplicate],
            "refused": [{"guid": str(guid), "reason": reason} for guid, reason in answer.refused.items()],
        }
    )


def load_answer(text: bytes) -> BatchAnswer:
    """Raises `RecordError` when it is none."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"The answer is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise RecordError("The answer is no object.")
    return BatchAnswer(
        accepted=[_guid(item) for item in _list(document, "accepted")],
        duplicate=[_guid(item) for item in _list(document, "duplicate")],
        refused=dict(_refused(item) for item in _list(document, "refused")),
    )


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise RecordError(f"The answer has no list {name!r}.")
    return value


def _guid(item: Any) -> int:
    guid = parse_identifier(item) if isinstance(item, str) else None
    if guid is None:
        raise RecordError("The answer names something that is no guid.")
    return guid


def _refused(item: Any) -> tuple[int, str]:
    if not isinstance(item, dict) or not isinstance(item.get("reason"), str):
        raise RecordError("The answer refuses something without a reason.")
    return _guid(item.get("guid")), item["reason"][:500]
