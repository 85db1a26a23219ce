"""How a worker tries itself out. What follows from it is the manager's business, see `domain.self_tests`."""
