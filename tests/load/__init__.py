"""A manager that has much to do: what is measured here is measured alone, with nothing else on the machine."""
