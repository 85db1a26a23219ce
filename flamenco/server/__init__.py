"""The manager's web server: gunicorn, or cheroot where that does not run, and how their farms come and go.

Only `gunicorn` knows the one, only `cheroot` the other. With gunicorn, one main process holds the port and forks the
processes that serve; each of those has its own farm, its own compiler and its own threads of chores, and which of them
a request gets to makes no difference. With cheroot there is one process.
"""

from flamenco.server.listening import open_port
from flamenco.server.main import serve
from flamenco.server.tls import Tls, tls_of

__all__ = ["Tls", "open_port", "serve", "tls_of"]
