"""The web page, in a real Chromium, over a real manager with workers that work."""
