"""Files that the manager keeps beside the database: task logs, rendered images, the files of jobs."""
