"""What commands print: tables on a terminal, JSON for machines, else nothing, since cron mails what is printed."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from owa.cli.arguments import is_on
from owa.errors import OwaError
from owa.processing.drain import Progress


class Output:
    """Standard output for results, standard error for problems."""

    def __init__(self, *, json: bool, verbose: bool) -> None:
        self.json = json
        self._terminal = sys.stdout.isatty()
        self._talks = verbose or self._terminal

    @classmethod
    def from_words(cls, words: Sequence[str]) -> "Output":
        return cls(json="format=json" in words, verbose=is_on(words, "verbose"))

    def say(self, text: str) -> None:
        """For a person: on a terminal, or with verbose=1."""
        if self._talks and not self.json:
            print(text)

    def must_say(self, text: str) -> None:
        """What would be lost if it were not printed, such as a new password."""
        if not self.json:
            print(text)

    def document(self, document: Mapping[str, Any]) -> None:
        """The result for machines, with format=json."""
        if self.json:
            print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())

    def table(
        self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, must: bool = False
    ) -> None:
        """For a person. `must`: it would be lost if it were not printed."""
        if self.json or not (self._talks or must):
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title, title_justify="left")
        for number, column in enumerate(columns):
            table.add_column(column, justify="left" if number == 0 else "right")
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))
        # into a file or a pipe: nothing says how wide that is
        Console(width=None if self._terminal else 200).print(table)

    def problem(self, text: str) -> None:
        print(text, file=sys.stderr)

    def error(self, error: OwaError) -> None:
        """An error that ended the command."""
        if self.json:
            print(orjson.dumps({"error": error.message, "remedy": error.remedy}).decode())
        else:
            self.problem(str(error))

    @contextmanager
    def progress(self, title: str, total: int | None) -> Iterator[Progress]:
        """A progress bar on a terminal."""
        if not self._terminal or self.json:
            yield lambda _count: None
            return
        from rich.progress import Progress as Bar

        with Bar(transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda count: bar.advance(task, count)
