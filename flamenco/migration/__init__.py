"""Farms of a Flamenco 3 manager on their way here: its database and files are read, and never written.

What it has is hostile until it was looked at: every value goes through `values`, and what makes no sense is left out
and told. `looking` says what would come, `bringing` brings it over.
"""
