"""Parts that need a database, a file system or a helper process, each of them real."""
