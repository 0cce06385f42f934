# SPDX-License-Identifier: Apache-2.0
"""The main job: one image to two registries and the vault in one command."""

import json
import os
import subprocess

import pytest

from support import images, oracle, skopeo, wire

FROM = pytest.mark.parametrize("kind", ["registry", "layout"])
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@FROM
def test_index_of_four_platforms_arrives_everywhere(trio, source, port, tmp_path, kind):
    content = images.multi(21)
    where = source(kind, content)
    done = port.run("push", f"{where}:latest", *trio.to, "--tag", "v1", "--tag", "latest", "--json", status=0)
    for tag in ("v1", "latest"):
        trio.check(tag, content.tags["latest"], tmp_path)
    assert done.report.digest == content.tags["latest"]
    for place in done.report.places:
        assert place.proof in ("touched", "read") and place.error is None
        assert place.tags == {"v1": "set", "latest": "set"}
    trio.check_order()


@pytest.mark.parametrize("kind,tag", [("registry", "mixed"), ("layout", "gzip"), ("layout", "zstd")])
def test_real_debian_arrives_everywhere(trio, source, port, debian, tmp_path, kind, tag):
    if kind == "registry":
        content = images.Content.from_layout(debian)
        wanted = content.tags[tag]
        content.tags = {tag: wanted}
        where = source(kind, content)
    else:
        wanted, where = oracle.LayoutPlace(debian).resolve(tag), f"oci:{debian}"
    port.run("push", f"{where}:{tag}", *trio.to, status=0)
    trio.check(tag, wanted, tmp_path)
    if kind == "registry":
        reads = source.registry.blob_reads()
        assert len(reads) == 3 and set(reads.values()) == {1}


@FROM
def test_referrers_and_cosign_tags_go_along(trio, source, port, kind):
    content = images.with_referrers(22)
    where = source(kind, content)
    done = port.run("push", f"{where}:latest", *trio.to, "--json", status=0)
    digest = content.tags["latest"]
    referrers = [d for d, (_, data) in content.manifests.items() if "subject" in json.loads(data)]
    assert len(referrers) == 3
    for place in trio.places():
        for wanted in (digest, *referrers):
            oracle.closure(place, wanted)
        assert place.resolve(digest.replace(":", "-") + ".sig") == content.tags[digest.replace(":", "-") + ".sig"]
    for server in trio.registries:  # docker-registry has no referrers API: the fallback tag lists them
        fallback = wire.Wire.to(server).manifest(trio.name, digest.replace(":", "-"))
        listed = {entry["digest"] for entry in json.loads(fallback.body)["manifests"]}
        assert listed == {d for d in referrers if json.loads(content.manifests[d][1])["subject"]["digest"] == digest}
    assert done.report.number("referrers") >= 4
    trio.check_order()


def test_no_referrers_leaves_them(trio, source, port):
    content = images.with_referrers(23)
    port.run("push", f"{source('registry', content)}:latest", *trio.to, "--no-referrers", status=0)
    assert trio.tags() == [{"latest"}] * 3


def test_docker_media_types_stay_as_they_are(trio, source, port, tmp_path):
    content = images.multi(24, docker=True)
    port.run("push", f"{source('registry', content)}:latest", *trio.to, status=0)
    for place in trio.places():  # skopeo reads no docker types from a layout
        assert oracle.check_tag(place, "latest", content.tags["latest"])
    for server in trio.registries:
        assert skopeo.pull_registry(server, trio.name, "latest", tmp_path) == content.tags["latest"]
    assert wire.Wire.to(trio.basic).manifest(trio.name, "latest").headers["Content-Type"] == images.DOCKER_LIST


def test_source_is_read_once_for_three_destinations(trio, source, port):
    content = images.multi(25)
    done = port.run("push", f"{source('registry', content)}:latest", *trio.to, "--json", status=0)
    reads = source.registry.blob_reads()
    assert set(reads) == set(content.blobs) - {d for d in content.blobs if content.blobs[d] == b""}
    assert set(reads.values()) == {1}, "a blob was read more than once"
    assert done.report.number("bytes_read") == sum(map(len, content.blobs.values()))
    assert done.report.number("repeated_reads") == 0


