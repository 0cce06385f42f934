# SPDX-License-Identifier: Apache-2.0
"""Somebody is faster: what a run decided about is no longer so when it comes to set a tag."""

import shutil
import threading

import pytest

from support import backed_up, images, metered, safeport, wire


@pytest.fixture
def backed(port, start, tmp_path):
    made = backed_up.BackedUp(port, start, tmp_path)
    made.backups = lambda name: [f"{made.one.host}/one/{name}"]
    return made


class Held:
    """A way to a registry on which the first request of one kind waits until it is told to go on; a safeport.yaml that
    goes this way."""

    def __init__(self, backed, registry, method, text):
        self.begun, self.may_go_on = threading.Event(), threading.Event()

        def hold(asked, path):
            if asked == method and text in path and not self.begun.is_set():
                self.begun.set()
                self.may_go_on.wait(30)

        self.front = metered.Metered(registry, 10**9, 1)
        self.front.is_silent_before, self.front.before = True, hold
        self.file = backed.folder / "through.yaml"
        self.file.write_text(backed.file.read_text().replace(registry.host, self.front.host))

    def go_on(self):
        self.may_go_on.set()

    def stop(self):
        self.front.stop()


@pytest.fixture
def held(backed):
    made = []

    def hold(registry, method, text):
        made.append(Held(backed, registry, method, text))
        return made[-1]
    yield hold
    for one in made:
        one.stop()


def named(registry, repository, tag="latest"):
    return wire.Wire.to(registry).tag_digest(repository, tag)


def digest_of(seed):
    return images.small(seed).tags["latest"]


@pytest.mark.parametrize("where", ["while the tag is set", "before the backup is looked at"])
def test_a_sync_that_another_overtook(backed, held, where):
    """Two pushes, a run for each, right clocks: the first of them ends last."""
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    backed.put("app", images.small(2))
    way = held(backed.one, *(("PUT", "/manifests/latest") if where == "while the tag is set"
                             else ("HEAD", "/manifests/latest")))
    slow = backed.port.start("sync", "--config", way.file)
    assert way.begun.wait(30)
    backed.put("app", images.small(3))
    safeport.Safeport(backed.folder / "another").run("sync", "--config", backed.file, status=0)
    assert named(backed.one, "one/app") == digest_of(3)
    way.go_on()
    slow.wait(60, 0)
    assert named(backed.one, "one/app") == digest_of(3)
    backed.forget()
    assert backed.json("status")["totals"]["images_good"] == 1


def test_a_tag_that_moves_and_moves(backed, held):
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    backed.put("app", images.small(2))
    way = held(backed.one, "PUT", "/manifests/latest")
    moves = [3]

    def move(method, path):
        if method == "PUT" and path.endswith("/manifests/latest") and moves[0] < 5:
            backed.at_primary.put_image("src/app", images.small(moves[0]))
            moves[0] += 1
    way.front.before = move
    backed.port.run("sync", "--config", way.file, status=0)
    assert named(backed.one, "one/app") == digest_of(4)


@pytest.mark.parametrize("where", ["at both", "at the primary"])
def test_a_repair_that_another_overtook(backed, held, where):
    """It does not set back what a sync set meanwhile, nor call a tag repaired that has moved."""
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    backed.put("app", images.small(2))
    shutil.rmtree(backed.one.tag_link("one/app", "latest").parents[1])
    backed.one.restart()
    way = held(backed.one, "PUT", "/manifests/sha256:")
    slow = backed.port.start("verify", "--repair", "--config", way.file)
    assert way.begun.wait(30)
    backed.put("app", images.small(3))
    if where == "at both":
        safeport.Safeport(backed.folder / "another").run("sync", "--config", backed.file, status=0)
    way.go_on()
    told = slow.wait(60, 1)
    assert "moved while it was repaired" in told.text and "repaired at" not in told.text
    if where == "at both":
        assert named(backed.one, "one/app") == digest_of(3)
    else:
        assert "latest" not in wire.Wire.to(backed.one).tags("one/app")
    backed.sync()
    assert named(backed.one, "one/app") == digest_of(3)


def test_a_repair_that_another_overtook_at_the_end(backed, held):
    """While its tag was set: what the primary names since is set again."""
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    shutil.rmtree(backed.one.tag_link("one/app", "latest").parents[1])
    backed.one.restart()
    way = held(backed.one, "PUT", "/manifests/latest")
    slow = backed.port.start("verify", "--repair", "--config", way.file)
    assert way.begun.wait(30)
    backed.put("app", images.small(2))
    safeport.Safeport(backed.folder / "another").run("sync", "--config", backed.file, status=0)
    assert named(backed.one, "one/app") == digest_of(2)
    way.go_on()
    slow.wait(60, 0)
    assert named(backed.one, "one/app") == digest_of(2)


@pytest.mark.parametrize("before", ["nothing", "the same", "another"])
def test_a_push_that_came_during_a_restore(backed, held, before):
    """It is not written over."""
    backed.put("app", images.small(1))
    backed.write()
    backed.sync()
    backed.lose_primary()
    if before != "nothing":
        backed.at_primary.put_image("src/app", images.small(1 if before == "the same" else 2))
    way = held(backed.primary, *(("PUT", "/blobs/uploads/") if before == "nothing" else ("HEAD", "/manifests/latest")))
    options = ["--force"] if before == "another" else []
    restore = backed.port.start("restore", "--config", way.file, "app", *options)
    assert way.begun.wait(30)
    backed.at_primary.put_image("src/app", images.small(3))
    way.go_on()
    done = restore.wait(60)
    if before == "another":
        assert done.status == 0 and named(backed.primary, "src/app") == digest_of(1)
        return
    assert done.status == 6 and named(backed.primary, "src/app") == digest_of(3), done
    if before == "nothing":
        assert "was pushed while the restore was under way" in done.text and digest_of(3) in done.text
    backed.run("restore", "app", "--force", status=0)
    assert named(backed.primary, "src/app") == digest_of(1)
