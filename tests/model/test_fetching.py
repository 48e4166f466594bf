"""A model of the hub, fetched from a server on the loopback address, and loaded without a connection afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

COMMIT = "1" * 40
FETCH = """import sys
from rtuning_helpers.model import fetching
try:
    fetching.fetch_model("owner/model")
except ValueError as error:
    sys.exit(str(error))"""
LOAD = """from rtuning_helpers.model.language_model import load_language_model
print(load_language_model("owner/model", four_bit=False).revision)"""


@pytest.fixture
def hub(tiny_model):
    """The address of a hub whose only model is ``owner/model``, and what was asked for there."""
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir() if path.is_file()}
    files |= {"pytorch_model.bin": b"pickled", "onnx/model.safetensors": b"another format"}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self, body: bool) -> None:
            name = self.path.partition("?")[0]
            asked.append(name)
            if name.startswith("/api/models/owner/model"):
                siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
                tree = [{"type": "file", "path": s["rfilename"], "size": s["size"], "oid": "0"} for s in siblings]
                info = {"id": "owner/model", "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
                content = json.dumps(tree if "/tree/" in name else info).encode()
            else:
                _, _, rest = name.partition("/owner/model/resolve/")
                content = files.get(rest.partition("/")[2], b"")
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def do_GET(self) -> None:  # noqa: N802
            self.answer(True)

        def do_HEAD(self) -> None:  # noqa: N802
            self.answer(False)

        def log_message(self, *_) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def python(code: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def test_what_is_fetched_is_enough_without_a_connection(hub, tmp_path):
    url, asked = hub
    done = python(FETCH, HF_HOME=str(tmp_path), HF_ENDPOINT=url, HF_HUB_OFFLINE="0")
    assert done.returncode == 0, done.stderr
    fetched = {path.name for path in (tmp_path / "hub").rglob("snapshots/*/*")}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= fetched
    assert "pytorch_model.bin" not in fetched and "onnx" not in fetched
    asked.clear()
    loaded = python(LOAD, HF_HOME=str(tmp_path), HF_ENDPOINT=url, HF_HUB_OFFLINE="1")
    assert loaded.stdout.strip() == COMMIT, loaded.stderr
    assert asked == []


def test_a_model_that_is_not_there_is_one_line(hub, tmp_path):
    done = python(FETCH.replace("owner/model", "owner/other"), HF_HOME=str(tmp_path), HF_ENDPOINT=hub[0])
    assert done.returncode == 1
    assert "parameter model owner/other: cannot be fetched" in done.stderr and "Traceback" not in done.stderr
