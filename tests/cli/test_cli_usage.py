# SPDX-License-Identifier: Apache-2.0
"""Wrong command lines: each is refused with exit status 2 and a message that says what to do; nothing is opened."""

import json
import subprocess

import pytest
from cli_support import SAFEPORT, clean_env

SHA = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "0" * 64

WRONG = [
    (["pusj"], "did you mean 'push'"),
    (["pus"], "did you mean 'push'"),
    (["frobnicate"], "unknown command 'frobnicate'"),
    (["\x1b[31mred"], "unknown command '\\x1b[31mred'"),
    ([""], "unknown command ''"),
    (["push"], "too few arguments"),
    (["push", "oci:x"], "--to REPO"),
    (["push", "--to", "vault:y"], "too few arguments"),
    (["push", "oci:x", "oci:z", "--to", "vault:y"], "'oci:z' is one argument too many"),
    (["push", "oci:x", "--to"], "option '--to' lacks its value: REPO[:TAG]"),
    (["push", "oci:x", "--tpo", "vault:y"], "did you mean '--to'"),
    (["push", "oci:x", "--dry", "--to", "vault:y"], "unknown option '--dry': did you mean '--dry-run'"),
    (["push", "oci:x", "--tok=ghcr.io=x", "--to", "vault:y"], "unknown option '--tok'"),
    (["push", "oci:x", "--dryrun", "--to", "vault:y"], "did you mean '--dry-run'"),
    (["push", "oci:x", "--password", "hunter2", "--to", "vault:y"], "unknown option '--password'"),
    (["push", "oci:x", "--atomic=yes", "--to", "vault:y"], "takes no value"),
    (["push", "oci:x", "-Z", "--to", "vault:y"], "unknown option '-Z'"),
    (["push", "oci:x", "--to", "vault:y", "--tag", "-x"], "is not a tag"),
    (["push", "oci:x", "--to", "vault:y", "--tag", "a/b"], "is not a tag"),
    (["push", "oci:x:t", "--to", "ghcr.io/Acme/App"], "ghcr.io/acme/app"),
    (["push", "ghcr.io/Acme/App:t", "--to", "vault:y"], "ghcr.io/acme/app"),
    (["push", "oci:x:t", "--to", "vault:y@" + DIGEST], "a destination has no digest"),
    (["push", "vault:x@" + DIGEST, "--to", "vault:y"], "--tag TAG"),
    (["push", "s3://b/x", "--to", "vault:y"], "not in this version"),
    (["push", "oci:x:t", "--to", "vault:y", "--platform", "linux"], "linux"),
    (["push", "oci:x:t", "--to", "vault:y", "--retry-for", "soon"], "'soon' is not a duration"),
    (["push", "oci:x:t", "--to", "vault:y", "--retry-for", "-1"], "not a duration"),
    (["push", "oci:x:t", "--to", "vault:y", "--timeout", "99999999999999999999"], "not a duration"),
    (["push", "oci:x:t", "--to", "vault:y", "--timeout", "0s"], "--timeout"),
    (["push", "oci:x:t", "--to", "vault:y", "--ca", "/nonexistent/ca.pem"], "/nonexistent/ca.pem"),
    (["push", "oci:x:t", "--to", "vault:y", "--ca", "/dev/null", "--ca", "/dev/zero"], "given twice"),
    (["push", "oci:x:t", "--to", "vault:y", "--insecure", "word"], "--insecure"),
    (["push", "oci:x:t", "--to", "vault:y", "--token-host", "ghcr.io"], "--token-host"),
    (["push", "oci:x:t", "--to", "vault:y", "--upload-host", "ghcr.io="], "--upload-host"),
    (["push", "oci:x:t", "--to", "vault:y", "--chunked", "ghcr.io=0"], "--chunked"),
    (["push", "oci:x:t", *["--to=vault:y"] * 33], "at most 32"),
    (["copy", "oci:x"], "too few arguments"),
    (["copy", "oci:x:t", "vault:y", "vault:z"], "one argument too many"),
    (["copy", "oci:x:t", "vault:y", "--to", "vault:z"], "unknown option '--to'"),
    (["copy", "oci:x:t", "ftp://y"], "ftp"),
    (["verify", "oci:x:t"], "too few arguments"),
    (["verify", "oci:x:t", "oci:"], "oci:"),
    (["verify", "oci:x:t", "vault:y", "--dry-run"], "unknown option '--dry-run'"),
    (["version", "x"], "one argument too many"),
    (["help", "pusj"], "did you mean 'push'"),
    (["help", "frobnicate"], "no help on 'frobnicate'"),
]