@FROM
def test_second_push_moves_nothing_and_proves_again(trio, source, port, kind):
    content = images.multi(26).merge(images.with_referrers(27, tag="signed"))
    where = source(kind, content)
    port.run("push", f"{where}:latest", *trio.to, "--tag", "v1", "--tag", "latest", status=0)
    index_before = os.stat(trio.layout / "index.json")
    for server in trio.registries:
        server.clear_log()
    if source.registry:
        source.registry.clear_log()
    done = port.run("push", f"{where}:latest", *trio.to, "--tag", "v1", "--tag", "latest", "--json", status=0)
    for server in trio.registries:
        assert [e for e in server.log() if e.method in WRITES] == []
    if source.registry:
        assert source.registry.blob_reads() == {}
    index_after = os.stat(trio.layout / "index.json")
    assert (index_before.st_ino, index_before.st_mtime_ns) == (index_after.st_ino, index_after.st_mtime_ns)
    for place in done.report.places:
        assert place.proof == "touched"
        assert place.tags == {"v1": "already", "latest": "already"}
        assert place.number("blobs_sent") == 0 and place.number("bytes_sent") == 0


def test_only_what_is_missing_is_sent(trio, source, port):
    content = images.multi(28)
    shared, own = [images.random_bytes(28_500 + i, 40_000) for i in range(2)]
    content.add_image([shared], tag="v1")
    content.add_image([shared, own], tag="v2")
    where = source("registry", content)
    port.run("push", f"{where}:v1", *trio.to, status=0)
    for server in (*trio.registries, source.registry):
        server.clear_log()
    done = port.run("push", f"{where}:v2", *trio.to, "--json", status=0)
    assert images.digest_of(shared) not in source.registry.blob_reads()
    for place in done.report.places:
        assert place.number("blobs_present") == 1 and place.number("blobs_sent") == 2  # own layer and config


def test_dry_run_sends_nothing_that_writes(trio, source, port):
    content = images.multi(29)
    where = source("registry", content)
    done = port.run("push", f"{where}:latest", *trio.to, "--tag", "v1", "--dry-run", "--json", status=0)
    for server in (*trio.registries, source.registry):
        assert {e.method for e in server.log()} <= {"GET", "HEAD"}
    assert source.registry.blob_reads() == {}
    assert not list(port.vault.rglob("*")) or not list(port.vault.rglob("index.json"))
    for place in done.report.places:
        assert place.tags == {"v1": "planned"}
        assert place.number("blobs_to_send") == len(content.blobs)
        assert place.number("bytes_to_send") == sum(map(len, content.blobs.values()))
    text = port.run("push", f"{where}:latest", *trio.to, "--dry-run", status=0).stdout
    assert trio.basic.host in text and "vault:app" in text


def test_human_output_names_registry_tags_digest_and_proof(trio, source, port):
    content = images.small(30)
    done = port.run("push", f"{source('registry', content)}:latest", *trio.to, "--tag", "v1", status=0)
    for repository in trio.repositories:
        assert repository in done.stdout
    assert content.tags["latest"] in done.stdout and "v1" in done.stdout and "touched" in done.stdout


# -- tags
@pytest.mark.parametrize("to,tags,wanted", [
    ("", [], {"v7"}),                             # neither: the source's tag
    (":one", [], {"one"}),                        # REPO:TAG
    (":one", ["two", "latest"], {"one", "two", "latest"}),
    ("", ["two"], {"two"}),
])
def test_tags_of_a_destination(start, source, port, to, tags, wanted):
    server = start("plain")
    content = images.small(31, tag="v7")
    options = [part for tag in tags for part in ("--tag", tag)]
    port.run("push", f"{source('layout', content)}:v7", "--to", f"{server.host}/a/b{to}", *options, status=0)
    assert set(wire.Wire.to(server).tags("a/b")) == wanted


@pytest.mark.parametrize("variable", ["GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"])
def test_tag_git_in_ci(start, source, port, variable):
    server = start("plain")
    sha = "0123456789abcdef0123456789abcdef01234567"
    content = images.small(32)
    port.run("push", f"{source('layout', content)}:latest", "--to", f"{server.host}/a/b", "--tag", "latest",
             "--tag-git", env={variable: sha}, status=0)
    tags = set(wire.Wire.to(server).tags("a/b"))
    assert "latest" in tags and len(tags) == 2
    own = (tags - {"latest"}).pop()
    assert sha.startswith(own) and len(own) >= 7
    oracle.check_order([(e.method, e.path, e.status) for e in server.log()])


def test_tag_git_from_a_checkout(start, source, port, tmp_path):
    server = start("plain")
    checkout = tmp_path / "checkout"
    folder = checkout / "deep" / "er"
    folder.mkdir(parents=True)
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run(["git", *command], cwd=checkout, check=True, env={**os.environ, "HOME": str(tmp_path)})
    sha = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True,
                         text=True).stdout.strip()
    port.run("push", f"{source('layout', images.small(33))}:latest", "--to", f"{server.host}/a/b", "--tag-git",
             cwd=folder, status=0)
    tags = wire.Wire.to(server).tags("a/b")
    assert len(tags) == 1 and sha.startswith(tags[0]) and len(tags[0]) >= 7


