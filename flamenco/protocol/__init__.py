"""What goes over the wire, described once: the API's surfaces answer in these words, and the client speaks them."""