@pytest.mark.parametrize("args, says", WRONG, ids=[" ".join(a)[:60].replace("\x1b", "ESC") for a, _ in WRONG])
def test_wrong_command_lines(safeport, tmp_path, args, says):
    result = safeport(*args, env={"SAFEPORT_VAULT": str(tmp_path / "vault")}, cwd=tmp_path, status=2)
    assert says in result.stderr
    assert result.stderr.startswith("safeport: ") and not result.stdout
    assert "\x1b" not in result.stderr
    assert not list(tmp_path.iterdir())


# without stdout, all that a program sees of it is the exit status
FAILING = [
    *[args for args, _ in WRONG if args[0] in ("push", "copy", "verify", "version")],
    ["push", "oci:/nowhere:x", "--to", "vault:y"],
    ["push", "oci:x", "--to", "docker-archive:-"],
    ["copy", "oci:/nowhere:x", "vault:y"],
    ["verify", "oci:missing", "x"],
    ["verify", "oci:/nowhere:x", "vault:y"],
    *[[command, "app", "--config", "/nonexistent.yaml"] for command in ("sync", "verify", "status", "restore")],
    *[[command, "--config", "wrong.yaml"] for command in ("sync", "verify", "status", "restore", "config")],
    ["config", "--strict", "--config", "unset.yaml"],
    ["sync", "--jobs", "0"], ["status", "--history", "x"], ["restore", "--drill", "--all"], ["restore", "--at", "x"],
    ["status", "--watch=x"], ["verify", "--max-age", "x"], ["verify", "--claimed", "--read"],
    ["inspect"], ["inspect", "oci:/nowhere:x"], ["inspect", "vault:x", "--raw"],
    ["tags"], ["tags", "oci:/nowhere"], ["tags", "vault:x", "--sort", "size"],
    ["log", "--run", "x"], ["log", "--run", "77"],
]


@pytest.mark.parametrize("args", FAILING, ids=[" ".join(a)[:60].replace("\x1b", "ESC") for a in FAILING])
def test_json_is_one_document_also_of_what_fails(safeport, tmp_path, args):
    (tmp_path / "wrong.yaml").write_text("version: 1\nimages: {app: {primry: ghcr.io/a/b}}\n")
    (tmp_path / "unset.yaml").write_text("version: 1\nimages: {app: {primary: ghcr.io/a/b, backups: ['vault:b']}}\n"
                                         "registries: {ghcr.io: {username: u, password: $NOT_SET}}\n")
    where = {"env": {"SAFEPORT_VAULT": str(tmp_path / "vault"), "SAFEPORT_STATE": str(tmp_path / "state")},
             "cwd": tmp_path}
    plain = safeport(*args, **where)
    assert plain.returncode != 0
    result = safeport(args[0], "--json", *args[1:], **where)
    document = json.loads(result.stdout)
    assert result.returncode == document["exit_status"] != 0 and document["schema"] == 1
    if document["kind"] == "error":
        assert document["command"] == args[0]
        assert f"safeport: {document['error']['message']}" in result.stderr
    else:
        assert document["error"] or any(place["error"] for place in document["places"])


GIT = [
    ({"GITHUB_SHA": "main"}, "GITHUB_SHA is 'main'"),
    ({"GITHUB_SHA": SHA.upper()}, "which is no commit id"),
    ({"CI_COMMIT_SHA": SHA[:8]}, "CI_COMMIT_SHA is '01234567'"),
    ({"GIT_COMMIT": SHA + "\n"}, "GIT_COMMIT is '"),
    ({"GITHUB_SHA": "$(id)", "GIT_COMMIT": SHA}, "GITHUB_SHA is '$(id)'"),
    ({}, "say --tag TAG"),
    ({"GITHUB_SHA": "", "CI_COMMIT_SHA": "", "GIT_COMMIT": ""}, "say --tag TAG"),
    ({}, "safe.directory"),
    ({"PATH": "/nonexistent"}, "git cannot be run"),
]


@pytest.mark.parametrize("env, says", GIT, ids=[str(e) for e, _ in GIT])
def test_commit_that_is_none(safeport, tmp_path, env, says):
    result = safeport("push", "oci:x:t", "--to", "vault:y", "--tag-git", env=env, cwd=tmp_path, status=2)
    assert says in result.stderr


def test_letters_together(safeport):
    result = safeport("push", "--atomic", "-qvh", "--no-such-option", status=0)
    assert result.stdout.startswith("usage: safeport push")


def test_result_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        result = subprocess.run([str(SAFEPORT), "version"], env=clean_env(), stdout=full, stderr=subprocess.PIPE,
                                text=True)
    assert result.returncode == 7
    assert "cannot write the result" in result.stderr
