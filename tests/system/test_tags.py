# SPDX-License-Identifier: Apache-2.0
"""tags: what skopeo lists; pages as GHCR serves them; orders, filters and dates, and what they cost; listings that lie or
never end."""

import json
import re
import subprocess
import urllib.parse

import pytest

from support import hostile, images, wire
from support.correct import Response

NAME = "a/b"
TAGS = ["latest", "main", "1.10.0", "1.9.0", "1.9.0-rc1", "v2.0.0", "sha-0123abc", "1.9.0-alpine"]


def tags(port, *arguments, status=0):
    return port.run("tags", *arguments, status=status).stdout.split()


def pages_of(names, size=100, *, link="/v2/{name}/tags/list?n={n}&last={last}"):
    """An action that serves these tags in this order, as GHCR does: by pages with Link."""
    def act(exchange):
        exchange.read_body()
        query = urllib.parse.parse_qs(exchange.request.query)
        begin = names.index(query["last"][0]) + 1 if "last" in query else 0
        page = names[begin:begin + min(size, int(query.get("n", ["100"])[0]))]
        headers = [("Content-Type", "application/json")]
        if begin + len(page) < len(names):
            target = link.format(name=NAME, n=size, last=page[-1])
            headers.append(("Link", f'<{target}>; rel="next"'))
        return Response(200, headers, json.dumps({"name": NAME, "tags": page}).encode())
    return act


@pytest.fixture
def listed(hostile_server):
    """A registry that lists names: listed(names) -> (server, repository)."""
    def make(names, **how):
        server = hostile_server()
        server.on("GET", "/tags/list", pages_of(names, **how))
        return server, f"{server.host}/{NAME}"
    return make


# -- as others list them
def many_tags(names):
    content = images.small(901)
    digest = content.tags.pop("latest")
    content.tags = {name: digest for name in names}
    return content


@pytest.mark.parametrize("kind", ["registry", "layout", "vault"])
def test_the_same_as_skopeo(start, port, tmp_path, kind):
    content = many_tags(TAGS)
    if kind == "registry":
        registry = start("one")
        wire.Wire.to(registry).put_image(NAME, content)
        where, other = f"{registry.host}/{NAME}", f"docker://{registry.host}/{NAME}"
        done = subprocess.run(["skopeo", "list-tags", "--tls-verify=false", other], capture_output=True, check=True)
        assert tags(port, where) == json.loads(done.stdout)["Tags"]
        return
    where = f"oci:{content.write_layout(tmp_path / 'layout')}"
    if kind == "vault":
        port.run("push", f"{where}:latest", "--to", "vault:app", *[p for t in TAGS for p in ("--tag", t)], status=0)
        where = "vault:app"
    assert tags(port, where) == sorted(TAGS)


# -- order, filter, limit
def test_the_registry_s_own_order_is_kept(listed, port):
    names = ["old", "zz", "a", "latest"]
    server, where = listed(names, size=1)
    assert tags(port, where) == names
    assert len(server.asked("GET", "/tags/list")) == 4
    assert tags(port, where, "--reverse") == names[::-1]


@pytest.mark.parametrize("arguments, want", [
    (["--sort", "name"], sorted(TAGS)),
    (["--sort", "version"],
     ["latest", "main", "sha-0123abc", "1.9.0-rc1", "1.9.0", "1.9.0-alpine", "1.10.0", "v2.0.0"]),
    (["--sort", "version", "--reverse", "--limit", "2"], ["v2.0.0", "1.10.0"]),
    (["--filter", "glob:1.9*"], ["1.9.0", "1.9.0-rc1", "1.9.0-alpine"]),
    (["--filter", "latest", "--filter", "glob:v?.0.0"], ["latest", "v2.0.0"]),
    (["--filter", "glob:*", "--limit", "3"], TAGS[:3]),
    (["--filter", "nothing"], []),
    (["--filter", "semver:^1.9"], ["1.10.0", "1.9.0"]),
    (["--filter", "git-sha"], ["sha-0123abc"]),
    (["--limit", "1000"], TAGS),
], ids=lambda value: " ".join(value) if value and value[0].startswith("--") else "")
def test_orders_filters_and_limits(listed, port, arguments, want):
    _, where = listed(TAGS, size=3)
    assert tags(port, where, *arguments) == want
    document = json.loads(port.run("tags", where, *arguments, "--json", status=0).stdout)
    assert [tag["name"] for tag in document["tags"]] == want
    assert document["kind"] == "tags" and document["name"] == where


