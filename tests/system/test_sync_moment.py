# SPDX-License-Identifier: Apache-2.0
"""sync from a primary that is wrong for a moment: what it said then is held against nobody later."""

import json

import pytest

from support import hostile, images, oracle, safeport, wire

TAGS = ("v1.0.0", "v1.1.0", "latest")


class Moment:
    """A scripted primary with TAGS, two real backups, and the file."""

    def __init__(self, server, backups, folder):
        self.server, self.backups, self.folder = server, backups, folder
        self.file = folder / "safeport.yaml"
        self.hosts = 0
        self.fresh()
        for number, tag in enumerate(TAGS):
            self.push(number, tag)
        self.write()

    def push(self, number, tag):
        self.server.fill("src/app", images.small(number, tag=tag, layers=1, layer_bytes=3000))

    def write(self, **settings):
        self.file.write_text(json.dumps({"version": 1, **settings, "images": {"app": {
            "primary": f"{self.server.host}/src/app",
            "backups": [f"{backup.host}/backup/app" for backup in self.backups]}}}))

    def fresh(self):
        """From now on on a host that knows nothing."""
        self.hosts += 1
        self.port = safeport.Safeport(self.folder / f"host-{self.hosts}")

    def run(self, *arguments, status=0):
        done = self.port.run(*arguments, "--config", self.file, "--json", "--retry-for", "1", status=status)
        return json.loads(done.stdout)

    def sync(self, *arguments, status=0):
        return self.run("sync", *arguments, status=status)

    def check(self):
        for tag, digest in self.server.repository("src/app").tags.items():
            for backup in self.backups:
                place = oracle.StoragePlace(backup.storage, "backup/app")
                assert oracle.check_tag(place, tag, digest) == digest


@pytest.fixture
def moment(hostile_server, start, tmp_path):
    return Moment(hostile_server(), [start("one"), start("two")], tmp_path)


def lie(server, names):
    """HEAD names what nobody has."""
    server.on("HEAD", f"/manifests/({'|'.join(names)})$",
              hostile.with_headers(("Docker-Content-Digest", "sha256:" + "0" * 64)))


def break_off(server, names):
    """They were pushed, and their manifests cannot be read: they are pushed again."""
    tags = server.repository("src/app").tags
    good = {name: tags[name] for name in names}
    for number, name in enumerate(names, 70):
        server.fill("src/app", images.small(number, tag=name, layers=1, layer_bytes=3000))
        server.on("GET", f"/manifests/{tags[name]}", hostile.error(500))
    return lambda: tags.update(good)


@pytest.mark.parametrize("record", [True, False], ids=["record", "no-record"])
@pytest.mark.parametrize("wrong", [lie, break_off])
@pytest.mark.parametrize("names", [TAGS, ("v3.0.0", "v3.1.0")], ids=["first-sync", "new-tags"])
def test_what_nobody_ever_got_is_held_against_no_fixed_tag(moment, names, wrong, record):
    moment.write(record=record)
    if names != TAGS:
        moment.sync()
        for number, name in enumerate(names, 50):
            moment.push(number, name)
    heal = wrong(moment.server, names)
    for _ in range(2):
        assert moment.sync(status=None)["totals"]["exit_status"] in (1, 4, 5)
    moment.server.rules.clear()
    if heal:
        heal()
    if not record:  # what a host without a journal knows is tested beside it
        assert moment.sync()["totals"]["tags"]["copied"] == 2 * len(names)
    moment.fresh()
    moment.sync()
    moment.check()


@pytest.mark.parametrize("host", ["this", "fresh"])
def test_what_one_backup_got_is_believed(moment, host):
    """The other was out of reach; what is there then is tampered with."""
    moment.backups[1].stop()
    moment.sync(status=1)
    moment.backups[1].start()
    moment.push(99, "v1.0.0")
    if host == "fresh":
        moment.fresh()
    document = moment.sync(status=6)
    assert document["totals"]["tags"]["not_followed"] == 2
    for backup in moment.backups[1:]:
        assert "v1.0.0" not in wire.Wire.to(backup).tags("backup/app")


def test_the_loss_of_what_was_backed_up_is_noticed(moment):
    """Also if its last run got nothing of the primary but names."""
    moment.sync()
    lie(moment.server, TAGS)
    moment.sync(status=6)
    moment.server.rules.clear()
    tags = moment.server.repository("src/app").tags
    for tag in TAGS[:2]:
        del tags[tag]
    document = moment.sync(status=6)
    assert document["totals"]["lost"] == 2


def test_a_download_that_is_cut_is_the_lines_fault(moment):
    moment.server.on("GET", "/blobs/", hostile.how(cut_after=lambda size: size // 2))
    moment.sync(status=4)
    moment.sync(status=4)
    moment.server.rules.clear()
    moment.sync()
    moment.run("verify", "--read")
    moment.check()


def test_a_primary_that_has_less_than_it_promises_is_damaged(start, port, tmp_path):
    """A warm cache says the length that the blob had: the answer is cut, at the same byte each time."""
    primary, backup = start("primary"), start("backup")
    content = images.small(1, tag="v1.0.0", layers=1, layer_bytes=3000)
    wire.Wire.to(primary).put_image("src/app", content)
    layer = max(content.blobs, key=lambda digest: len(content.blobs[digest]))
    primary.truncate(layer, 10)
    file = tmp_path / "safeport.yaml"
    file.write_text(json.dumps({"version": 1, "images": {"app": {
        "primary": f"{primary.host}/src/app", "backups": [f"{backup.host}/backup/app"]}}}))
    done = port.run("sync", "--config", file, "--retry-for", "3", status=5)
    assert "only 10 of its" in done.stdout + done.stderr
