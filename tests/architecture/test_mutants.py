"""The list of mutants fits the tree. `make mutants` makes them; that takes minutes."""

import pytest

from tests.mutants.listed import MUTANTS, Mutant
from tests.servers import ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_can_be_made(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.old != mutant.new
    assert (ROOT / mutant.tests).is_file()
