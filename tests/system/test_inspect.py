# SPDX-License-Identifier: Apache-2.0
"""inspect: the same facts as skopeo's, exact bytes, as few manifest GETs as said, and nothing that a registry can say
reaches a terminal or hides the rest."""

import hashlib
import json
import os
import pty
import re
import subprocess
import unicodedata

import pytest

from support import actions, hostile, images, skopeo, wire

NAME = "a/b"


@pytest.fixture(params=["registry", "layout", "vault"])
def place(request, start, tmp_path, port):
    """Puts a content somewhere: place(content) -> (safeport's name, skopeo's name, skopeo's options)."""
    def put(content):
        layout = content.write_layout(tmp_path / "layout")
        if request.param == "layout":
            return f"oci:{layout}", f"oci:{layout}", []
        if request.param == "vault":
            tags = [part for tag in content.tags for part in ("--tag", tag)]
            port.run("push", f"oci:{layout}:{next(iter(content.tags))}", "--to", "vault:app", *tags, status=0)
            return "vault:app", f"oci:{port.vault_layout('app')}", []
        registry = start("one")
        wire.Wire.to(registry).put_image(NAME, content)
        return f"{registry.host}/{NAME}", f"docker://{registry.host}/{NAME}", ["--tls-verify=false"]
    return put


def facts(port, *arguments, status=0):
    return json.loads(port.run("inspect", *arguments, "--json", status=status).stdout)


