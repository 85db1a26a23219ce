"""The shipped plugins, each loaded with the configuration that its documentation shows."""
