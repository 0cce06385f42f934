# SPDX-License-Identifier: Apache-2.0
"""The rig itself: another client agrees with it, and its oracles see what they are there to see."""

import subprocess

import pytest

from support import hostile, images, oracle, registry, safeport, wire


def skopeo(*arguments):
    return subprocess.run(["skopeo", *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("auth", [None, ("basic", "eve", "canary-of-eve"), ("bearer", "eve", "canary-of-eve")])
def test_skopeo_copies_through_the_scripted_registry(hostile_server, tmp_path, auth):
    server = hostile_server(auth=auth)
    content = images.multi(11, attestations=False)
    layout = content.write_layout(tmp_path / "layout")
    creds = ["--dest-creds", "eve:canary-of-eve"] if auth else []
    out = skopeo("copy", "--all", "--preserve-digests", "--dest-tls-verify=false", *creds,
                 f"oci:{layout}:latest", f"docker://{server.host}/a/b:latest")
    assert out.returncode == 0, out.stderr
    creds = ["--src-creds", "eve:canary-of-eve"] if auth else []
    out = skopeo("copy", "--all", "--preserve-digests", "--src-tls-verify=false", *creds,
                 f"docker://{server.host}/a/b:latest", f"dir:{tmp_path}/back")
    assert out.returncode == 0, out.stderr
    assert images.digest_of((tmp_path / "back" / "manifest.json").read_bytes()) == content.tags["latest"]
    assert server.problems == []


def test_wire_fills_both_kinds_of_registry(start, hostile_server, token_auth):
    content = images.multi(12).merge(images.with_referrers(13, tag="signed"))
    servers = [start("basic", https=True, htpasswd={"alice": "canary-of-alice"}), start("token", token=token_auth())]
    for server in servers:
        client = wire.Wire.to(server)
        client.put_image("a/b", content)
        assert oracle.check_all(oracle.HttpPlace(client, "a/b")) == content.tags
        assert oracle.check_all(oracle.StoragePlace(server.storage, "a/b")) == content.tags
    scripted = hostile_server(referrers=True)
    wire.Wire(scripted.host).put_image("a/b", content)
    assert oracle.check_all(oracle.HttpPlace(wire.Wire(scripted.host), "a/b")) == content.tags


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "poison"])
def test_oracle_finds_damage(start, damage):
    server = start("plain")
    content = images.small(14)
    client = wire.Wire.to(server)
    client.put_image("a/b", content)
    victim = sorted(content.blobs)[0]
    if damage == "truncate":
        server.truncate(victim, 10)
    else:
        getattr(server, damage)(victim)
    with pytest.raises(oracle.Damage):
        oracle.check_tag(oracle.StoragePlace(server.storage, "a/b"), "latest")


GOOD_ORDER = [("PUT", "/v2/a/b/blobs/uploads/1", 201), ("PUT", "/v2/a/b/manifests/sha256:1", 201),
              ("GET", "/v2/a/b/manifests/sha256:1", 200), ("PUT", "/v2/a/b/manifests/v1", 201),
              ("PUT", "/v2/a/b/manifests/latest", 201), ("DELETE", "/v2/a/b/blobs/uploads/2", 204)]
LISTS = [f"/v2/a/b/manifests/sha256-{letter * 64}" for letter in "ab"]  # fallback tags of two subjects
LISTS_TOGETHER = [*GOOD_ORDER[:3], ("PUT", LISTS[0], 201), ("PUT", "/v2/a/b/manifests/sha256:9", 201),
                  ("GET", "/v2/a/b/manifests/sha256:9", 200), ("PUT", LISTS[1], 201), *GOOD_ORDER[3:]]
WRONG_ORDERS = {
    "a manifest is deleted": [*GOOD_ORDER, ("DELETE", "/v2/a/b/manifests/sha256:1", 202)],
    "a blob is deleted": [*GOOD_ORDER, ("DELETE", "/v2/a/b/blobs/sha256:1", 202)],
    "latest before another": [*GOOD_ORDER[:3], GOOD_ORDER[4], GOOD_ORDER[3]],
    "not read back": [*GOOD_ORDER[:2], *GOOD_ORDER[3:]],
    "read back before the PUT": [GOOD_ORDER[0], GOOD_ORDER[2], GOOD_ORDER[1], *GOOD_ORDER[3:]],
    "blob after the tag": [*GOOD_ORDER[1:4], GOOD_ORDER[0]],
    "blob after a list": [*LISTS_TOGETHER[:4], GOOD_ORDER[0], *LISTS_TOGETHER[4:]],
    "list after the tag": [*LISTS_TOGETHER[:3], GOOD_ORDER[3], *LISTS_TOGETHER[3:7]],
    "child after the tag": [*GOOD_ORDER, ("PUT", "/v2/a/b/manifests/sha256:2", 201)],
}


@pytest.mark.parametrize("name", WRONG_ORDERS)
def test_order_oracle_sees(name):
    assert oracle.check_order(GOOD_ORDER) == ["v1", "latest"]
    assert oracle.check_order(LISTS_TOGETHER)[2:] == ["v1", "latest"]
    with pytest.raises(oracle.Disorder):
        oracle.check_order(WRONG_ORDERS[name])


def test_secrets_are_found_in_any_disguise():
    import base64
    for secret in ("canary-of-alice", "canary-of-alice1", "canary-of-alice12"):
        for user in ("a:", "al:", "ali:"):
            for tail in ("", "x", "xy"):
                coded = base64.b64encode((user + secret + tail).encode()).decode()
                assert safeport.find_secret("log: " + coded, [secret]) == secret
        assert safeport.find_secret("?password=" + secret, [secret]) == secret
        assert safeport.find_secret("nothing here", [secret]) is None


def test_scripted_registry_misbehaves_as_told(hostile_server):
    server = hostile_server()
    content = images.small(15)
    server.fill("a/b", content)
    digest = max(content.blobs, key=lambda d: len(content.blobs[d]))
    server.on("GET", "/blobs/", hostile.flip(-1), hits=1)
    server.on("GET", "/blobs/", hostile.how(cut_after=100), hits=1)
    server.on("GET", "/blobs/", hostile.answer(429, headers=[("Retry-After", "1")]), hits=1)
    client = wire.Wire(server.host)
    assert client.blob("a/b", digest).body != content.blobs[digest]
    with pytest.raises(wire.http.client.IncompleteRead):
        client.blob("a/b", digest)
    client.close()
    assert client.blob("a/b", digest).status == 429
    assert client.blob("a/b", digest).body == content.blobs[digest]
    assert [r.status for r in server.asked("GET", "/blobs/")] == [200, 200, 429, 200]


def test_access_log_counts_blob_reads(start):
    server = start("plain")
    content = images.small(16)
    client = wire.Wire.to(server)
    client.put_image("a/b", content)
    server.clear_log()
    digest = sorted(content.blobs)[0]
    client.blob("a/b", digest)
    client.blob("a/b", digest)
    client.request("GET", f"/v2/a/b/blobs/{digest}", headers={"Range": "bytes=-1"})
    assert server.blob_reads() == {digest: 2}
    assert isinstance(server.log()[0], registry.Access)
