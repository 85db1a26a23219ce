"""The web page: files that browsers run as they are, and the few addresses that they are had from.

All that it shows and does, it asks of the API, as any other program would; there is no rule of the farm in here.
"""
