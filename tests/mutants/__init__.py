"""Bugs that the tests must find: `make mutants` makes them, one by one, in a copy of the tree, and wants a failure."""