def skopeo_bytes(source, options, *more):
    done = subprocess.run(["skopeo", "inspect", *more, *options, source], capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def exact(port, *arguments):
    """stdout as bytes."""
    done = subprocess.run(port.command("inspect", *arguments), env=port.env, capture_output=True, cwd=port.home)
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    return done.stdout


# -- the same as skopeo
@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_an_image_is_what_skopeo_says(place, port, docker):
    where, other, options = place(images.small(801, layers=3, docker=docker))
    if docker and other.startswith("oci:"):
        pytest.skip("skopeo reads no docker manifests from a layout")
    doc = facts(port, f"{where}:latest")
    theirs = json.loads(skopeo_bytes(f"{other}:latest", options, "--no-tags"))
    image, content = doc["image"], doc["image"]["config"]["content"]
    assert [layer["digest"] for layer in image["layers"]] == theirs["Layers"]
    assert content["created"] == theirs["Created"]
    assert content["platform"] == f"{theirs['Os']}/{theirs['Architecture']}"
    assert (content["labels"] or None) == theirs["Labels"]
    assert content["env"] == (theirs.get("Env") or [])
    raw = skopeo_bytes(f"{other}:latest", options, "--raw")
    assert [layer["size_bytes"] for layer in image["layers"]] == [layer["size"] for layer in json.loads(raw)["layers"]]
    assert doc["digest"] == image["digest"] == images.digest_of(raw) and doc["size_bytes"] == len(raw)
    assert image["total_bytes"] == len(raw) + image["config"]["size_bytes"] + sum(
        layer["size_bytes"] for layer in image["layers"])


def test_raw_and_config_are_exact(place, port):
    where, other, options = place(images.multi(802))
    raw = exact(port, f"{where}:latest", "--raw")
    assert raw == skopeo_bytes(f"{other}:latest", options, "--raw")
    child = exact(port, f"{where}:latest", "--raw", "--platform", "linux/arm64")
    entry = next(e for e in json.loads(raw)["manifests"] if e["platform"]["architecture"] == "arm64")
    assert images.digest_of(child) == entry["digest"]
    config = exact(port, f"{where}:latest", "--config", "--platform", "linux/arm64")
    assert images.digest_of(config) == json.loads(child)["config"]["digest"]
    theirs = skopeo_bytes(f"{other}:latest", options, "--config", "--raw", "--override-arch", "arm64",
                          "--override-variant", "v8")
    assert config == theirs
    by_digest = exact(port, f"{where}@{images.digest_of(raw)}", "--raw")
    assert by_digest == raw


def test_an_index_names_its_platforms(place, port):
    content = images.multi(803)
    where, _, _ = place(content)
    doc = facts(port, f"{where}:latest")
    real = [entry for entry in doc["platforms"] if not entry["attestation_for"]]
    assert [entry["platform"] for entry in real] == list(images.PLATFORMS)
    assert all(entry["image"] is None for entry in doc["platforms"]) and doc["image"] is None
    attested = [entry["attestation_for"] for entry in doc["platforms"] if entry["attestation_for"]]
    assert attested == [entry["digest"] for entry in real[:2]]
    one = facts(port, f"{where}:latest", "--platform", "linux/arm/v7")["platforms"]
    assert [entry["platform"] for entry in one if entry["image"]] == ["linux/arm/v7"]
    every = facts(port, f"{where}:latest", "--all")["platforms"]
    assert [entry["platform"] for entry in every if entry["image"]] == list(images.PLATFORMS)
    for entry in every:
        if entry["image"]:
            assert entry["image"]["config"]["content"]["platform"] == entry["platform"]
    wrong = port.run("inspect", f"{where}:latest", "--platform", "plan9/mips", status=1)
    assert "linux/arm/v7" in wrong.stderr and "plan9/mips" in wrong.stderr


def test_an_index_of_one_platform_is_looked_into(port, tmp_path):
    content = images.Content()
    child = content.add_image([b"x" * 1000], arch="linux/amd64")
    statement = content.add_artifact("application/vnd.in-toto+json", b"{}")
    content.add_index([{**child, "platform": images.platform("linux/amd64")},
                       {**statement, "platform": images.platform("unknown/unknown")}], tag="latest")
    where = f"oci:{content.write_layout(tmp_path / 'one')}"
    assert facts(port, where)["platforms"][0]["image"]["layers"]
    assert images.digest_of(exact(port, where, "--config")) == facts(
        port, where)["platforms"][0]["image"]["config"]["digest"]


@pytest.mark.parametrize("api", [True, False], ids=["api", "fallback tag"])
def test_referrers_and_cosign_tags(hostile_server, port, api):
    server = hostile_server(referrers=api)
    content = images.with_referrers(804, fallback=not api)
    server.fill(NAME, content)
    digest = content.tags["latest"]
    doc = facts(port, f"{server.host}/{NAME}")
    assert sorted(entry["artifact_type"] for entry in doc["referrers"]) == [
        "application/spdx+json", "application/vnd.dev.sigstore.bundle.v0.3+json"]
    assert {entry["subject"] for entry in doc["referrers"]} == {digest}
    tag = digest.replace(":", "-") + ".sig"
    assert doc["cosign"] == [{"subject": digest, "tag": tag, "digest": content.tags[tag]}]
    text = port.run("inspect", f"{server.host}/{NAME}", status=0).stdout
    assert "application/spdx+json" in text and tag in text
    without = facts(port, f"{server.host}/{NAME}", "--no-referrers")
    assert without["referrers"] == [] and without["cosign"] == []


# -- what it costs
@pytest.mark.parametrize("more, gets", [
    ([], 1), (["--platform", "linux/arm64"], 2), (["--all"], 5), (["--raw"], 1),
    (["--raw", "--platform", "linux/arm64"], 2), (["--config", "--platform", "linux/arm64"], 2),
], ids=lambda value: " ".join(value) if isinstance(value, list) else str(value))
def test_manifest_gets_are_as_few_as_the_manual_says(hostile_server, port, more, gets):
    server = hostile_server(referrers=True)
    server.fill(NAME, images.multi(805))
    port.run("inspect", f"{server.host}/{NAME}:latest", *more, status=0)
    assert len(server.asked("GET", "/manifests/")) == gets
    assert not server.asked("PUT") and not server.asked("POST") and not server.asked("DELETE")


def test_pulls_left_are_told(hostile_server, port):
    server = hostile_server(referrers=True)
    server.fill(NAME, images.small(806))
    server.on("*", "/manifests/", hostile.with_headers(("ratelimit-limit", "100;w=21600"),
                                                       ("ratelimit-remaining", "76;w=21600")))
    assert facts(port, f"{server.host}/{NAME}")["pulls_left"] == 76
    assert "76 left" in port.run("inspect", f"{server.host}/{NAME}", status=0).stdout


# -- trouble
def test_what_is_missing_is_told_and_the_rest_is_shown(hostile_server, port):
    server = hostile_server(referrers=True)
    content = images.multi(807, attestations=False)
    lost = json.loads(content.manifests[content.tags["latest"]][1])["manifests"][1]["digest"]
    del content.manifests[lost]
    server.fill(NAME, content)
    doc = facts(port, f"{server.host}/{NAME}", "--all", status=1)
    assert doc["exit_status"] == 1 and [problem["code"] for problem in doc["problems"]] == ["not-found"]
    assert lost in doc["problems"][0]["message"]
    assert [bool(entry["image"]) for entry in doc["platforms"]] == [True, False, True, True]
    text = port.run("inspect", f"{server.host}/{NAME}", "--all", status=1)
    assert lost in text.stderr and "linux/s390x" in text.stdout


@pytest.mark.parametrize("config", [b"", b"{", b"[]", b'{"config":{"Env":7}}', b"\xff" * 50, b"{}" * 2])
def test_a_config_that_cannot_be_read_is_a_problem(port, tmp_path, config):
    content = images.Content()
    layer = content.add_blob(images.LAYER, b"layer")
    manifest = {"schemaVersion": 2, "mediaType": images.MANIFEST, "layers": [layer],
                "config": content.add_blob(images.CONFIG, config)}
    content.add_manifest(images.MANIFEST, manifest, tag="latest")
    where = f"oci:{content.write_layout(tmp_path / 'l')}"
    doc = facts(port, where, status=1)
    assert doc["image"]["config"]["content"] is None and doc["problems"][0]["code"] == "invalid"
    assert exact(port, where, "--config") == config


def test_wrong_bytes_are_an_integrity_error(hostile_server, port):
    server = hostile_server(referrers=True)
    content = images.small(808)
    server.fill(NAME, content)
    config = json.loads(content.manifests[content.tags["latest"]][1])["config"]["digest"]
    server.on("GET", f"/blobs/{config}", hostile.flip(3))
    doc = facts(port, f"{server.host}/{NAME}", status=5)
    assert doc["problems"][0]["code"] == "digest" and doc["image"]["layers"]
    server.on("GET", "/manifests/", hostile.flip(5))
    for more in ([], ["--raw"], ["--config"]):
        done = port.run("inspect", f"{server.host}/{NAME}", *more, status=5)
        assert done.stdout == ""


def test_a_config_larger_than_memory_is_refused(hostile_server, port):
    server = hostile_server(referrers=True)
    content = images.Content()
    config = {"mediaType": images.CONFIG, "digest": "sha256:" + "0" * 64, "size": 1 << 40}
    content.add_manifest(images.MANIFEST, {"schemaVersion": 2, "mediaType": images.MANIFEST, "layers": [],
                                           "config": config}, tag="latest")
    server.fill(NAME, content)
    assert facts(port, f"{server.host}/{NAME}", status=1)["problems"][0]["code"] == "limit"
    assert not server.asked("GET", "/blobs/")


@pytest.mark.parametrize("arguments", [
    [], ["x", "y"], ["oci:/nowhere:x", "--config", "--raw"],
    ["oci:/nowhere:x", "--all", "--platform", "linux/amd64"], ["oci:/nowhere:x", "--all", "--raw"],
    ["oci:/nowhere:x", "--platform", "/"], ["ghcr.io/Upper/x"],
], ids=" ".join)
def test_usage(port, arguments):
    done = port.run("inspect", *arguments, status=2)
    assert done.stdout == "" and done.stderr.startswith("safeport: ")


def test_raw_and_json_are_two_things(port):
    done = port.run("inspect", "oci:/nowhere:x", "--raw", "--json", status=2)
    assert json.loads(done.stdout)["error"]["code"] == "usage" and done.stderr.startswith("safeport: ")


def test_an_index_has_no_config_of_its_own(port, tmp_path):
    where = f"oci:{images.multi(809).write_layout(tmp_path / 'l')}:latest"
    assert "--platform" in port.run("inspect", where, "--config", status=2).stderr


# -- what is shown
NASTY = ["\x1b[2J", "\x1b]52;c;aGk=\x07", "\u202egnp.exe", "a\nb", "\r::error::x", "::add-mask::x", "##[add-mask]x",
         "\u0085", "%0A", "中文标签", "é" * 400]


def nasty_content():
    """Every text that an image can carry is hostile."""
    content = images.Content()
    layer = content.add_blob("application/vnd.x.y+z", b"layer")
    texts = {text: text for text in NASTY}
    config = {"created": NASTY[0], "author": NASTY[1], "architecture": "::error::a", "os": NASTY[2],
              "config": {"User": NASTY[3], "WorkingDir": NASTY[4], "Env": NASTY, "Entrypoint": NASTY, "Cmd": NASTY,
                         "Labels": texts, "ExposedPorts": {text: {} for text in NASTY}, "StopSignal": NASTY[5],
                         "Volumes": {text: {} for text in NASTY}},
              "rootfs": {"type": "layers", "diff_ids": NASTY},
              "history": [{"created": text, "created_by": text, "comment": text} for text in NASTY]}
    manifest = {"schemaVersion": 2, "mediaType": images.MANIFEST, "layers": [layer], "annotations": texts,
                "config": content.add_blob(images.CONFIG, json.dumps(config).encode())}
    child = content.add_manifest(images.MANIFEST, manifest)
    entries = [{**child, "platform": {"os": text[:30], "architecture": text[:30]},
                "annotations": {"vnd.docker.reference.digest": text}} for text in NASTY]
    content.add_index([{**child, "platform": images.platform("linux/amd64")}, *entries], tag="latest",
                      annotations=texts)
    return content


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_hostile_texts_reach_no_terminal_and_no_runner(port, tmp_path, form):
    where = f"oci:{nasty_content().write_layout(tmp_path / 'l')}:latest"
    runner = actions.Runner(tmp_path / "runner")
    done = port.run("inspect", where, "--platform", "linux/amd64", *form, env=runner.env, status=0)
    assert actions.commands(done.stdout) == []
    assert "中文标签" in done.stdout
    if form:
        assert json.loads(done.stdout)["annotations"] == {text: text for text in NASTY}


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_a_terminal_of_80_columns_is_enough(port, tmp_path):
    content = nasty_content()
    content.merge(images.multi(810, tag="plain"))
    layout = content.write_layout(tmp_path / "l")
    for tag in ("latest", "plain"):
        master, slave = pty.openpty()
        done = subprocess.Popen(port.command("inspect", f"oci:l:{tag}", "--platform", "linux/amd64"), stdout=slave,
                                env={**port.env, "TERM": "xterm"}, cwd=layout.parent)
        os.close(slave)
        said = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            said += piece
        os.close(master)
        assert done.wait(30) == 0
        lines = said.decode().replace("\r\n", "\n").splitlines()
        assert len(lines) > 10
        assert not [line for line in lines if columns(line) > 80], tag


def test_history_and_sizes_in_text(port, tmp_path):
    content = images.Content()
    layers = [content.add_blob(images.LAYER, bytes(size)) for size in (5000, 70)]
    config = {"created": "2026-01-02T03:04:05Z", "os": "linux", "architecture": "amd64",
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64, "sha256:" + "2" * 64]},
              "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "ADD base"},
                          {"created": "2026-01-02T00:00:00Z", "created_by": "ENV A=1", "empty_layer": True},
                          {"created": "2026-01-02T00:00:01Z", "created_by": "RUN make"}]}
    content.add_manifest(images.MANIFEST, {"schemaVersion": 2, "mediaType": images.MANIFEST, "layers": layers,
                                           "config": content.add_blob(images.CONFIG, json.dumps(config).encode())},
                         tag="latest")
    text = port.run("inspect", f"oci:{content.write_layout(tmp_path / 'l')}", status=0).stdout
    history = text.split("history:\n")[1].splitlines()[:3]
    assert [re.split(r"\s{2,}", line.strip()) for line in history] == [
        ["2026-01-01", "4.9 KiB", "ADD base"], ["2026-01-02", "-", "ENV A=1"], ["2026-01-02", "70 B", "RUN make"]]
    assert hashlib.sha256(exact(port, f"oci:{tmp_path / 'l'}", "--raw")).hexdigest() in text
    assert skopeo.raw(f"oci:{tmp_path / 'l'}:latest")["layers"][0]["size"] == 5000
