"""The API of today's Flamenco below `/api/v3`: so far what its workers use."""