def test_tag_git_outside_of_a_checkout_is_said_before_anything_is_sent(start, source, port, tmp_path):
    server = start("plain")
    done = port.run("push", f"{source('layout', images.small(34))}:latest", "--to", f"{server.host}/a/b", "--tag-git",
                    cwd=tmp_path, env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}, status=2)
    assert "git" in done.stderr and server.log() == []


# -- names
def test_upper_case_is_refused_with_the_name_to_use(start, source, port):
    server = start("plain")
    where = f"{source('layout', images.small(35))}:latest"
    done = port.run("push", where, "--to", f"{server.host}/FangcunMount/x", status=2)
    assert f"{server.host}/fangcunmount/x" in done.stderr
    assert server.log() == []
    port.run("push", where, "--to", f"{server.host}/FangcunMount/x", "--lower", status=0)
    assert wire.Wire.to(server).tags("fangcunmount/x") == ["latest"]


@pytest.mark.parametrize("arguments", [
    ["push"], ["push", "SOURCE"], ["push", "--to", "HOST/a/b"], ["push", "SOURCE", "--to", ""],
    ["push", "SOURCE", "--to", "HOST/a/b", "--tag", "no/tag"], ["push", "SOURCE", "--to", "HOST/a/b", "--tag", ""],
    ["push", "SOURCE", "--to", "HOST/a/../b"], ["push", "SOURCE", "--to", "HOST/a b"],
    ["push", "SOURCE", "--to", "HOST/a/b", "--platform", "linux"], ["push", "SOURCE", "--to", "HOST/a/b", "--nothing"],
    ["push", "ftp://HOST/x", "--to", "HOST/a/b"], ["push", "SOURCE", "--to", "vault:../x"], ["nothing"], ["copy", "SOURCE"],
    ["verify", "SOURCE"],
])
def test_wrong_usage_is_2_and_sends_nothing(start, source, port, arguments):
    server = start("plain")
    where = f"{source('layout', images.small(36))}:latest"
    given = [a.replace("SOURCE", where).replace("HOST", server.host) for a in arguments]
    done = port.run(*given, status=2)
    assert done.stderr.startswith("safeport: ") and done.stdout == ""
    assert server.log() == []


def test_destinations_that_are_the_same_are_one(start, source, port):
    server = start("plain")
    there = f"{server.host}/a/b"
    done = port.run("push", f"{source('layout', images.small(36))}:latest", "--to", there, "--to", f"{there}:v1", "--to",
                    there, "--json", status=0)
    assert [place.name for place in done.report.places] == [there]
    assert "v1" in wire.Wire.to(server).tags("a/b")


def test_platform_selects_one_image_of_an_index(trio, source, port, tmp_path):
    content = images.multi(37)
    children = json.loads(content.manifests[content.tags["latest"]][1])["manifests"]
    wanted = next(c["digest"] for c in children if c["platform"].get("variant") == "v8")
    port.run("push", f"{source('registry', content)}:latest", *trio.to, "--platform", "linux/arm64/v8", status=0)
    trio.check("latest", wanted, tmp_path)
    done = port.run("push", f"{source.registry.host}/src/app:latest", *trio.to, "--platform", "linux/riscv64")
    assert done.status in (1, 2) and "linux/arm64" in done.stderr + done.stdout, repr(done)


