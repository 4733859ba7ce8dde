"""A service that says how it is, certificates, and no settings of this machine."""

import subprocess
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hsid.doctor import looking
from tests.unit.config.isolation import house

__all__ = ["house"]


@pytest.fixture(autouse=True)
def without_unit(monkeypatch, tmp_path):
    """Look for an installed unit in the test's own folder."""
    monkeypatch.setattr(looking, "UNIT_PATHS", (tmp_path / "hsid.service",))
    monkeypatch.setattr(looking, "DROP_IN_FOLDER", tmp_path / "hsid.service.d")


@contextmanager
def service(body=b'{"status": "healthy", "model_loaded": true}', *, status=200):
    """Answer questions for /health; yield the URL and the headers that were seen."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.send_response(status if self.path == "/health" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # who asked has heard enough
                self.wfile.write(body)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def make_certificate(folder, name, days=10):
    """Make a certificate with its key; return both paths."""
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", f"/CN={name}", "-days", str(days)]
    command += ["-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(command, check=True, capture_output=True)
    return paths
