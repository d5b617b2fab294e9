"""Modules: what an installation may choose, add or leave out. Each imports `owa.module_api` only."""
