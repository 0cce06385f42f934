# SPDX-License-Identifier: Apache-2.0
"""The audit of `safeport log`: every write that a registry acknowledged to sync, restore and verify --repair, as its own
log of requests has it, and nothing else."""

import json
import re
import shutil
from collections import Counter
from urllib.parse import parse_qs

import pytest

from support import images, wire
from support.backed_up import BackedUp


def in_registry(registry):
    """(kind, what) of each write that the registry answered with success, counted."""
    found = Counter()
    for entry in registry.log():
        query = parse_qs(entry.query)
        if entry.status != 201:
            continue
        if entry.method == "POST" and "mount" in query:
            found["mount", query["mount"][0]] += 1
        elif entry.method in ("PUT", "POST") and "digest" in query:
            found["blob", query["digest"][0]] += 1
        elif entry.method == "PUT" and "/manifests/" in entry.path:
            name = entry.path.rsplit("/", 1)[1]
            kind = "manifest" if name.startswith("sha256:") else "record" if name == "safeport-record" else "tag"
            found[kind, name] += 1
    return found


def in_audit(run, place):
    return Counter((w["kind"], w["tag"] or w["digest"]) for w in run["changes"] if w["place"] == place)


class Audited(BackedUp):
    def last_run(self):
        runs = json.loads(self.port.run("log", "--json", status=0).stdout)["runs"]
        document = json.loads(self.port.run("log", "--json", "--run", str(runs[0]["id"]), status=0).stdout)
        return document["runs"][0]

    def clear_logs(self):
        for registry in (self.primary, self.one, self.two):
            registry.clear_log()


@pytest.fixture
def fleet(port, start, tmp_path):
    fleet = Audited(port, start, tmp_path)
    fleet.port.options = []
    fleet.put("app", images.multi(1, tag="latest", layer_bytes=4000))
    fleet.put("app", images.with_referrers(3, tag="v1.0.0"))
    fleet.put("web", images.multi(1, tag="v2.0.0", layer_bytes=4000))  # its layers are mounted from app's
    fleet.write()
    fleet.run("sync", status=0)
    return fleet



def registries(fleet, run):
    """Two repositories on a registry share its log: compare the sums."""
    for registry, side in ((fleet.one, "one"), (fleet.two, "two")):
        told = Counter()
        for name in fleet.images:
            told += in_audit(run, f"{registry.host}/{side}/{name}")
        assert told == in_registry(registry)
        assert told, "nothing was written: the test compares nothing with nothing"


def test_every_write_of_a_sync(fleet):
    run = fleet.last_run()
    registries(fleet, run)
    kinds = Counter(w["kind"] for w in run["changes"])
    assert set(kinds) == {"blob", "mount", "manifest", "tag", "record"}
    content = fleet.images["app"]
    vault = in_audit(run, "vault:app")
    assert {digest for kind, digest in vault if kind in ("blob", "mount")} >= set(content.blobs)
    lists = {tag for tag in content.tags if re.fullmatch("sha256-[0-9a-f]{64}", tag)}  # the vault lists referrers itself
    assert {tag for kind, tag in vault if kind == "tag"} == set(content.tags) - lists
    sent = [w for w in run["changes"] if w["kind"] == "blob"]
    assert all(w["size_bytes"] == len(fleet.images["app"].blobs[w["digest"]]) for w in sent
               if w["digest"] in fleet.images["app"].blobs)
    assert run["bytes_sent"] == sum(w["size_bytes"] for w in run["changes"])


def test_a_sync_that_writes_nothing(fleet):
    fleet.run("sync", status=0)
    run = fleet.last_run()
    assert run["changes"] == [] and run["writes"] == 0 and run["command"] == "sync"


def test_what_a_moving_tag_left(fleet):
    """The tag with what it named before, and the history tag that keeps that."""
    before = fleet.images["app"].tags["latest"]
    fleet.put("app", images.small(9, tag="latest"))
    fleet.clear_logs()
    fleet.run("sync", status=0)
    run = fleet.last_run()
    registries(fleet, run)
    place = f"{fleet.one.host}/one/app"
    tags = {w["tag"]: w for w in run["changes"] if w["place"] == place and w["kind"] == "tag"}
    assert tags["latest"]["digest_before"] == before
    (history,) = [tag for tag in tags if re.fullmatch(r"safeport-latest-\d{8}T\d{6}Z", tag)]
    assert tags[history]["digest"] == before


def test_every_write_of_a_repair(fleet):
    content = fleet.images["app"]
    victim = max(content.blobs, key=lambda d: len(content.blobs[d]))
    fleet.one.remove(victim)
    fleet.two.remove(content.tags["v1.0.0"])
    shutil.rmtree(fleet.two.tag_link("two/app", "v1.0.0").parents[1])
    for registry in (fleet.one, fleet.two):
        registry.restart()
    fleet.clear_logs()
    fleet.run("verify", "--repair", status=0)
    run = fleet.last_run()
    registries(fleet, run)
    assert ("tag", "v1.0.0") in in_audit(run, f"{fleet.two.host}/two/app")


def test_every_write_of_a_restore(fleet):
    fleet.lose_primary()
    fleet.clear_logs()
    fleet.run("restore", "app", "--all", status=0)
    run = fleet.last_run()
    assert run["command"] == "restore"
    told = in_audit(run, f"{fleet.primary.host}/src/app")
    assert told == in_registry(fleet.primary) and ("tag", "latest") in told
    assert wire.Wire.to(fleet.primary).tags("src/app")