def test_no_more_pages_than_the_limit_needs(listed, port):
    server, where = listed([f"t{n}" for n in range(50)], size=10)
    assert tags(port, where, "--limit", "15") == [f"t{n}" for n in range(15)]
    assert len(server.asked("GET", "/tags/list")) == 2
    assert tags(port, where, "--limit", "2", "--reverse") == ["t49", "t48"]


# -- dates
def dated_content():
    """Tags of four images: an old one, a new one (an index, twice), one with an annotation, one without a date."""
    content = images.Content()

    def image(created, **more):
        config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}, **created}
        layer = content.add_blob(images.LAYER, json.dumps([created, more]).encode())
        return content.add_manifest(images.MANIFEST, {
            "schemaVersion": 2, "mediaType": images.MANIFEST, "layers": [layer], **more,
            "config": content.add_blob(images.CONFIG, json.dumps(config).encode())})
    old = image({"created": "2024-01-02T03:04:05Z"})
    new = content.add_index([{**image({"created": "2026-05-06T07:08:09.123456789+02:00"}),
                              "platform": images.platform("linux/amd64")}])
    noted = image({"created": "2020-01-01T00:00:00Z"},
                  annotations={"org.opencontainers.image.created": "2025-01-01T00:00:00Z"})
    nothing = image({})
    lying = image({"created": "\x1b[2J"})
    content.tags = {"new": new["digest"], "newest": new["digest"], "old": old["digest"], "noted": noted["digest"],
                    "nothing": nothing["digest"], "lying": lying["digest"]}
    return content


def test_dates_cost_requests_and_are_asked_for_once_a_digest(hostile_server, port):
    server = hostile_server()
    server.fill(NAME, dated_content())
    where = f"{server.host}/{NAME}"
    port.run("tags", where, status=0)
    assert not server.asked(path="/manifests/") and not server.asked(path="/blobs/")
    document = json.loads(port.run("tags", where, "--created", "--sort", "date", "--json", status=0).stdout)
    assert [(tag["name"], tag["created"]) for tag in document["tags"]] == [
        ("lying", None), ("nothing", None), ("old", "2024-01-02T03:04:05Z"), ("noted", "2025-01-01T00:00:00Z"),
        ("new", "2026-05-06T07:08:09.123456789+02:00"), ("newest", "2026-05-06T07:08:09.123456789+02:00")]
    assert {tag["name"]: tag["digest"] for tag in document["tags"]} == server.repository(NAME).tags
    assert len(server.asked("HEAD", "/manifests/")) == 6
    assert len(server.asked("GET", "/manifests/")) == 6  # five images, one of them an index with a child
    newest = tags(port, where, "--created", "--sort", "date", "--reverse", "--limit", "1")
    assert newest[0] == "newest" and newest[1].startswith("2026-05-06")


def test_a_limit_comes_before_dates(hostile_server, port):
    server = hostile_server()
    server.fill(NAME, dated_content())
    port.run("tags", f"{server.host}/{NAME}", "--created", "--sort", "name", "--limit", "2", status=0)
    assert len(server.asked("HEAD", "/manifests/")) == 2


def test_an_image_that_cannot_be_read_has_no_date(hostile_server, port):
    server = hostile_server()
    content = dated_content()
    server.fill(NAME, content)
    del server.repository(NAME).manifests[content.tags["old"]]
    document = json.loads(port.run("tags", f"{server.host}/{NAME}", "--created", "--json", status=0).stdout)
    found = {tag["name"]: tag["created"] for tag in document["tags"]}
    assert found["old"] is None and found["noted"]
    server.on("GET", "/manifests/", hostile.error(403, "DENIED", "no"))
    port.run("tags", f"{server.host}/{NAME}", "--created", status=8)


