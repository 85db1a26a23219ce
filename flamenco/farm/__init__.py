"""What people and workers do with the farm: use cases, one transaction each."""
