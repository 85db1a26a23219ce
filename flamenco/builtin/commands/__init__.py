"""The commands that every worker knows, one module per kind of task. They know nothing of HTTP or of the worker."""
