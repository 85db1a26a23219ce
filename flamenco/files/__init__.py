"""Files that the manager keeps beside the database: task logs and rendered images."""
