"""Background chores of the manager: each is a `tick(farm) -> seconds until the next one`; `runner` runs them.

One that raises `Busy` or `Unavailable` is tried again by the runner, so none of them catches those.

By hand, and not by a scheduler: APScheduler's must be one process, Celery's wants a broker. Here every process of every
manager may do a chore, and the database, which they have in common anyway, says which does; a chore says itself when it
wants to be called again, and an error how long to wait.
"""
