"""How fast it is: each benchmark states its size, and keeps the naive way beside ours so that both run in one go."""
