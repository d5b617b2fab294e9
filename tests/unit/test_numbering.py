"""The numbers of a writer's records."""

from pathlib import Path

from owa.queues.numbering import Numbering, kept_numbers, writers_gone
from owa.queues.records import SEPARATOR, decode
from tests.factories import make_event


def numbers(data: bytes) -> list[tuple[str, int]]:
    records = [decode(line) for line in data.split(SEPARATOR)[1:]]
    return [(record.entry.site_id, record.sequence) for record in records]


def test_records_are_counted_for_each_site_from_one_without_gaps(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path)
    data, last = numbering.encode([make_event(site_id="a"), make_event(site_id="b"), make_event(site_id="a")])
    assert numbers(data) == [("a", 1), ("b", 1), ("a", 2)]
    numbering.keep(last)
    data, last = numbering.encode([make_event(site_id="b"), make_event(site_id="c")])
    assert numbers(data) == [("b", 2), ("c", 1)]
    numbering.close()


def test_numbers_that_were_not_kept_are_given_again(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path)
    numbering.keep(numbering.encode([make_event(site_id="a")])[1])
    numbering.encode([make_event(site_id="a"), make_event(site_id="a")])
    assert numbers(numbering.encode([make_event(site_id="a")])[0]) == [("a", 2)]
    numbering.close()


def test_the_last_numbers_stand_in_the_writers_file(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path)
    for site in ("a", "tab\tbed", "a"):
        numbering.keep(numbering.encode([make_event(site_id=site)])[1])
    server = make_event().server
    assert kept_numbers(tmp_path) == {(numbering.writer, server, "a"): 2, (numbering.writer, server, "tab\tbed"): 1}
    assert writers_gone(tmp_path) == []
    numbering.close()
    assert writers_gone(tmp_path) == [], "its process is still there"


def test_without_a_folder_it_counts_all_the_same(tmp_path: Path) -> None:
    numbering = Numbering(tmp_path / "missing")
    numbering.keep(numbering.encode([make_event(site_id="a")])[1])
    assert numbers(numbering.encode([make_event(site_id="a")])[0]) == [("a", 2)]
