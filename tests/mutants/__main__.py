"""Makes each mutant in a copy of the tree, and runs the tests that must find it. Exit status 1 when one survives.

python -m tests.mutants            all of them
python -m tests.mutants WORD …     those with one of the words in their name
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.listed import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]


def main(words: list[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    if missed := healthy_failures(sorted({mutant.tests for mutant in chosen})):
        print(f"Without any mutant these fail already: {missed}")
        return 1
    survivors = [mutant.name for mutant in chosen if survives(mutant)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} were found.")
    return 1 if survivors else 0


def survives(mutant: Mutant) -> bool:
    """Whether its tests pass in spite of it."""
    with TemporaryDirectory() as folder:
        tree = copy(Path(folder))
        file = tree / mutant.file
        file.write_text(file.read_text().replace(mutant.old, mutant.new))
        passed = run(tree, mutant.tests)
    print(f"{'SURVIVED' if passed else 'found':10}{mutant.name}", flush=True)
    return passed


def healthy_failures(tests: list[str]) -> list[str]:
    """Those of the test files that fail as things are."""
    with TemporaryDirectory() as folder:
        tree = copy(Path(folder))
        return [test for test in tests if not run(tree, test)]


def copy(folder: Path) -> Path:
    tree = folder / "tree"
    unneeded = shutil.ignore_patterns("__pycache__", ".*", "owa-data", "build")
    shutil.copytree(ROOT, tree, ignore=unneeded)
    return tree


def run(tree: Path, test: str) -> bool:
    """Whether the tests of a file pass in that tree."""
    words = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", test]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=tree, env=environment, capture_output=True, check=False)
    return done.returncode == 0


sys.exit(main(sys.argv[1:]))
