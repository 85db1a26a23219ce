"""The contract of the original API, and holding what was really sent and answered against it."""
