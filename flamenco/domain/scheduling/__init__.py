"""Which task comes next: the values that policies see and give back, and the rules, without any I/O."""
