# SPDX-License-Identifier: Apache-2.0
"""`safeport log`: runs of this host's journal. The journal is filled here by Python's own SQLite, so that the format of
its rows, seals included, is written down a second time."""

import json
import os
import sqlite3
import stat

import pytest
from support.journal import seal

NO_DIGEST = b""
DIGEST = b"\x01" + bytes(range(32))  # 1: sha256
SHOWN = "sha256:" + bytes(range(32)).hex()


def put(db, table, *fields):
    db.execute(f"INSERT INTO {table} VALUES({','.join('?' * (len(fields) + 1))})", (*fields, seal(table, fields)))


@pytest.fixture
def state(tmp_path, safeport):
    """A state directory with an empty journal of safeport's own making, and its database."""
    where = tmp_path / "state"
    schema = os.path.join(os.path.dirname(__file__), "journal_schema.sql")
    where.mkdir(mode=0o700)
    db = sqlite3.connect(where / "journal.db", isolation_level=None)
    db.executescript(open(schema, encoding="utf-8").read())
    yield where, db
    db.close()


def log(safeport, where, *args, **more):
    return safeport("log", *args, env={"SAFEPORT_STATE": str(where)}, **more)


def put_run(db, run, command="sync", subject="app", ended=1700000009, exit_status=0, images=0, failed=0, writes=0, sent=0):
    put(db, "runs", run, command, subject, 1700000000, ended, exit_status, images, failed, writes, sent)


def test_nothing_yet(safeport, tmp_path):
    result = log(safeport, tmp_path / "none", status=0)
    assert result.stdout == "no runs yet on this host\n" and not result.stderr
    assert json.loads(log(safeport, tmp_path / "none", "--json", status=0).stdout)["runs"] == []
    assert not (tmp_path / "none").exists(), "reading makes nothing"


def test_runs_newest_first(safeport, state):
    where, db = state
    for run in range(1, 31):
        put_run(db, run, images=3, failed=1, writes=7, sent=2 * 1024 * 1024, exit_status=run % 2)
    put_run(db, 31, ended=0, exit_status=-1)
    lines = log(safeport, where, status=0).stdout.splitlines()
    assert len(lines) == 20
    assert lines[0].split()[0] == "31" and "not ended" in lines[0]
    assert lines[1] == "30    2023-11-14T22:13:20Z  sync app: exit 0, 3 images (1 failed), 7 writes (2 MiB)"
    assert len(log(safeport, where, "--limit", 2, status=0).stdout.splitlines()) == 2
    doc = json.loads(log(safeport, where, "--limit", 100, "--json", status=0).stdout)
    assert doc["schema"] == 1 and doc["kind"] == "log"
    assert [run["id"] for run in doc["runs"]] == list(range(31, 0, -1))
    assert doc["runs"][0]["ended"] is None and doc["runs"][0]["exit_status"] is None
    assert doc["runs"][1] == {"id": 30, "command": "sync", "subject": "app", "started": "2023-11-14T22:13:20Z",
                              "ended": "2023-11-14T22:13:29Z", "exit_status": 0, "images": 3, "failed": 1, "writes": 7,
                              "bytes_sent": 2097152}


def test_one_run(safeport, state):
    where, db = state
    put_run(db, 1, images=2, failed=1, writes=2, exit_status=1)
    put(db, "images", 1, 1, "ghcr.io/acme/app:v1", "docker.io/u/app", "copied", DIGEST, "ok", "")
    put(db, "images", 1, 2, "ghcr.io/acme/app:v2", "docker.io/u/app", "failed", NO_DIGEST, "auth", "token \x1b[31m lacks push")
    put(db, "writes", 1, 1, 0, 1700000001, "docker.io/u/app", "", DIGEST, NO_DIGEST, 4096)
    put(db, "writes", 1, 2, 3, 1700000002, "docker.io/u/app", "v1", DIGEST, DIGEST, 0)
    text = log(safeport, where, "--run", 1, status=0).stdout
    assert "ghcr.io/acme/app:v1 -> docker.io/u/app: copied\n" in text
    assert "token \\x1b[31m lacks push" in text and "\x1b" not in text
    assert f"2023-11-14T22:13:21Z  blob      docker.io/u/app  {SHOWN}  4 KiB\n" in text
    assert f"2023-11-14T22:13:22Z  tag       docker.io/u/app:v1  {SHOWN} (before: {SHOWN})\n" in text
    assert "only counted" not in text
    (run,) = json.loads(log(safeport, where, "--run", 1, "--json", status=0).stdout)["runs"]
    assert run["outcomes"] == [
        {"image": "ghcr.io/acme/app:v1", "place": "docker.io/u/app", "result": "copied", "digest": SHOWN, "error": None},
        {"image": "ghcr.io/acme/app:v2", "place": "docker.io/u/app", "result": "failed", "digest": None,
         "error": {"code": "auth", "message": "token \x1b[31m lacks push", "http_status": None, "retry_after_ms": None}}]
    assert run["changes"] == [
        {"kind": "blob", "at": "2023-11-14T22:13:21Z", "place": "docker.io/u/app", "tag": None, "digest": SHOWN,
         "digest_before": None, "size_bytes": 4096},
        {"kind": "tag", "at": "2023-11-14T22:13:22Z", "place": "docker.io/u/app", "tag": "v1", "digest": SHOWN,
         "digest_before": SHOWN, "size_bytes": 0}]


