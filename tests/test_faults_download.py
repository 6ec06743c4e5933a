"""Downloads that end too early, over real HTTP: refused by checksum, nothing left behind, tried again."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rdc.datasets import sources
from rdc.datasets.sources import DataError, File, Source, fetch

pytestmark = pytest.mark.faults

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def server(monkeypatch):
    """Serves the source ``tiny``; ``server.sent`` lists how many bytes each answer sends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            sent = answers.sent.pop(0) if answers.sent else len(CONTENT)
            self.send_response(200)
            if answers.honest:
                self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:sent])

        def log_message(self, *arguments):
            pass

    class Answers(HTTPServer):
        sent: list = []
        honest = True

    answers = Answers(("127.0.0.1", 0), Handler)
    answers.sent = []
    thread = threading.Thread(target=answers.serve_forever)
    thread.start()
    file = File("a.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    url = f"http://127.0.0.1:{answers.server_port}/"
    monkeypatch.setitem(sources.SOURCES, "tiny", Source((file,), (url,)))
    monkeypatch.delenv("RDC_MIRROR", raising=False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between two tries
    yield answers
    answers.shutdown()
    thread.join()
    answers.server_close()


@pytest.mark.parametrize("honest", [True, False], ids=["length told", "length not told"])
def test_a_download_that_ends_too_early_is_refused(honest, server, tmp_path):
    server.honest, server.sent = honest, [len(CONTENT) // 2] * 10
    with pytest.raises(DataError, match=r"data/a\.bin: cannot be had; without a network, set"):
        fetch("tiny", "a.bin", tmp_path / "data" / "a.bin")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_it_is_tried_again(server, tmp_path):
    server.honest, server.sent = False, [0, len(CONTENT) // 2]
    assert fetch("tiny", "a.bin", tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.sent == []


def test_a_cut_file_that_is_there_is_fetched_anew(server, tmp_path):
    target = tmp_path / "a.bin"
    target.write_bytes(CONTENT[:1000])
    assert fetch("tiny", "a.bin", target).read_bytes() == CONTENT