def test_too_many_dates_are_refused_before_they_cost(listed, port):
    server, where = listed([f"t{n}" for n in range(1001)], size=1000)
    done = port.run("tags", where, "--created", status=1)
    assert "--filter" in done.stderr and done.stdout == "" and not server.asked("HEAD")


# -- listings that lie (S25)
def test_a_million_tags(hostile_server, port):
    names = [f"release-2026.11.25-{n:07d}" for n in range(1_000_000)]

    def act(exchange):
        exchange.read_body()
        page = int(urllib.parse.parse_qs(exchange.request.query).get("page", ["0"])[0])
        headers = [("Content-Type", "application/json")]
        if page < 99:
            headers.append(("Link", f'</v2/{NAME}/tags/list?page={page + 1}>; rel="next"'))
        return Response(200, headers, bodies[page])
    bodies = [json.dumps({"tags": names[n * 10_000:(n + 1) * 10_000]}).encode() for n in range(100)]
    server = hostile_server()
    server.on("GET", "/tags/list", act)
    where = f"{server.host}/{NAME}"
    running = subprocess.Popen(port.command("tags", where, "--sort", "version", "--reverse"), env=port.env,
                               stdout=subprocess.PIPE)
    first = running.stdout.readline()  # it waits for us to read the rest: all of its memory is in use now
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{running.pid}/status").read())[1])
    rest = running.stdout.read().splitlines()
    assert running.wait(30) == 0
    assert first.strip().decode() == names[-1] and [line.decode() for line in rest] == names[-2::-1]
    assert peak < 128 << 10, f"{peak} KiB"


@pytest.mark.parametrize("lie", ["same page", "own page", "new address, nothing new", "two in turn"])
def test_endless_listings_end(hostile_server, port, lie):
    server = hostile_server()
    count = [0]

    def act(exchange):
        exchange.read_body()
        count[0] += 1
        number = {"same page": 1, "own page": 0, "new address, nothing new": count[0],
                  "two in turn": count[0] % 2}[lie]
        tail = f"?n={number}" if number else "?n=1000"
        return Response(200, [("Link", f'</v2/{NAME}/tags/list{tail}>; rel="next"')], b'{"tags":["a","b"]}')
    server.on("GET", "/tags/list", act)
    done = port.run("tags", f"{server.host}/{NAME}", status=(1, 4))
    assert done.stdout == "" and count[0] < 10
    assert "listing" in done.stderr


def test_a_listing_that_breaks_off_is_no_listing(hostile_server, port):
    server = hostile_server()
    server.on("GET", "/tags/list", pages_of(["a", "b", "c"], size=1), hits=(1, 2))
    server.on("GET", "/tags/list", hostile.error(403, "DENIED", "no more"))
    done = port.run("tags", f"{server.host}/{NAME}", status=8)
    assert done.stdout == ""


def test_what_is_no_tag_is_left_out(hostile_server, port):
    server = hostile_server()
    server.on("GET", "/tags/list", hostile.answer(200, json.dumps(
        {"tags": ["good", "\x1b[2J", "../x", "a/b", "", "x" * 129, "::add-mask::x"]})))
    assert tags(port, f"{server.host}/{NAME}") == ["good"]


@pytest.mark.parametrize("arguments", [
    [], ["a.io/b:tag"], ["a.io/b@sha256:" + "0" * 64], ["a.io/b", "--sort", "age"], ["a.io/b", "--sort", "date"],
    ["a.io/b", "--limit", "0"], ["a.io/b", "--limit", "-1"], ["a.io/b", "--limit", "x"], ["a.io/b", "--filter", "v*"],
    ["a.io/b", "--filter", ""], ["a.io/b", "--filter", "regex:v"], ["a.io/b", "--filter", "x" * 300],
], ids=lambda value: " ".join(value)[:40])
def test_usage(port, arguments):
    done = port.run("tags", *arguments, status=2)
    assert done.stdout == "" and done.stderr.startswith("safeport: ")


def test_no_such_repository(start, port):
    done = port.run("tags", f"{start('one').host}/no/such", status=1)
    assert "no such repository" in done.stderr
