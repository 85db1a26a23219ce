"""Job types: JavaScript compiler scripts, run in a helper process that may be lost at any time.

Nothing is imported here: the helper is in this package, and has to start quickly.
"""
