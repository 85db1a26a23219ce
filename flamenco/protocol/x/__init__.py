"""Our own additions, by what they are about."""
