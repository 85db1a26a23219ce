"""Which task comes next: jobs are placed when they come in and ranked as time goes, so that a poll only looks up."""
