"""Pure rules of the farm: no I/O, no clock, no database, no HTTP. Time enters as an argument."""
