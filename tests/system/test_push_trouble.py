# SPDX-License-Identifier: Apache-2.0
"""What push does when a destination fails, when it is interrupted, and in which order it writes."""

import signal
import time

import pytest

from support import hostile, images, oracle, ports, registry, wire


def fail_401(server, port):
    server.auth = ("basic", "somebody", "else-entirely")
    port.login(server.host, "alice", "canary-of-alice")


def fail_403(server, _port):
    server.on("POST", "/blobs/uploads/", hostile.error(403, "DENIED", "requested access to the resource is denied"))


def fail_500(server, _port):
    server.on("*", "/v2/", hostile.error(500))


def fail_429(server, _port):
    server.on("POST", "/blobs/uploads/", hostile.answer(429, headers=[("Retry-After", "1")]))


def fail_full(server, _port):
    server.on("PUT", "/blobs/uploads/", hostile.error(507, "UNKNOWN", "no space left on device"))


def fail_manifest(server, _port):
    server.on("PUT", "/manifests/", hostile.error(500))


# failure -> exit status when it is the only destination
FAILURES = {
    "401": (fail_401, 8), "403": (fail_403, 8), "500": (fail_500, 4), "full": (fail_full, 1),
    "manifest-500": (fail_manifest, 4),
}


@pytest.mark.parametrize("name", FAILURES)
def test_one_destination_fails_and_the_others_get_it(hostile_server, start, source, port, tmp_path, name):
    break_it, alone = FAILURES[name]
    bad, good = hostile_server(), start("good")
    break_it(bad, port)
    content = images.multi(51)
    where = f"{source('registry', content)}:latest"
    port.options = ["--retry-for", "1"]
    done = port.run("push", where, "--to", f"{bad.host}/a/b", "--to", f"{good.host}/a/b", "--to", "vault:app", "--json",
                    status=1)
    assert done.report.exit_status == 1
    failed = done.report.place(bad.host)
    assert failed.error is not None and failed.message and failed.tags["latest"] in ("not_set", "unsure")
    assert "latest" not in bad.repository("a/b").tags
    for part in (good.host, "vault:app"):
        assert done.report.place(part).tags == {"latest": "set"} and done.report.place(part).error is None
    assert oracle.check_all(oracle.StoragePlace(good.storage, "a/b")) == content.tags
    assert oracle.check_all(oracle.LayoutPlace(port.vault_layout("app"))) == content.tags
    assert set(source.registry.blob_reads().values()) == {1}
    port.run("push", where, "--to", f"{bad.host}/a/b", status=alone)


def test_unreachable_destination_does_not_stop_the_others(start, source, port):
    good, nobody = start("good"), f"127.0.0.1:{ports.free_port()}"
    content = images.small(52)
    where = f"{source('layout', content)}:latest"
    done = port.run("push", where, "--to", f"{nobody}/a/b", "--to", f"{good.host}/a/b", "--json", status=1)
    assert done.report.place(nobody).error == "unreachable"
    assert oracle.check_all(oracle.StoragePlace(good.storage, "a/b")) == content.tags
    done = port.run("push", where, "--to", f"{nobody}/a/b", "--retry-for", "1", status=4)
    assert done.seconds < 8


def test_full_disk_at_a_real_registry_does_not_stop_the_others(start, source, port, tmpfs_dir, tmp_path):
    with registry.tmpfs(tmp_path / "small-disk", 2) as disk:
        bad, good = start("bad", storage=disk), start("good")
        content = images.small(53, layer_bytes=3_000_000)
        where = f"{source('layout', content)}:latest"
        done = port.run("push", where, "--to", f"{bad.host}/a/b", "--to", f"{good.host}/a/b", "--json", status=1)
        assert done.report.place(bad.host).error is not None
        assert wire.Wire.to(bad).tag_digest("a/b", "latest") is None
        assert oracle.check_all(oracle.StoragePlace(good.storage, "a/b")) == content.tags
        bad.stop()


def test_signal_ends_the_wait_that_a_throttling_registry_asked_for(hostile_server, source, port):
    server = hostile_server()
    server.on("POST", "/blobs/uploads/", hostile.answer(429, headers=[("Retry-After", "250")]))
    running = port.start("push", f"{source('layout', images.small(54))}:latest", "--to", f"{server.host}/a/b", "--json")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not server.asked("POST"):
        time.sleep(0.05)
    time.sleep(0.3)
    assert len(server.asked("POST")) <= 3, "it does not wait"
    running.signal(signal.SIGTERM)
    done = running.wait(5, status=143)
    assert done.report.places[0].tags == {"latest": "not_set"}


