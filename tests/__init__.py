"""The tests: unit (needs nothing), integration (a database, a helper process), acceptance (real processes)."""
