"""The whole thing: real processes, real sockets, real renders."""