# -- ways in
@pytest.mark.parametrize("how", ["environment", "config.json", "DOCKER_AUTH_CONFIG"])
@pytest.mark.parametrize("auth", ["basic", "token"])
def test_credentials_are_found(start, token_auth, source, port, how, auth):
    from support import registry
    if auth == "basic":
        server = start("locked", https=True, htpasswd={"alice": "canary-password-of-alice"})
    else:
        server = start("locked", token=token_auth())
    env = {}
    if how == "DOCKER_AUTH_CONFIG":
        port.use(server)
        (name, value), = [(k, v) for k, v in port.env.items() if k.startswith("SAFEPORT_AUTH_")]
        del port.env[name]
        header = registry.basic_header(*value.split(":", 1)).removeprefix("Basic ")
        env["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {server.host: {"auth": header}}})
    else:
        port.use(server, how=how)
    port.run("push", f"{source('layout', images.small(38))}:latest", "--to", f"{server.host}/a/b", env=env, status=0)
    assert oracle.check_all(oracle.StoragePlace(server.storage, "a/b"))


def test_tokens_that_live_a_minute_by_default_and_servers_without_post(start, token_auth, source, port):
    server = start("token", token=token_auth(post=False, send_expires_in=False))
    port.use(server)
    port.run("push", f"{source('layout', images.multi(39))}:latest", "--to", f"{server.host}/a/b", status=0)
    assert oracle.check_all(oracle.StoragePlace(server.storage, "a/b"))
    assert len(server.token.requests) <= 4, server.token.requests


def test_token_server_that_grants_less_is_a_permission_problem(start, token_auth, source, port):
    from support import token_server
    users = {"bob": token_server.User("canary-bobs-password", [("a/*", ("pull",))])}
    server = start("token", token=token_auth(users=users))
    port.use(server)
    done = port.run("push", f"{source('layout', images.small(40))}:latest", "--to", f"{server.host}/a/b", status=8)
    assert server.host in done.stderr + done.stdout


def test_chunked_upload(start, source, port):
    server = start("plain")
    port.run("push", f"{source('layout', images.small(41, layer_bytes=300_000))}:latest", "--to", f"{server.host}/a/b",
             "--chunked", f"{server.host}=100000", status=0)
    patches = [e for e in server.log() if e.method == "PATCH"]
    assert len(patches) >= 6 and {e.status for e in patches} == {202}
    assert oracle.check_all(oracle.StoragePlace(server.storage, "a/b"))


def test_blobs_of_a_sibling_repository_are_mounted(start, port):
    server = start("plain")
    content = images.multi(42)
    wire.Wire.to(server).put_image("a/first", content)
    server.clear_log()
    done = port.run("push", f"{server.host}/a/first:latest", "--to", f"{server.host}/a/second", "--json", status=0)
    log = server.log()
    assert sum(e.method == "POST" and "mount=" in e.query for e in log) == len(content.blobs)
    assert not [e for e in log if e.method in ("PUT", "PATCH") and "/blobs/uploads/" in e.path]
    assert server.blob_reads() == {}
    assert done.report.places[0].number("blobs_mounted") == len(content.blobs)
    assert oracle.check_all(oracle.StoragePlace(server.storage, "a/second")) == content.tags


def test_layout_as_a_destination(source, port, tmp_path):
    content = images.multi(43)
    port.run("push", f"{source('registry', content)}:latest", "--to", f"oci:{tmp_path}/out:latest", "--tag", "v1",
             status=0)
    assert set(oracle.check_all(oracle.LayoutPlace(tmp_path / "out"))) == {"latest", "v1"}
    assert skopeo.pull_layout(tmp_path / "out", "v1", tmp_path) == content.tags["latest"]


def test_source_by_digest(start, source, port):
    server = start("plain")
    content = images.multi(44)
    where = source("registry", content)
    port.run("push", f"{where}@{content.tags['latest']}", "--to", f"{server.host}/a/b:pinned", status=0)
    assert oracle.check_all(oracle.StoragePlace(server.storage, "a/b")) == {"pinned": content.tags["latest"]}


def test_missing_source_is_said_and_nothing_is_sent(start, source, port):
    server = start("plain")
    where = source("registry", images.small(45))
    done = port.run("push", f"{where}:nothing", "--to", f"{server.host}/a/b", status=1)
    assert "nothing" in done.stderr + done.stdout
    assert not [e for e in server.log() if e.method in WRITES]


def test_copy_and_verify(start, source, port):
    server = start("plain")
    content = images.multi(46)
    where = source("registry", content)
    there = f"{server.host}/a/b:v1"
    port.run("copy", f"{where}:latest", there, status=0)
    port.run("verify", f"{where}:latest", there, status=0)
    done = port.run("verify", f"{where}:latest", there, "--read", "--json", status=0)
    assert [place.proof for place in done.report.places] == ["read", "read"]
    wire.Wire.to(server).put_image("a/b", images.small(47, tag="v1"))
    port.run("verify", f"{where}:latest", there, status=1)
    port.run("verify", f"{where}:latest", f"{server.host}/a/b:nothing", status=1)


def test_json_is_one_document_and_says_what_was_done(trio, source, port):
    content = images.multi(48)
    done = port.run("push", f"{source('registry', content)}:latest", *trio.to, "--json", status=0)
    document = json.loads(done.stdout)
    assert document["exit_status"] == 0 and document["digest"] == content.tags["latest"]
    assert [place["name"] for place in document["places"]] == trio.repositories


def test_a_common_authority_serves_tls_and_plain_registries_on_loopback(source, port, trio):
    content = images.small(41)
    plain, tls = source("registry", content), trio.basic
    own = port.options.index(f"{tls.host}={tls.ca}")
    port.options[own] = tls.ca  # --ca FILE in place of --ca HOST=FILE
    port.run("push", f"{plain}:latest", "--to", f"{tls.host}/{trio.name}", status=0)
    assert wire.Wire.to(tls).tag_digest(trio.name, "latest") == content.tags["latest"]
