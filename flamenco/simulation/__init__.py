"""A farm of workers that run nothing: what a manager bears, and whether it loses or doubles tasks while it does.

Rules, without I/O and clock: `distributions` and `fates` say what befalls workers and their tasks, `ledger` notes who
had which task when, `audit` judges by that what the manager says in the end, `statistics` counts. The rest does things:
`wire` is HTTP for hundreds of workers in one thread, `calls` what a worker asks, `fake_worker` its life and `turn` that
with one task, `work` the jobs that are made for it, `farm` what is set up before and taken away afterwards, `run` the
story from start to end, `own_manager` a manager to try it on, `display` and `report` what people see of it.
"""
