# SPDX-License-Identifier: Apache-2.0
"""Every row of the table of remedies that any registry can cause, caused: the message says what the answer means and what
to do, in the words of `help errors`. (What only Docker Hub and GHCR say is tested on the table itself.)"""

import re
import subprocess

import pytest

from support import hostile, safeport


def rows():
    """(host, status, text, meaning, advice) of `help errors`."""
    text = subprocess.run([str(safeport.binary()), "help", "errors"], capture_output=True, text=True, check=True,
                                   env={"LC_ALL": "C.UTF-8"}).stdout
    found = []
    for block in re.split(r"^  (?=\S)", text, flags=re.M)[1:]:
        head, body = block.split("\n", 1)
        host, status, part = re.fullmatch(r"(any registry|\S+)(?: (\d{3}))?(?: '(.*)')?", head).groups()
        meaning, advice = re.split(r"^    -> ", body.split("\n\n")[0], flags=re.M)
        found.append((host, int(status or 0), part, " ".join(meaning.split()), " ".join(advice.split())))
    return found


ROWS = rows()


def test_help_errors_lists_all():
    assert len(ROWS) > 45
    assert {row[0] for row in ROWS} == {"any registry", "docker.io", "ghcr.io"}


# What registries and gateways say, written down without a look at the table: (status, code, text, words of ours).
SAID = [
    (401, "UNAUTHORIZED", "authentication required", "log in"),
    (401, "X", "unauthorized", "log in"),
    (401, "UNAUTHORIZED", "incorrect username or password", "check user name and password"),
    (401, "X", "personal access token is expired", "make a new one"),
    (401, "X", "org access token is expired", "make a new one"),
    (403, "X", "access denied: insufficient scope", "make a token that has it"),
    (401, "X", "insufficient_scope: authorization failed", "make a token that has it"),
    (403, "DENIED", "requested access to the resource is denied", "right namespace"),
    (403, "X", "push access denied, repository does not exist or may require authorization: server message: "
               "insufficient_scope: authorization failed", "what the user and the token may do"),
    (404, "X", "pull access denied for x, repository does not exist or may require 'docker login'", "may see"),
    (403, "DENIED", "denied", "what the user and the token may do"),
    (401, "X", "unauthenticated: User cannot be authenticated with the token provided.", "renew it"),
    (403, "DENIED", "permission_denied: write_package", "Manage Actions access"),
    (403, "DENIED", "permission_denied: The token provided does not match expected scopes.", "classic token"),
    (403, "DENIED", "installation not allowed to Create organization package", "packages: write"),
    (403, "X", "Resource not accessible by integration", "permissions:"),
    (404, "NAME_UNKNOWN", "repository name not known to registry", "check the name"),
    (400, "NAME_INVALID", "invalid repository name", "another name"),
    (404, "MANIFEST_UNKNOWN", "manifest unknown", "safeport tags"),
    (404, "NOT_FOUND", "artifact acme/app:v1 not found", "check the name"),
    (404, "X", "", "check the name"),
    (400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", "sent again"),
    (400, "MANIFEST_INVALID", "manifest invalid", "update the registry"),
    (400, "UNSUPPORTED", "manifest type not supported", "update the registry"),
    (415, "UNSUPPORTED", "unsupported media type", "update the registry"),
    (405, "UNSUPPORTED", "The operation is unsupported.", "another registry"),
    (404, "BLOB_UNKNOWN", "blob sha256:abc not found", "copy it back from a backup"),
    (404, "X", "blob unknown", "copy it back from a backup"),
    (404, "X", "unknown blob", "copy it back from a backup"),
    (404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", "load balancer"),
    (404, "BLOB_UPLOAD_INVALID", "blob upload invalid", "load balancer"),
    (400, "DIGEST_INVALID", "provided digest did not match uploaded content", "proxies"),
    (416, "X", "REQUESTED_RANGE_NOT_SATISFIABLE: exceeds the maximum permissible limit of 4.00MiB", "4 MiB"),
    (416, "RANGE_INVALID", "invalid content range", "run this again"),
    (416, "X", "", "run this again"),
    (413, "X", "Request Entity Too Large", "--chunked"),
    (408, "", "", "run this again"),
    (429, "TOOMANYREQUESTS", "You have reached your pull rate limit.", "fewer jobs"),
    (429, "", "", "fewer jobs"),
    (500, "UNKNOWN", "unknown error", "its own log"),
    (502, "", "", "gateway"),
    (503, "", "", "run this again later"),
    (504, "", "", "gateway"),
    (507, "", "", "free space"),
    (500, "UNKNOWN", "write /x: no space left on device", "free space"),
    (403, "DENIED", "quota exceeded", "delete images there"),
    (403, "DENIED", "this tag is immutable", "use a new tag"),
]


@pytest.mark.parametrize("status,code,text,words", SAID, ids=lambda value: str(value)[:40])
def test_what_registries_say_has_an_advice(hostile_server, port, status, code, text, words):
    server = hostile_server()
    server.on("GET", "/tags/list", hostile.error(status, code, text))
    done = port.run("tags", f"{server.host}/a/b", "--retry-for", "0", status=(1, 4, 8))
    assert words in done.stderr.split(f"answered {status}")[1], done.stderr


@pytest.mark.parametrize("row", [row for row in ROWS if row[0] == "any registry"],
                         ids=lambda row: f"{row[1] or ''} {row[2] or ''}".strip())
def test_a_message_says_what_it_means_and_what_to_do(hostile_server, port, row):
    _, status, text, meaning, advice = row
    server = hostile_server()
    server.on("GET", "/tags/list", hostile.error(status or 400, "CODE", text or ""))
    done = port.run("tags", f"{server.host}/a/b", "--retry-for", "0", status=(1, 4, 8))
    assert f"registry answered {status or 400}" in done.stderr
    assert f": {meaning}: {advice}" in done.stderr, done.stderr