@pytest.mark.parametrize("stage", ["blobs", "manifests"])
def test_atomic_moves_no_tag_unless_content_is_everywhere(hostile_server, start, source, port, stage):
    bad, good = hostile_server(), start("good")
    if stage == "blobs":
        fail_403(bad, port)
    else:
        bad.on("PUT", "/manifests/", hostile.error(403, "DENIED"))
    content = images.multi(55)
    where = f"{source('layout', content)}:latest"
    to = ["--to", f"{good.host}/a/b", "--to", f"{bad.host}/a/b", "--to", "vault:app"]
    done = port.run("push", where, *to, "--atomic", "--json")
    assert done.status in (1, 8)
    assert wire.Wire.to(good).tags("a/b") == []
    assert not (port.vault_layout("app") / "index.json").exists() or \
        oracle.LayoutPlace(port.vault_layout("app")).tags() == {}
    assert done.report.place(good.host).tags == {"latest": "not_set"}
    bad.rules.clear()
    port.run("push", where, *to, "--atomic", status=0)
    assert oracle.check_all(oracle.StoragePlace(good.storage, "a/b")) == content.tags
    assert bad.repository("a/b").tags == content.tags


# -- signals
@pytest.mark.parametrize("number,status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_in_the_middle_of_an_upload(hostile_server, start, port, number, status):
    slow, one, two = hostile_server(), start("one"), start("two")
    content = images.small(56, layer_bytes=4 << 20)
    slow.fill("a/b", content)
    slow.on("GET", "/blobs/", hostile.how(drip=(32 << 10, 0.05)))
    command = ["push", f"{slow.host}/a/b:latest", "--to", f"{one.host}/a/b", "--to", f"{two.host}/a/b", "--to",
               "vault:app"]
    running = port.start(*command, "--json")
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and not (one.uploads() and two.uploads()):
        time.sleep(0.05)
    assert one.uploads() and two.uploads(), "the uploads never began"
    time.sleep(0.5)
    running.signal(number)
    done = running.wait(15, status=status)
    assert done.report.exit_status == status and done.report.error == "interrupted"
    for place in done.report.places:
        assert place.tags == {"latest": "not_set"}
    for server in (one, two):
        log = server.log()
        # docker-registry cannot cancel a session whose PUT broke off (404): what is ours is that it is asked to.
        cancelled = {e.path for e in log if e.method == "DELETE"}
        assert cancelled and all("/uploads/" in path for path in cancelled)
        assert {path.rsplit("/", 1)[1] for path in cancelled} >= {folder.name for folder in server.uploads()}
        assert wire.Wire.to(server).tags("a/b") == []
    leftovers = [p for p in port.vault.rglob("*") if p.is_file() and p.stat().st_size > 1 << 20]
    assert leftovers == [], "unfinished blobs were left in the vault"
    slow.rules.clear()
    port.run(*command, status=0)


def test_interrupted_upload_leaves_no_session(hostile_server, port):
    slow, there = hostile_server(), hostile_server(auth=("bearer", "alice", "canary-of-alice"))
    port.login(there.host, "alice", "canary-of-alice")
    slow.fill("a/b", images.small(56, layers=4, layer_bytes=4 << 20))
    slow.on("GET", "/blobs/", hostile.how(drip=(32 << 10, 0.05)))
    running = port.start("push", f"{slow.host}/a/b:latest", "--to", f"{there.host}/a/b")
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and len(there.uploads) < 4:
        time.sleep(0.05)
    assert len(there.uploads) >= 4
    time.sleep(0.3)
    running.signal(signal.SIGINT)
    running.wait(10, status=130)
    assert there.uploads == {}, "upload sessions were left behind"


def test_interrupted_while_waiting_to_try_again(hostile_server, source, port):
    server = hostile_server()
    fail_500(server, port)
    running = port.start("push", f"{source('layout', images.small(57))}:latest", "--to", f"{server.host}/a/b", "--json",
                         "--retry-for", "60")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and len(server.log) < 2:
        time.sleep(0.05)
    running.signal(signal.SIGINT)
    done = running.wait(5, status=130)
    assert done.report.error == "interrupted"


# -- the order of writes
@pytest.mark.parametrize("referrers", [True, False], ids=["referrers-api", "fallback-tag"])
def test_order_of_writes(hostile_server, source, port, referrers):
    server = hostile_server(referrers=referrers)
    content = images.multi(58).merge(images.with_referrers(59, tag="signed"))
    content.tags = {**content.tags}
    where = source("registry", content)
    port.run("push", f"{where}:latest", "--to", f"{server.host}/a/b", "--tag", "latest", "--tag", "v1.2.3", "--tag",
             "edge", "--tag", "0123abcd" * 5, status=0)
    order = [t for t in oracle.check_order(server.order()) if not t.startswith("sha256-")]
    assert order[-1] == "latest" and set(order) == {"latest", "v1.2.3", "edge", "0123abcd" * 5}
    assert order.index("v1.2.3") < order.index("edge") and order.index("0123abcd" * 5) < order.index("edge"), \
        "fixed tags come before moving ones"
    server.check_overlap()
    port.run("push", f"{where}:signed", "--to", f"{server.host}/a/b", "--tag", "latest", status=0)
    assert server.problems == []
    assert not [r for r in server.log if r.method == "DELETE" and "/uploads/" not in r.path]


def test_order_holds_in_every_prefix_when_the_connection_breaks(hostile_server, source, port):
    """Whatever request the registry dies at, `latest` never names something that is not whole."""
    content, old = images.multi(60), images.small(61)
    where = f"{source('layout', content)}:latest"
    complete = hostile_server()
    port.run("push", where, "--to", f"{complete.host}/a/b", "--tag", "v1", "--tag", "latest", status=0)
    writes = [r for r in complete.log if r.method in ("PUT", "POST")]
    for position in range(0, len(writes), 3):
        server = hostile_server()
        server.fill("a/b", old)
        count = {"n": 0}

        def die(exchange, count=count, position=position):
            count["n"] += 1
            if count["n"] <= position:
                return exchange.default()
            return hostile.drop(rst=True)(exchange)
        for method in ("PUT", "POST"):
            server.on(method, "/v2/", die)
        done = port.run("push", where, "--to", f"{server.host}/a/b", "--tag", "v1", "--tag", "latest", "--retry-for",
                        "0")
        assert done.status in (1, 4), repr(done)
        repository = server.repository("a/b")
        assert repository.tags["latest"] in (old.tags["latest"], content.tags["latest"])
        for tag in repository.tags:
            oracle.check_tag(oracle.HttpPlace(wire.Wire(server.host), "a/b"), tag)
        oracle.check_order(server.order())
        server.stop()


def test_manifest_that_is_not_there_after_its_put_is_not_tagged(hostile_server, source, port):
    """201 and yet 404: the tag stays where it was."""
    server, content = hostile_server(), images.small(62)
    server.on("PUT", "/manifests/sha256", hostile.answer(201))
    done = port.run("push", f"{source('layout', content)}:latest", "--to", f"{server.host}/a/b", "--json")
    assert done.status not in (0, 2)
    assert server.repository("a/b").tags == {} and not server.asked("PUT", "/manifests/latest")


def test_token_is_renewed_in_the_middle_of_a_push(hostile_server, source, port):
    server = hostile_server(auth=("bearer", "alice", "canary-of-alice"))
    port.login(server.host, "alice", "canary-of-alice")
    # Twice, and the second time when nothing else is on its way: a token that is revoked between its
    # fetch and its first use is refused for good, and may be.
    rules = [server.on("PUT", path, lambda e: (e.server.revoke(), e.default())[1], hits=(1,))
             for path in ("/manifests/sha256", "/manifests/latest")]
    content = images.multi(63)
    port.run("push", f"{source('layout', content)}:latest", "--to", f"{server.host}/a/b", status=0)
    assert server.repository("a/b").tags == content.tags
    assert [rule.fired for rule in rules] == [1, 1] and len(server.asked(path="^/token")) <= 7


def test_debug_and_verbose_hold_no_secret(trio, source, port):
    where = f"{source('registry', images.multi(64))}:latest"
    for option in ("--verbose", "--debug"):
        done = port.run("push", where, *trio.to, option, status=0)  # run() looks for secrets
        for token in trio.token.token.issued:
            assert token not in done.text
    assert f"/v2/{trio.name}/manifests/latest" in done.stderr, "--debug shows no request"
    quiet = port.run("push", where, *trio.to, "--quiet", status=0)
    assert quiet.stderr == ""


def test_a_registry_that_never_answers_is_asked_once_not_for_every_blob(hostile_server, source, port):
    server = hostile_server()
    server.on("*", "/v2/", hostile.how(delay_s=600))
    content = images.small(56, layers=30)
    done = port.run("push", f"{source('layout', content)}:latest", "--to", f"{server.host}/a/b", "--timeout", "1",
                    status=4, timeout_s=40)
    assert done.seconds < 25


def test_signal_ends_a_push_whose_uploads_were_throttled(hostile_server, source, port):
    server = hostile_server()
    server.on("PUT", "/blobs/uploads/", hostile.answer(429, headers=[("Retry-After", "250")]))
    running = port.start("push", f"{source('layout', images.small(57))}:latest", "--to", f"{server.host}/a/b")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not server.asked("PUT"):
        time.sleep(0.05)
    time.sleep(0.5)
    running.signal(signal.SIGTERM)
    running.wait(8, status=143)
