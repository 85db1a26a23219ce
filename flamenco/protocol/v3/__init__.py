"""Today's protocol, by what it is about."""
