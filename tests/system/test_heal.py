# SPDX-License-Identifier: Apache-2.0
"""Damage at a backup: healed, or not called good. docker-registry keeps bad bytes in spite of a 201, and a warm cache
makes HEAD lie: see each scenario."""

import random
import subprocess
import time

import pytest

from support import images, oracle, registry, wire


def layers_of(content):
    """The digests of the largest blobs first."""
    return sorted(content.blobs, key=lambda d: (-len(content.blobs[d]), d))


@pytest.fixture
def backup(start, source, port):
    """A backup with an image that was pushed once and read (cache warm): (registry, content, push, verify)."""
    class Backup:
        server = start("backup", cache=True)
        content = images.multi(71)
        where = f"{source('registry', content)}:latest"
        there = f"{server.host}/a/b"

        def push(self, *options, **more):
            return port.run("push", self.where, "--to", self.there, *options, "--json", **more)

        def verify(self, *options, **more):
            return port.run("verify", self.where, f"{self.there}:latest", *options, "--json", **more)

        def is_whole(self):
            """Read from the disk and through the registry."""
            client = oracle.HttpPlace(wire.Wire.to(self.server), "a/b")
            for place in (oracle.StoragePlace(self.server.storage, "a/b"), client):
                oracle.check_tag(place, "latest", self.content.tags["latest"])
            return True
    one = Backup()
    one.push(status=0)
    client = wire.Wire.to(one.server)
    for digest in one.content.blobs:
        client.request("HEAD", f"/v2/a/b/blobs/{digest}")
    return one


def healed(backup, done):
    """Exit 0 and whole; or exit 5 and no tag on it, and whole once the registry's cache is gone: what a warm cache
    claims to have (manifests, too) cannot be put back into a running docker-registry."""
    if done.status:
        assert done.status == 5 and "sha256:" in done.stdout, repr(done)
        backup.server.restart()
        backup.push(status=0)
    assert backup.is_whole()


def test_wiped_storage_under_a_running_registry_is_healed(backup):
    """The case in which other tools exit 0 and the image cannot be pulled."""
    backup.server.wipe()
    digest = layers_of(backup.content)[0]
    claim = wire.Wire.to(backup.server).request("HEAD", f"/v2/a/b/blobs/{digest}")
    assert claim.status == 200, "the cache of this registry does not lie: nothing would be shown"
    healed(backup, backup.push())
    assert set(backup.content.blobs) <= {d for d in backup.content.blobs if backup.server.blob_path(d).exists()}


def test_wiped_blobs_with_repositories_left_are_healed(backup):
    """Only the blob directories are lost; links and cache still claim all of them."""
    for digest in backup.content.blobs:
        backup.server.remove(digest)
    backup.push(status=0)
    assert backup.is_whole()


@pytest.mark.parametrize("which", [0, -1], ids=["layer", "config"])
def test_lost_blob_is_sent_again(backup, which):
    victim = layers_of(backup.content)[which]
    backup.server.remove(victim)
    done = backup.verify(status=(1, 5))  # 5: the cache claims it, the body is short
    assert victim in done.stdout
    done = backup.push(status=0)
    assert done.report.places[0].number("blobs_sent") == 1
    assert backup.is_whole()


@pytest.mark.parametrize("size", [0, 1, 1000, -1], ids=["empty", "one-byte", "1000-bytes", "last-byte-gone"])
@pytest.mark.parametrize("restarted", [False, True], ids=["warm", "restarted"])
def test_truncated_blob_is_never_called_good(backup, size, restarted):
    """docker-registry keeps the short file in spite of a 201: that must be said, with exit 5 and the blob's name."""
    victim = layers_of(backup.content)[0]
    backup.server.truncate(victim, size if size >= 0 else len(backup.content.blobs[victim]) - 1)
    if restarted:
        backup.server.restart()
    done = backup.verify()
    assert done.status in (1, 5) and victim in done.stdout, repr(done)
    done = backup.push()
    if done.status == 0:
        assert backup.is_whole()
        return
    assert done.status == 5, repr(done)
    assert victim in done.stdout
    assert "restart" in done.stdout
    backup.server.remove(victim)  # what the message tells the operator to do
    backup.server.restart()
    backup.push(status=0)
    assert backup.is_whole()


@pytest.mark.parametrize("offset", [0, 15_000, -1], ids=["first", "middle", "last"])
def test_flipped_byte_is_found_by_reading(backup, offset):
    victim = layers_of(backup.content)[0]
    backup.server.flip(victim, offset if offset >= 0 else len(backup.content.blobs[victim]) - 1)
    done = backup.verify("--read", status=5)
    assert victim in done.stdout
    assert {d["digest"] for d in done.report.places[1].damage} == {victim}
    assert done.report.places[0].damage == []


def test_flipped_byte_in_the_source_is_found_and_not_spread(start, source, port):
    content = images.small(72)
    where = f"{source('registry', content)}:latest"
    victim = layers_of(content)[0]
    source.registry.flip(victim)
    server = start("backup")
    done = port.run("push", where, "--to", f"{server.host}/a/b", "--json", status=5)
    assert victim in done.stdout
    assert wire.Wire.to(server).tags("a/b") == [] and not server.blob_path(victim).exists()


