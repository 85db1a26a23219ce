"""Which task comes next: the queues that workers are served from, their ranks and limits, and the claim of a task."""
