"""The original API below `/api`, in its own words over the farm's one model."""
