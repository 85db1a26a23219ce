"""What happens to every request before its responder, in this order: request id, authentication, parameters, body."""
