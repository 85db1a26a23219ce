"""The worker agent: signs on at a manager, runs tasks one at a time, reports."""
