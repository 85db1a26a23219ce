"""Self-tests of workers: what a worker is to try out, what it found, and what follows from that. Pure."""
