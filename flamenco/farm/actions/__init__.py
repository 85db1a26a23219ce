"""Actions on many jobs, tasks or workers at once: `carrying_out` goes through them, the others say what each means."""
