# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with an engine: it is not there, not ours, breaks off, or says what engines do not say."""

import hashlib
import json
import os
import shutil
import subprocess
import time

import pytest

from support import fake_engine, images, oracle, safeport

CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                     "rootfs": {"type": "layers", "diff_ids": []}}).encode()
PUSH = ("--to", "vault:app", "--tag", "v1", "--json")


def sha256(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Image:
    """An image as an engine with a classic store has it."""

    def __init__(self, layers=(b"layer one " * 500, b"layer two " * 500)):
        self.layers = [fake_engine.tar_of({f"file{number}": data}) for number, data in enumerate(layers)]
        self.diff_ids = [sha256(layer) for layer in self.layers]
        self.config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                                  "rootfs": {"type": "layers", "diff_ids": self.diff_ids}}).encode()
        self.id = sha256(self.config)

    @property
    def inspected(self):
        return fake_engine.say(200, {"Id": self.id, "Size": sum(map(len, self.layers)),
                                     "RootFS": {"Type": "layers", "Layers": self.diff_ids}})

    @property
    def tar(self):
        names = [f"{number}/layer.tar" for number in range(len(self.layers))]
        config = f"{self.id[7:]}.json"
        manifest = json.dumps([{"Config": config, "RepoTags": None, "Layers": names}]).encode()
        return fake_engine.tar_of({config: self.config, **dict(zip(names, self.layers)), "manifest.json": manifest})


@pytest.fixture
def scripted(socket_path, port):
    """Makes scripted engines: scripted([(pattern, action), ...])."""
    made = []

    def make(rules=()):
        made.append(fake_engine.Scripted(socket_path, rules))
        port.env["DOCKER_HOST"] = made[0].host
        return made[0]
    yield make
    for one in made:
        one.stop()


def serving(image, get=None):
    return [("/images/.+/json$", image.inspected),
            ("/images/.+/get$", get if get is not None else fake_engine.chunked([image.tar]))]


def vault_tags(port):
    layout = port.vault_layout("app")
    return oracle.LayoutPlace(layout).tags() if (layout / "index.json").exists() else {}


# -- not there, not ours

def test_no_engine(port, socket_path):
    port.env["DOCKER_HOST"] = f"unix://{socket_path}"
    done = port.run("push", "docker-daemon:app", *PUSH, status=4)
    assert str(socket_path) in done.report.message + done.stderr and "DOCKER_HOST" in done.text
    assert f"'{socket_path}' (No such file or directory): start it" in done.report.message
    assert not done.report.message.endswith("directory"), "the advice stands last"


