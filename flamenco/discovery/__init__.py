"""How workers find their manager: it answers questions that they send to everybody on the network (SSDP).

`messages` and `own_urls` are rules, `answers` is what a manager still has to send, `responder` and `search` are the
two ends on the network, and `advertising` makes sure that one process of a manager answers.
"""
