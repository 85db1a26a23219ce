"""How workers find their manager: it answers questions that they send to everybody on the network (SSDP).

`messages` and `own_urls` are rules, `answers` is what a manager still has to send, `responder` and `search` are the
two ends on the network, and `advertising` makes sure that one process of a manager answers.

By hand, though there are libraries: ssdp and async-upnp-client want an event loop of their own, and leave open what is
the work here. That is which URL to answer on which network, how answers are spread over the time that a worker waits,
and what a flood may cost; the messages themselves are of three kinds, and a line or two each.
"""