@pytest.mark.parametrize("damage", ["flip", "truncate", "poison", "remove"])
@pytest.mark.parametrize("what", ["index", "child"])
def test_damaged_manifest_is_never_called_good(backup, damage, what):
    digest = backup.content.tags["latest"]
    victim = digest if what == "index" else next(d for d in backup.content.manifests if d != digest)
    if damage == "truncate":
        backup.server.truncate(victim, 50)
    else:
        getattr(backup.server, damage)(victim)
    done = backup.push("--retry-for", "1")
    if done.status == 0:
        assert backup.is_whole()
        return
    assert done.status in (1, 4, 5) and victim in done.stdout, repr(done)
    assert backup.verify("--retry-for", "0").status != 0
    if damage == "remove":
        healed(backup, done)


def test_empty_tag_link_is_written_again(backup):
    """What kill -9 of a registry leaves of a tag: GET answers 500."""
    backup.server.tag_link("a/b", "latest").write_text("")
    backup.push(status=0)
    assert backup.is_whole()


def test_tag_that_moved_is_put_right(backup):
    wire.Wire.to(backup.server).put_image("a/b", images.small(73))
    backup.push(status=0)
    assert backup.is_whole()


def test_random_damage_is_always_found(start, source, port):
    """Flips, truncations and removals, all found by reading; the seed is in the failure."""
    seed = time.time_ns() & 0xFFFFFF
    chance = random.Random(seed)
    content = images.multi(74, layer_bytes=5_000)
    where = f"{source('registry', content)}:latest"
    server = start("backup")
    there = f"{server.host}/a/b:latest"
    port.run("push", where, "--to", there, status=0)
    stored = [*content.blobs, *content.manifests]
    for round_number in range(15):
        victim = chance.choice(stored)
        path = server.blob_path(victim)
        good = path.read_bytes()
        damage = chance.choice(["flip", "truncate", "remove"])
        if damage == "flip":
            server.flip(victim, chance.randrange(len(good)))
        elif damage == "truncate":
            server.truncate(victim, chance.randrange(len(good)))
        else:
            path.unlink()
        done = port.run("verify", where, there, "--read", "--json", "--retry-for", "0")
        story = f"seed {seed} round {round_number} {damage}: {done!r}"
        assert done.status in (1, 4, 5) and victim in done.stdout, story
        path.write_bytes(good)
    port.run("verify", where, there, "--read", status=0)


# -- disk full
@pytest.mark.parametrize("leave", [0, 4096, 8192, 16384, 65536])
def test_disk_full_while_a_manifest_is_put(start, source, port, tmpfs_dir, tmp_path, leave):
    """docker-registry leaves an empty file and answers 201 to the next PUT of it. The tag must never get there."""
    with registry.tmpfs(tmp_path / "disk", 8) as disk:
        server = start("backup", storage=disk)
        old, new = images.small(75, tag="old"), images.multi(76, tag="new")
        where = source("registry", old.copy().merge(new))
        client = wire.Wire.to(server)
        port.run("push", f"{where}:old", "--to", f"{server.host}/a/b", "--tag", "latest", status=0)
        for digest, data in new.blobs.items():
            client.put_blob("a/b", digest, data)
        ballast = registry.fill(disk, leave)
        again = ["push", f"{where}:new", "--to", f"{server.host}/a/b", "--tag", "latest", "--json", "--retry-for", "0"]
        done = port.run(*again)
        if leave == 0:
            assert done.status not in (0, 2), repr(done)
        readable(client)
        ballast.unlink()
        for _ in range(2):
            done = port.run(*again)
            digest = readable(client)
            assert (done.status == 0) == (digest == new.tags["new"]), repr(done)
        if done.status != 0:  # the remedy: remove the empty files, as the message says
            assert "sha256:" in done.stdout
            subprocess.run(["find", str(disk), "-name", "data", "-empty", "-delete"], check=True)
            server.restart()
            port.run(*again, status=0)
            assert readable(client) == new.tags["new"]
        client.close()
        server.stop()


def readable(client):
    """`latest` can be read to the last byte; answers its digest."""
    return oracle.check_tag(oracle.HttpPlace(client, "a/b"), "latest")


def test_registry_killed_while_being_pushed_to(start, source, port):
    """kill -9 of the registry at random times: afterwards a push ends with a whole image, or does not end with 0."""
    seed = time.time_ns() & 0xFFFFFF
    chance = random.Random(seed)
    server = start("backup")
    for number in range(6):
        content = images.multi(770 + number)
        where = f"oci:{content.write_layout(server.folder / f'layout{number}')}:latest"
        running = port.start("push", where, "--to", f"{server.host}/a/b", "--json", "--retry-for", "1")
        time.sleep(chance.random() * 0.25)
        server.kill()
        running.wait(30, status=(0, 1, 4))
        server.start()
        done = port.run("push", where, "--to", f"{server.host}/a/b", "--json")
        place = oracle.StoragePlace(server.storage, "a/b")
        if done.status == 0:
            oracle.check_tag(place, "latest", content.tags["latest"])
        else:
            assert done.status in (1, 4, 5), f"seed {seed}: {done!r}"
