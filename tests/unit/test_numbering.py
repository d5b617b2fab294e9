"""The numbers of a writer's records."""

from pathlib import Path

import pytest

from owa.queues.numbering import Numbering, kept_numbers, writers_gone
from owa.queues.records import SEPARATOR, decode
from tests.factories import make_event


def numbers(data: bytes) -> list[tuple[str, int]]:
    records = [decode(line) for line in data.split(SEPARATOR)[1:]]
    return [(record.entry.site_id, record.sequence) for record in records]


def test_records_are_counted_for_each_site_from_one_without_gaps(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path)
    data = numbering.encode([make_event(site_id="a"), make_event(site_id="b"), make_event(site_id="a")])
    assert numbers(data) == [("a", 1), ("b", 1), ("a", 2)]
    assert numbers(numbering.encode([make_event(site_id="b"), make_event(site_id="c")])) == [("b", 2), ("c", 1)]
    numbering.close()


def test_numbers_that_are_withdrawn_are_given_again(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path)
    numbering.encode([make_event(site_id="a")])
    lost = [make_event(site_id="a"), make_event(site_id="a"), make_event(site_id="b")]
    numbering.encode(lost)
    numbering.withdraw(lost)
    numbering.flush()
    assert kept_numbers(tmp_path) == {(numbering.writer, make_event().server, "a"): 1}
    assert numbers(numbering.encode(lost[1:])) == [("a", 2), ("b", 1)]
    numbering.close()


def test_what_cannot_be_encoded_takes_no_number(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path)
    bad = make_event(site_id="a", properties={"broken": object()})
    for entries in ([bad], [make_event(site_id="a"), bad]):
        with pytest.raises(TypeError):
            numbering.encode(entries)
    assert numbers(numbering.encode([make_event(site_id="a")])) == [("a", 1)]
    numbering.close()


def test_the_last_numbers_stand_in_the_writers_file(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path)
    for site in ("a", "tab\tbed", "a"):
        numbering.encode([make_event(site_id=site)])
        numbering.flush()
    server = make_event().server
    assert kept_numbers(tmp_path) == {(numbering.writer, server, "a"): 2, (numbering.writer, server, "tab\tbed"): 1}
    assert writers_gone(tmp_path) == []
    numbering.close()
    assert writers_gone(tmp_path) == [], "its process is still there"


def test_without_a_folder_it_counts_all_the_same(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path / "missing")
    numbering.encode([make_event(site_id="a")])
    numbering.flush()
    assert numbers(numbering.encode([make_event(site_id="a")])) == [("a", 2)]
