# SPDX-License-Identifier: Apache-2.0
"""Two images of one primary, with backups of their own: `top` has `latest` alone, `all` every tag. What is known of the
one, or was said of it, is not known of the other."""

import json
import shutil

import pytest

from support import images, wire
from support.backed_up import BackedUp, give_up

VERSIONS = [f"v{number}.0.0" for number in range(1, 6)]


class Shared(BackedUp):
    """`app` at the primary; `all` may be a namespace."""

    def __init__(self, port, start, folder, how="image"):
        self.how, self.name = how, "all/app" if how == "namespace" else "all"
        super().__init__(port, start, folder)
        for number, tag in enumerate(["latest", *VERSIONS]):
            self.put("app", images.small(number, tag=tag, layers=1, layer_bytes=500))
        self.write()
        self.sync()

    def write(self, more_backups=(), **settings):
        repository = "src/*" if self.how == "namespace" else "src/app"
        backup = "one/{repo}" if self.how == "namespace" else "one/app"
        self.file.write_text(json.dumps({"version": 1, **settings, "images": {
            "top": {"primary": f"{self.primary.host}/src/app", "backups": ["vault:top"], "tags": {"include": ["latest"]}},
            "all": {"primary": f"{self.primary.host}/{repository}",
                    "backups": [f"{self.one.host}/{backup}", *more_backups]}}}))

    def record_requests(self):
        """Since the last time."""
        found = [entry for entry in self.one.log() if "safeport-record" in entry.path]
        self.one.clear_log()
        return len(found)

    def run_of(self, words, status):
        """'sync all': of the image, whatever it is called here."""
        return self.run(*[self.name if word == "all" else word for word in words.split()], status=status)


@pytest.fixture(params=["image", "namespace"])
def shared(request, port, start, tmp_path):
    return Shared(port, start, tmp_path, request.param)


@pytest.fixture
def pair(port, start, tmp_path):
    return Shared(port, start, tmp_path)


def test_a_loss_is_accepted_for_what_the_image_selects(shared):
    give_up(shared, *VERSIONS)
    shared.run("sync", "top", "--accept-loss", status=0)
    for command in ("sync all", "status all", "verify all", "sync"):
        shared.run_of(command, 6)
    shared.run_of("sync all --accept-loss", 0)
    for memory in ("journal", "record"):
        for command in ("sync", "status", "verify"):
            shared.run(command, status=0)
        shared.forget()


@pytest.mark.parametrize("first", ["sync top", "sync top --accept-loss", "sync"])
def test_a_loss_is_found_whoever_comes_first(pair, first):
    """As many tags came as went: only their names tell, and only to who has not called them gone."""
    give_up(pair, *VERSIONS)
    for number in range(5):
        pair.put("app", images.small(20 + number, tag=f"v9.{number}.0", layers=1, layer_bytes=500))
    pair.run_of(first, 6 if first == "sync" else 0)
    assert pair.json("sync", "all", status=6)["images"][0]["lost"] == 5


@pytest.mark.parametrize("runs", [
    ["sync top", "sync all"], ["verify top", "sync all"], ["sync top", "verify all"], ["sync top", "status all"],
    ["sync top", "sync all --dry-run"], ["sync -j 1"], ["sync"]], ids=" then ".join)
def test_a_fresh_host_knows_each_backup_by_itself(shared, runs):
    give_up(shared, *VERSIONS)
    shared.forget()
    *before, last = runs
    for run in before:
        shared.run_of(run, 0)
    assert "v1.0.0" in shared.run_of(last, 6).text


def test_a_fresh_host_does_not_follow_what_was_tampered_with(pair):
    pair.at_primary.put_image("src/app", images.small(30, tag="v1.0.0", layers=1, layer_bytes=500))
    shutil.rmtree(pair.one.tag_link("one/app", "v1.0.0").parents[1])
    pair.one.restart()
    pair.forget()
    pair.run("sync", "top", status=0)
    for _ in range(2):
        pair.run("sync", "all", status=6)
        assert "v1.0.0" not in wire.Wire.to(pair.one).tags("one/app")


def test_a_record_that_cannot_be_read_is_no_lack_of_memory(pair):
    """Though the primary is known."""
    give_up(pair, *VERSIONS)
    pair.forget()
    pair.run("sync", "top", status=0)
    pair.one.remove(wire.Wire.to(pair.one).tag_digest("one/app", "safeport-record"))
    pair.one.restart()
    for command in ("sync", "verify", "status", "sync"):
        done = pair.run(command, "all", status=1)
        assert "to go on without that memory: safeport sync all --accept-loss" in done.text
    pair.run("sync", "all", "--accept-loss", status=0)
    pair.run("sync", "all", status=0)


@pytest.mark.parametrize("record", [True, False], ids=["record", "no record"])
def test_a_host_that_knows_asks_no_record(pair, record):
    pair.write(record=record)
    if not record:
        shutil.rmtree(pair.one.tag_link("one/app", "safeport-record").parents[1])
        shutil.rmtree(pair.port.vault_layout("top"))
        pair.one.restart()
        pair.forget()
        pair.run("sync", status=0)
    pair.record_requests()
    for command in ("sync", "status", "sync"):
        pair.run(command, status=0)
    assert pair.record_requests() == 0


def test_of_a_new_backup_alone_the_record_is_asked(pair):
    pair.write([f"{pair.two.host}/two/app"])
    pair.record_requests()
    pair.run("status", "all", status=1)
    assert pair.record_requests() == 0
    assert [entry for entry in pair.two.log() if "safeport-record" in entry.path]
