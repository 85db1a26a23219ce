"""Background chores of the manager: each is a `tick(farm) -> seconds until the next one`; `runner` runs them.

One that raises `Busy` or `Unavailable` is tried again by the runner, so none of them catches those.
"""
