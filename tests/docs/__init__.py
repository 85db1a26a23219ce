"""The manuals, held to the truth: what they say of the code is compared with it, and what they show is run."""
