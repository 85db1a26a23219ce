"""What authors of job types have at hand: a workbench for their scripts, hints at mistakes, and runs of their tests.

All of it looks at what the compiler makes of a script; a manager needs none of it.
"""
