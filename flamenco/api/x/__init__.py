"""Our own additions below `/api/x`."""
