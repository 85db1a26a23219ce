"""Background chores of the manager: each is a `tick(farm) -> seconds until the next one`; `runner` runs them."""
