"""The manager's web server: gunicorn, its settings and why, and what happens when its processes come and go.

Only `gunicorn` knows that one, so that another WSGI server can stand in where gunicorn does not run.
One main process holds the port and forks the processes that serve; each of those has its own farm, its own
compiler and its own threads of chores, and which of them a request gets to makes no difference.
"""

from flamenco.server.listening import open_port
from flamenco.server.main import serve
from flamenco.server.tls import Tls, tls_of

__all__ = ["Tls", "open_port", "serve", "tls_of"]
