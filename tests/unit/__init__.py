"""Rules that need nothing but Python."""
