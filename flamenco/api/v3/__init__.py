"""The API of today's Flamenco below `/api/v3`."""