def test_details_that_are_gone_are_said(safeport, state):
    where, db = state
    put_run(db, 1, images=2, writes=5)
    assert "only counted" in log(safeport, where, "--run", 1, status=0).stdout


def test_no_such_run(safeport, state):
    where, db = state
    result = log(safeport, where, "--run", 5, status=1)
    assert "no run 5" in result.stderr and not result.stdout


@pytest.mark.parametrize("args", [("--limit", "0"), ("--limit", "-1"), ("--limit", "x"), ("--run", "0"), ("--run", "1.5"),
                                  ("--limit", ""), ("--run", "99999999999999999999"), ("operand",)])
def test_usage(safeport, tmp_path, args):
    assert log(safeport, tmp_path, *args, status=2).stderr


def test_no_state_directory(safeport):
    """Without HOME, root has /var/lib/safeport, as services do; others are told what to set."""
    result = safeport("log", env={"HOME": ""})
    assert result.returncode == (0 if os.geteuid() == 0 else 2), result.stderr


@pytest.mark.parametrize("what", ["row", "head", "newer", "text"])
def test_damage_is_said_and_left_alone(safeport, state, what):
    where, db = state
    put_run(db, 1)
    if what == "row":
        db.execute("UPDATE runs SET exit_status = 1")
    if what == "newer":
        db.execute("PRAGMA user_version = 999")
    db.close()
    path = where / "journal.db"
    content = path.read_bytes()
    if what == "head":
        path.write_bytes(b"\0" * 16 + content[16:])
    if what == "text":
        path.write_text("not a database\n")
    before = path.read_bytes()
    for args in ((), ("--json",), ("--run", "1")):
        result = log(safeport, where, *args, status=7)
        assert "cannot read the history of this host" in result.stderr
        assert not result.stdout or json.loads(result.stdout)["error"]["code"] == "io"
        assert ("newer safeport" if what == "newer" else "journal.db") in result.stderr
    assert path.read_bytes() == before
    assert sorted(p.name for p in where.iterdir()) == ["journal.db"]


def test_the_state_directory_of_the_file(safeport, state, tmp_path):
    """`state` of safeport.yaml is where the other commands write, whatever else is said."""
    where, db = state
    put_run(db, 1)
    file = tmp_path / "safeport.yaml"
    file.write_text(f"version: 1\nstate: {where.name}\nimages: {{x: {{primary: localhost:1/x, backups: [vault:x]}}}}\n")
    elsewhere = {"SAFEPORT_STATE": str(tmp_path / "elsewhere")}
    for result in (safeport("log", env=elsewhere, cwd=tmp_path, status=0),
                   safeport("log", "--config", file, env=elsewhere, status=0),
                   safeport("log", env={**elsewhere, "SAFEPORT_CONFIG": str(file)}, status=0)):
        assert result.stdout.startswith("1     2023-11-14"), result
    assert json.loads(safeport("log", "--run", 1, "--json", cwd=tmp_path, status=0).stdout)["runs"][0]["id"] == 1
    assert "no runs yet" in safeport("log", env=elsewhere, status=0).stdout


def test_a_file_with_mistakes_does_not_say_where_the_journal_is(safeport, tmp_path):
    file = tmp_path / "safeport.yaml"
    file.write_text("version: 1\nstaet: here\n")
    result = safeport("log", env={"SAFEPORT_STATE": str(tmp_path / "none")}, cwd=tmp_path, status=2)
    assert "staet" in result.stderr and "state" in result.stderr and not result.stdout
    assert "missing.yaml" in safeport("log", "--config", tmp_path / "missing.yaml", status=2).stderr


def test_a_directory_that_others_may_write_to(safeport, state):
    where, db = state
    os.chmod(where, 0o777)
    result = log(safeport, where, status=6)
    assert "chmod 700" in result.stderr
    assert stat.S_IMODE(where.stat().st_mode) == 0o777
