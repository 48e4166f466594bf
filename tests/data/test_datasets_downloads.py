"""Fetching from public sources, against a server on the loopback address: GitHub's raw files and the hub's."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product

import pyarrow
import pyarrow.parquet
import pytest
from samples import (
    FEVER_HUB,
    HALUEVAL,
    HOTPOT_HUB,
    NEC,
    POPQA,
    TRIVIAQA_HUB,
    mmlu_original,
    mmlu_shots,
    write_mmlu_csv,
    write_tsv,
)

from rtuning_helpers.data import downloads
from rtuning_helpers.data.downloads import PublicFile, cached, fetch
from rtuning_helpers.data.popularity import how_known
from rtuning_helpers.data.registry import dataset_names, find_dataset, load_questions
from rtuning_helpers.errors import InputError

REVISION = "0123456789abcdef0123456789abcdef01234567"
SECRET = "hf_secretsecretsecret"
CONFIGS = ("unfiltered", "rc")  # of TriviaQA


class Source:
    """A server that stands for GitHub (``/github/...``) and the hub (``/hub/datasets/...``)."""

    def __init__(self):
        self.files, self.asked, self.short, self.headers = {}, [], 0, []
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                source.answer(self, body=True)

            def do_HEAD(self):
                source.answer(self, body=False)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request, body):
        content = self.files.get(request.path)
        self.headers.append(dict(request.headers))
        if body:
            self.asked.append(request.path)
        request.send_response(404 if content is None else 200)
        content = b"" if content is None else content
        request.send_header("Content-Length", str(len(content)))
        request.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        if (match := re.search("/resolve/([0-9a-f]{40})/", request.path)) is not None:
            request.send_header("X-Repo-Commit", match[1])
        request.end_headers()
        if body:
            request.wfile.write(content[: len(content) - self.short])

    def add(self, file: PublicFile, content: bytes):
        place = f"/hub/datasets/{file.repository}/resolve/" if file.host == "hub" else f"/github/{file.repository}/"
        self.files[f"{place}{file.revision}/{file.path}"] = content

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def source(tmp_path, monkeypatch):
    server = Source()
    monkeypatch.setenv("RTUNING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RTUNING_GITHUB", f"{server.url}/github")
    monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/hub")
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(downloads, "TIMEOUT", 5)
    yield server
    server.close()


@pytest.fixture
def pin(monkeypatch):
    """Gives a public file of a data set another checksum, that of a made-up content."""
    changed = []

    def repin(file: PublicFile, content: bytes | None):
        changed.append((file, file.sha256))
        object.__setattr__(file, "sha256", None if content is None else hashlib.sha256(content).hexdigest())

    yield repin
    for file, sha256 in reversed(changed):
        object.__setattr__(file, "sha256", sha256)


def public_files(name):
    return [file for kind in find_dataset(name).kinds for file in kind.public]


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(*rows):
    target = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), target)
    return target.getvalue().to_pybytes()


def test_every_public_source_is_pinned_by_a_commit():
    files = {name: public_files(name) for name in dataset_names()}
    for own in files.values():
        for file in own:
            assert re.fullmatch("[0-9a-f]{40}", file.revision)
            assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert file.url.startswith("https://") and file.revision in file.url
    unknown = [*dict.fromkeys(file.path for own in files.values() for file in own if file.sha256 is None)]
    trivia = [f"{c}.nocontext/{part}-00000-of-00001.parquet" for c, part in product(CONFIGS, ("train", "validation"))]
    assert unknown == ["train.jsonl", "test.jsonl", "all/dev-00000-of-00001.parquet", *trivia]


FILES = [
    PublicFile(host, "owner/name", REVISION, "data/rows.json", hashlib.sha256(b"content").hexdigest())
    for host in ("github", "hub")
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.host)
def test_a_file_is_fetched_once_and_kept(source, tmp_path, capsys, file):
    source.add(file, b"content")
    assert cached(file) is None
    path = fetch(file)
    assert path.read_bytes() == b"content" and path.is_relative_to(tmp_path / "cache")
    assert cached(file) == path == fetch(file)
    assert len(source.asked) == 1
    assert capsys.readouterr().err.count("fetching http://127.0.0.1") == 1
    assert not any(SECRET in str(headers) for headers in source.headers)
    source.server.shutdown()
    assert fetch(file) == path  # needs no connection any more


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.host)
def test_another_content_than_expected_is_refused_and_not_kept(source, tmp_path, file):
    source.add(file, b"other")
    with pytest.raises(InputError, match=f"sha256 of the content is .*; expected {file.sha256}"):
        fetch(file)
    assert cached(file) is None
    source.add(file, b"content")
    path = fetch(file)
    path.resolve().write_bytes(b"damaged")
    with pytest.raises(InputError, match=f"sha256 of the content is .*; expected {file.sha256}.*parameter data_dir"):
        fetch(file)
    assert fetch(file).read_bytes() == b"content"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.host)
def test_a_file_that_is_not_there(source, capsys, file):
    with pytest.raises(
        InputError, match="cannot be fetched .*404.*rows.json of owner/name.*parameter data_dir"
    ) as caught:
        fetch(file)
    assert "\n" not in str(caught.value) and SECRET not in str(caught.value) + capsys.readouterr().err
    assert cached(file) is None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.host)
def test_a_broken_connection_leaves_no_part_of_the_file(source, tmp_path, file):
    source.add(file, b"content")
    source.short = 3
    with pytest.raises(InputError, match="cannot be fetched") as caught:
        fetch(file)
    assert "\n" not in str(caught.value) and cached(file) is None
    left = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and b"cont" in path.read_bytes()]
    assert left == []


def test_a_source_that_cannot_be_reached(source):
    source.close()
    with pytest.raises(
        InputError, match="cannot be fetched .*; expected a connection to the public source.*parameter data_dir"
    ):
        fetch(FILES[0])
    assert cached(FILES[0]) is None


def test_the_hub_cannot_be_reached(source, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # at once, without its five attempts
    with pytest.raises(InputError, match="cannot be fetched .*; expected a connection .*parameter data_dir") as caught:
        fetch(FILES[1])
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written(source, tmp_path):
    (tmp_path / "cache").write_text("a file is in the way")
    source.add(FILES[0], b"content")
    with pytest.raises(InputError, match="cannot be fetched"):
        fetch(FILES[0])


# Each loader


def test_halueval_from_github(source, pin, capsys):
    (file,) = public_files("halueval")
    content = lines(HALUEVAL, HALUEVAL)
    source.add(file, content)
    with pytest.raises(InputError, match="expected 89ed139e"):
        load_questions("halueval", "test")
    pin(file, content)
    capsys.readouterr()
    assert len(load_questions("halueval", "test")) == 2
    assert capsys.readouterr().err.startswith("halueval: licence: MIT; the questions are HotpotQA's, CC BY-SA 4.0\n")
    assert len(load_questions("halueval", "test")) == 2 and capsys.readouterr().err == ""


def test_nec_from_github(source, pin):
    for file, row in zip(public_files("nec"), (NEC, {**NEC, "label": 1}), strict=True):
        source.add(file, lines(row))
        pin(file, lines(row))
    assert [q.answerable for q in load_questions("nec", "test")] == [True, False]


def test_fever_from_the_hub_leaves_rows_without_evidence_out_and_says_so(source):
    empty = {**FEVER_HUB, "label": "NOT ENOUGH INFO", "evidence": [["Ana", 0, ""]]}
    for file in public_files("fever"):
        source.add(file, lines(FEVER_HUB, empty, FEVER_HUB))
    with pytest.warns(UserWarning, match="fever: 1 rows left out, such as .*line 2 has empty evidence"):
        found = load_questions("fever", "train")
    assert [q.id for q in found] == ["fever-train-00000", "fever-train-00002"]
    assert [path.rsplit("/", 1)[1] for path in source.asked] == ["train.jsonl"]  # what is not needed is not fetched
    bad = []
    assert len(load_questions("fever", "id", bad_rows=bad)) == 2 and len(bad) == 1


def test_hotpotqa_from_the_hub(source, pin):
    for number, file in enumerate(public_files("hotpotqa")):
        content = parquet({**HOTPOT_HUB, "question": f"shard {number}?"})
        source.add(file, content)
        pin(file, content)
    assert [q.question for q in load_questions("hotpotqa", "train")] == ["shard 0?", "shard 1?"]
    assert [q.question for q in load_questions("hotpotqa", "id")] == ["shard 2?"]


def test_popqa_from_the_hub_with_its_popularity(source, pin, tmp_path):
    (file,) = public_files("popqa")
    content = write_tsv(tmp_path / "popQA.tsv", POPQA, {**POPQA, "s_pop": "7"}).read_bytes()
    source.add(file, content)
    with pytest.raises(InputError, match="expected 9a5227f4"):
        load_questions("popqa", "test")
    pin(file, content)
    assert load_questions("popqa", "test") == load_questions("popqa", "test", tmp_path)
    assert how_known(load_questions("popqa", "test")) == ([142, 7], "page views of the subject a month")


@pytest.mark.parametrize("name", ["triviaqa", "triviaqa-rc"])
def test_triviaqa_from_the_hub(source, name):
    for file in public_files(name):
        source.add(file, parquet({**TRIVIAQA_HUB, "question": file.path}))
    config = "rc" if name == "triviaqa-rc" else "unfiltered"
    assert [q.question for q in load_questions(name, "id")] == [f"{config}.nocontext/validation-00000-of-00001.parquet"]
    assert [q.aliases for q in load_questions(name, "train")] == [("Anna",)]


def test_mmlu_from_the_hub_equals_the_original(source, pin, tmp_path):
    tests, shots = mmlu_original(), mmlu_shots()
    for file, subjects in zip(public_files("mmlu"), (tests, shots), strict=True):
        content = parquet(
            *(
                {"question": row[0], "subject": s, "choices": row[1:5], "answer": "ABCD".index(row[5])}
                for s, rows in subjects.items()
                for row in rows
            )
        )
        source.add(file, content)
        pin(file, content)
    folder = write_mmlu_csv(tmp_path / "csv", tests, shots)
    for split in ("train", "id", "ood"):
        assert load_questions("mmlu", split) == load_questions("mmlu", split, folder)
    assert len(source.asked) == 2


@pytest.mark.parametrize(
    ("name", "split", "folder"),
    [
        ("selfaware", "test", "selfaware"),
        ("falseqa", "test", "falseqa"),
        ("nec", "test", "unknownbench"),
        ("refunq", "test", "unknownbench"),
        ("wice", "id", "wice/claim"),
    ],
)
def test_the_real_files_have_the_checksums_that_are_expected(source, shared_data, name, split, folder):
    for file in public_files(name):
        path = shared_data / folder / file.path.rsplit("/", 1)[1]
        if path.is_file():
            source.add(file, path.read_bytes())
    assert load_questions(name, split) == load_questions(name, split, shared_data / folder)
