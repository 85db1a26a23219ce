"""What differs between Linux, macOS and Windows: a module for each matter, with the same names on all of them.

Nothing else in the program imports what only some systems have. What was never run on Windows or macOS is listed in
docs/platforms.md.
"""