@pytest.mark.parametrize("host,status,words", [
    ("ssh://me@build.example", 2, "ssh -L"),
    ("npipe:////./pipe/docker_engine", 2, "WSL"),
    ("tcp://build.example:2375", 6, "DOCKER_TLS_VERIFY=1"),
    ("tcp://192.0.2.1", 6, "DOCKER_TLS_VERIFY=1"),
    ("engine.sock", 2, "unix:///PATH"),
])
def test_addresses_that_are_refused(port, host, status, words):
    port.env["DOCKER_HOST"] = host
    done = port.run("push", "docker-daemon:app", *PUSH, status=status)
    assert words in done.report.message


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_permission_denied_says_which_group(socket_path, scripted, port, tmp_path):
    scripted()
    home = socket_path.parent / "nobody"
    home.mkdir()
    shutil.copy(safeport.binary(), home / "safeport")
    group = subprocess.run(["getent", "group", "docker", "users"], capture_output=True, text=True).stdout.split(":")
    os.chown(socket_path, 0, int(group[2]))
    os.chmod(socket_path, 0o660)
    os.chmod(socket_path.parent, 0o755)
    os.chown(home, 65534, 65534)
    env = {**port.env, "HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_STATE_HOME": str(home)}
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run([*nobody, str(home / "safeport"), "push", "docker-daemon:app", *PUSH], env=env, cwd=home,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 8, done.stderr
    message = json.loads(done.stdout)["error"]["message"]
    assert "permission denied" in message and f"usermod -aG {group[0]}" in message and "rootless" in message


def test_no_such_image_names_what_there_is(engines, port):
    port.env["DOCKER_HOST"] = engines["podman"].host
    layer = fake_engine.tar_of({"x": b"x"})
    engines["podman"].run("import", "-", "ghcr.io/team/thing:v7", data=layer)
    done = port.run("push", "docker-daemon:ghcr.io/team/thing:v8", *PUSH, status=1)
    assert "ghcr.io/team/thing:v8" in done.report.message and "'ghcr.io/team/thing:v7'" in done.report.message


def test_tcp_on_loopback_and_nowhere_else(port, start):
    """A registry is no engine, and is not taken for one."""
    server = start()
    port.env["DOCKER_HOST"] = f"tcp://{server.host}"
    done = port.run("push", "docker-daemon:app", *PUSH, status=1)
    assert "404" in done.report.message or "not a Docker-compatible engine" in done.report.message


# -- says wrong things

IMAGE = Image()
ERROR = b'{"errorDetail":{"message":"layer is gone"},"error":"layer is gone"}\r\n'
HALF = IMAGE.tar[:len(IMAGE.tar) // 2]
WRONG = {
    # name: (rules, status, words)
    "ping-without-version": ([("_ping", fake_engine.answer(200, b"OK"))], 1, "not a Docker-compatible engine"),
    "too-old": ([("_ping", b"HTTP/1.1 200 OK\r\nApi-Version: 1.24\r\nContent-Length: 2\r\n\r\nOK")], 1, "too old"),
    "ssh": ([("_ping", b"SSH-2.0-OpenSSH_9.2\r\n")], 1, "engine"),
    "hangs-up": ([("_ping", b"")], 4, "closed the connection"),
    "no-image": ([("json$", fake_engine.say(404, {"message": "No such image"}))], 1, "has no image"),
    "failing": ([("json$", fake_engine.say(500, {"message": "database is locked"}))], 4, "database is locked"),
    "no-json": ([("json$", fake_engine.answer(200, b"<html>"))], 1, "JSON"),
    "id-no-digest": ([("json$", fake_engine.say(200, {"Id": "../../etc"}))], 1, "digest"),
    "huge-answer": ([("json$", fake_engine.answer(200, b" " * (5 << 20)))], 1, "answer"),
    "control-characters": ([("json$", fake_engine.say(500, {"message": "\x1b[2J\u202egone"}))], 4, "gone"),
    "get-refused": (serving(IMAGE, fake_engine.say(500, {"message": "no space left on device"})), 1, "no space left"),
    "get-empty": (serving(IMAGE, fake_engine.chunked([])), 1, ""),
    "get-no-tar": (serving(IMAGE, fake_engine.chunked([b"hello" * 1000])), 1, "tar"),
    "get-breaks-off": (serving(IMAGE, fake_engine.chunked([HALF], end=False)), 4, ""),
    "get-ends-early": (serving(IMAGE, fake_engine.chunked([HALF])), 1, ""),
    "error-in-the-stream": (serving(IMAGE, fake_engine.chunked([HALF, ERROR])), 4, "layer is gone"),
    "error-at-once": (serving(IMAGE, fake_engine.chunked([ERROR])), 4, "layer is gone"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_engines(scripted, port, name):
    rules, status, words = WRONG[name]
    scripted(rules)
    done = port.run("push", "docker-daemon:app", *PUSH, "--retry-for", "1", status=status)
    assert words in done.report.message, done
    assert vault_tags(port) == {}


def test_stall_in_the_middle(scripted, port):
    def stall(connection, _head):
        connection.sendall(fake_engine.chunked([HALF], end=False))
        fake_engine.hang(connection)

    scripted(serving(IMAGE, stall))
    began = time.monotonic()
    done = port.run("push", "docker-daemon:app", *PUSH, "--timeout", "1", "--retry-for", "0", status=4)
    assert "stalled" in done.report.message and time.monotonic() - began < 20
    assert vault_tags(port) == {}


def test_breaks_off_once_and_is_asked_again(scripted, port):
    answers = [fake_engine.chunked([HALF], end=False), fake_engine.chunked([IMAGE.tar])]
    scripted(serving(IMAGE, lambda connection, _head: connection.sendall(answers.pop(0))))
    done = port.run("push", "docker-daemon:app", *PUSH, status=0)
    assert vault_tags(port) == {"v1": done.report.digest} and not answers


@pytest.mark.parametrize("swap", ["layer", "config", "all"])
def test_another_image_than_was_asked_for(scripted, port, swap):
    """The ID is what was asked for; a tar of something else is refused, whatever it calls itself."""
    other = Image((b"other " * 500, b"layer two " * 500))
    lying = Image()
    if swap == "layer":
        lying.layers = other.layers
    elif swap == "config":
        lying.layers, lying.config = other.layers, other.config
    else:
        lying = other
    scripted(serving(IMAGE, fake_engine.chunked([lying.tar])))
    done = port.run("push", "docker-daemon:app", *PUSH, status=5)
    assert vault_tags(port) == {} and done.report.message


def test_engine_killed_while_it_sends(engines, scripted, port):
    """The kill of a connection in the middle, again and again: nothing half is ever named."""
    big = Image((os.urandom(3 << 20), os.urandom(3 << 20)))
    whole = fake_engine.chunked([big.tar[at:at + 65536] for at in range(0, len(big.tar), 65536)])
    for cut in (10, 70_000, len(whole) // 2, len(whole) - 5):
        server = scripted(serving(big, whole[:cut]))
        server.rules = serving(big, whole[:cut])
        port.run("push", "docker-daemon:app", *PUSH, "--retry-for", "0", status=4)
        assert vault_tags(port) == {}
        server.stop()


# -- a containerd store: the ID is an index, platforms are absent, blobs are compressed

def modern(platforms_here):
    """(ID, tar, digests of the manifests that are there)."""
    content = images.multi(61, attestations=True)
    index = content.tags["latest"]
    here = {}
    for digest, (media_type, data) in content.manifests.items():
        document = json.loads(data)
        if "layers" in document and document["config"]["digest"] in content.blobs:
            config = json.loads(content.blobs[document["config"]["digest"]])
            if f"{config.get('os')}/{config.get('architecture')}" in platforms_here:
                here[digest] = document
    members = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
               f"blobs/sha256/{index[7:]}": content.manifests[index][1]}
    for digest, document in here.items():
        members[f"blobs/sha256/{digest[7:]}"] = content.manifests[digest][1]
        for blob in (document["config"], *document["layers"]):
            members[f"blobs/sha256/{blob['digest'][7:]}"] = content.blobs[blob["digest"]]
    media_type, data = content.manifests[index]
    members["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [
        {"mediaType": media_type, "digest": index, "size": len(data)}]}).encode()
    first = next(iter(here.values()))
    members["manifest.json"] = json.dumps([{
        "Config": f"blobs/sha256/{first['config']['digest'][7:]}", "RepoTags": None,
        "Layers": [f"blobs/sha256/{layer['digest'][7:]}" for layer in first["layers"]]}]).encode()
    return index, fake_engine.tar_of(members), list(here)


def test_containerd_store_with_absent_platforms(scripted, port):
    index, tar, here = modern({"linux/amd64"})
    scripted([("/json$", fake_engine.say(200, {"Id": index, "Size": 1, "RootFS": {"Layers": []}})),
              ("/get$", fake_engine.chunked([tar]))])
    done = port.run("push", "docker-daemon:app", *PUSH, status=0)
    assert [done.report.digest] == here
    again = port.run("push", "docker-daemon:app", *PUSH, status=0)
    assert again.report.digest == done.report.digest


# -- loading

LOADED = b'{"stream":"Loaded image: x\\n"}\r\n'
OK_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


def loading(answer, inspected=None):
    def load(connection, head):
        fake_engine.drain(connection, head)
        connection.sendall(answer)
    return [("POST .*/images/load", load),
            ("/json$", inspected or fake_engine.say(404, {"message": "No such image"}))]


def stop_reading(connection, head):
    fake_engine.drain(connection, head, 4096)
    connection.sendall(OK_HEAD + b'{"error":"unexpected EOF"}\r\n')


def go_away(connection, head):
    fake_engine.drain(connection, head, 4096)


BAD_LOADS = {
    "error-in-a-200": (loading(OK_HEAD + b'{"error":"invalid diffID"}\r\n'), 1, "invalid diffID"),
    "no-room": (loading(OK_HEAD + b'{"error":"write: no space left on device"}\r\n'), 1, "docker system df"),
    "500": (loading(fake_engine.say(500, {"message": "cannot load"})), 4, "cannot load"),
    "no-json": (loading(OK_HEAD + b"Loaded image: x\n"), 1, "engines do not say"),
    "says-loaded-and-has-not": (loading(OK_HEAD + LOADED), 1, "does not have it"),
    "has-another": (loading(OK_HEAD + LOADED, Image((b"another",)).inspected), 1, "another image"),
    "stops-reading": ([("POST .*/images/load", stop_reading)], 1, "unexpected EOF"),
    "goes-away": ([("POST .*/images/load", go_away)], 4, ""),
    "silent": ([("POST .*/images/load", lambda c, h: (fake_engine.drain(c, h), fake_engine.hang(c)))], 4, "stalled"),
}


@pytest.mark.parametrize("name", BAD_LOADS)
def test_bad_loads(scripted, port, tmp_path, name):
    rules, status, words = BAD_LOADS[name]
    scripted(rules)
    layout = images.small(62, layer_bytes=400_000).write_layout(tmp_path / "layout")
    done = port.run("push", f"oci:{layout}:latest", "--to", "docker-daemon:app", "--tag", "v1", "--json",
                    "--timeout", "1", "--retry-for", "1", status=status)
    place = done.report.places[0]
    assert words in place.message, done
    assert place.tags["v1"] in ("not_set", "unsure")


def test_one_engine_fails_and_the_registry_gets_it(scripted, start, port, tmp_path):
    scripted(BAD_LOADS["error-in-a-200"][0])
    server = start()
    content = images.small(63)
    layout = content.write_layout(tmp_path / "layout")
    done = port.run("push", f"oci:{layout}:latest", "--to", "docker-daemon:app", "--to", f"{server.host}/a/b", "--json",
                    status=1)
    assert done.report.place(server.host).tags == {"latest": "set"}
    assert oracle.check_all(oracle.StoragePlace(server.storage, "a/b")) == content.tags
