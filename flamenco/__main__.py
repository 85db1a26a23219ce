"""`python -m flamenco` is `flamenco`."""

from flamenco.cli import main

if __name__ == "__main__":
    main(prog_name="flamenco")
