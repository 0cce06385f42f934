# SPDX-License-Identifier: Apache-2.0
"""Lists that say less than is so, and lists of nothing. A backup, or the destination of a restore, whose list of tags is short, empty, or refused as if there were no such
repository: what it does not list is asked for before it is set."""

import gzip
import json
import shutil

import pytest

from support import hostile, images, wire

LIST = "/v2/backup/app/tags/list"


def without(*hidden):
    """A list that lacks tags."""
    def apply(response, _exchange):
        document = json.loads(response.body)
        document["tags"] = [tag for tag in document["tags"] if tag not in hidden]
        response.body = json.dumps(document).encode()
    return hostile.change(apply)


LISTS = {
    "short": without("latest", "v1.0.0", "safeport-record"),
    "empty": hostile.answer(200, '{"name":"backup/app","tags":null}', [("Content-Type", "application/json")]),
    "refused": hostile.error(404, "NAME_UNKNOWN"),
}
anyhow = pytest.mark.parametrize("kind", list(LISTS))


class Lab:
    """latest, v1.0.0 and other tags at a primary, in step at a scripted registry."""

    def __init__(self, port, primary, backup, folder):
        self.port, self.primary, self.backup, self.file = port, primary, backup, folder / "safeport.yaml"
        self.at_primary = wire.Wire.to(primary)
        self.old = {}
        for number, tag in enumerate(("latest", "v1.0.0", *(f"build-{n}" for n in range(8)))):
            self.old[tag] = self.push(number, tag)
        self.write()
        self.json("sync")

    def push(self, number, tag):
        content = images.small(number, tag=tag, layer_bytes=2000)
        self.at_primary.put_image("src/app", content)
        return content.tags[tag]

    def write(self, **more):
        self.file.write_text(json.dumps({"version": 1, **more, "images": {"app": {
            "primary": f"{self.primary.host}/src/app", "backups": [f"{self.backup.host}/backup/app"]}}}))

    def run(self, command, *arguments, status=0):
        return self.port.run(command, "--config", self.file, *arguments, status=status)

    def json(self, command, *arguments, status=0):
        return json.loads(self.run(command, "--json", *arguments, status=status).stdout)

    def forget(self):
        shutil.rmtree(self.port.home / "state")

    def only_knows(self, what):
        """What sync has to go by: the journal, the record alone, or nothing."""
        if what == "nothing":
            del self.tags["safeport-record"]
            self.write(record=False)
        if what != "journal":
            self.forget()

    def lie(self, kind):
        self.backup.on("GET", LIST, LISTS[kind])

    @property
    def tags(self):
        return self.backup.repository("backup/app").tags

    def history(self):
        return {digest for tag, digest in self.tags.items() if tag.startswith("safeport-latest-")}

    def record(self):
        """{tag: what the record says of it}."""
        repository = self.backup.repository("backup/app")
        manifest = json.loads(repository.manifests[self.tags["safeport-record"]][1])
        body = repository.blobs[manifest["layers"][0]["digest"]]
        return {tag["tag"]: tag for tag in json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)["tags"]}


@pytest.fixture
def lab(port, start, hostile_server, tmp_path):
    return Lab(port, start("primary"), hostile_server(), tmp_path)


@anyhow
@pytest.mark.parametrize("knows", ["journal", "record", "nothing"])
def test_what_a_moving_tag_leaves_keeps_a_name(lab, kind, knows):
    lab.only_knows(knows)
    lab.lie(kind)
    new = lab.push(100, "latest")
    (image,) = lab.json("sync")["images"]
    assert lab.tags["latest"] == new and lab.history() == {lab.old["latest"]}
    assert [change["result"] for change in image["places"][0]["changes"] if change["tag"] == "latest"] == ["copied"]


@anyhow
@pytest.mark.parametrize("knows", ["journal", "record", "nothing"])
def test_a_fixed_tag_is_not_overwritten(lab, kind, knows):
    lab.only_knows(knows)
    lab.lie(kind)
    lab.push(101, "v1.0.0")
    assert lab.json("sync", status=6)["totals"]["tags"]["not_followed"] == 1
    assert lab.tags["v1.0.0"] == lab.old["v1.0.0"]
    lab.json("verify", "--repair", status=1)
    assert lab.tags["v1.0.0"] == lab.old["v1.0.0"]


@anyhow
def test_what_is_there_is_in_step(lab, kind):
    lab.lie(kind)
    for _ in range(2):
        assert lab.json("sync")["totals"]["tags"]["in_step"] == len(lab.old)
        assert lab.json("status")["totals"]["images_good"] == 1
        assert lab.json("verify")["totals"]["tags"]["good"] == 2 * len(lab.old)
        lab.forget()


@anyhow
def test_the_record_is_merged_and_not_begun_anew(lab, kind):
    lab.write(**{"max-loss": "50%"})
    shutil.rmtree(lab.primary.tag_link("src/app", "build-3").parents[1])
    lab.primary.restart()
    lab.json("sync")
    before = lab.record()
    assert before["build-3"]["gone"]
    lab.lie(kind)
    for fresh in (True, False):
        if fresh:
            lab.forget()
        lab.push(102 + fresh, "latest")
        lab.json("sync")
        assert lab.record()["build-3"]["gone"] and lab.record()["build-3"]["digest"] == before["build-3"]["digest"]


def test_a_record_that_cannot_be_had_is_left_alone(lab):
    lab.lie("short")
    before = lab.tags["safeport-record"]
    lab.backup.on("HEAD", "/manifests/safeport-record", hostile.error(503))
    lab.push(103, "latest")
    lab.json("sync", "--retry-for", "0", status=1)
    assert lab.tags["safeport-record"] == before


def test_a_fresh_host_moves_nothing_without_a_record_that_cannot_be_had(lab):
    """It may say that most of the tags were lost."""
    before = dict(lab.tags)
    lab.backup.on("HEAD", "/manifests/safeport-record", hostile.error(503))
    lab.push(103, "latest")
    lab.forget()
    for command in ("sync", "status"):
        assert "cannot be read" in json.dumps(lab.json(command, "--retry-for", "0", status=4))
    lab.json("verify", "--retry-for", "0", status=1)
    assert lab.tags == before


def test_a_tag_that_is_listed_and_not_served_leaves_what_it_named(lab):
    """HEAD says 404 of what is in the list."""
    lab.backup.on("HEAD", "/manifests/latest$", hostile.error(404, "MANIFEST_UNKNOWN"), hits=1)
    lab.push(104, "latest")
    lab.json("sync")
    assert lab.history() == {lab.old["latest"]}


@pytest.mark.parametrize("kind", ["empty", "refused"])
def test_restore_overwrites_nothing_that_is_not_listed(lab, hostile_server, kind):
    """Whichever of many tags it is."""
    other = hostile_server()
    theirs = images.small(200, tag="build-5")
    other.fill("backup/app", theirs)
    other.on("GET", LIST, LISTS[kind])
    tags = other.repository("backup/app").tags
    restore = ["app", *(f"--tag={tag}" for tag in lab.old), "--to", f"{other.host}/backup/app"]
    assert lab.json("restore", *restore, status=6)["totals"]["tags"]["refused"] == 1
    assert {tag: tags[tag] for tag in lab.old} == {**lab.old, **theirs.tags}
    lab.json("restore", *restore, "--force")
    assert {tag: tags[tag] for tag in lab.old} == lab.old


# -- nothing to do
@pytest.mark.parametrize("text", ["version: 1\n", "version: 1\nimages: {}\n"])
@pytest.mark.parametrize("command", [["sync"], ["sync", "--dry-run"], ["status"], ["verify"], ["restore", "app"]])
def test_a_file_without_images_is_a_mistake(port, tmp_path, text, command):
    file = tmp_path / "safeport.yaml"
    file.write_text(text)
    done = port.run(*command, "--config", file, status=2)
    assert f"'{file}' names no image" in done.stderr and "'images:'" in done.stderr


def test_a_primary_without_tags_is_no_success(lab):
    """That was never synced, and that lost everything where nobody remembers."""
    lab.lie("empty")
    for tag in (lab.primary.repository_path("src/app") / "_manifests" / "tags").iterdir():
        shutil.rmtree(tag)
    lab.primary.restart()
    assert json.loads(lab.at_primary.request("GET", "/v2/src/app/tags/list").body)["tags"] is None
    del lab.tags["safeport-record"]
    lab.write(record=False)
    for status, says in ((1, "so nothing of 'app' is backed up"), (6, "has 10 of them ('build-0' among them)")):
        lab.forget()
        for command in ("sync", "status", "verify"):
            assert says in lab.run(command, status=status).text
            assert lab.json(command, status=status)["totals"].get("images_good", 0) == 0
        lab.backup.rules.clear()
    assert lab.json("verify", "--read", status=6)["images"][0]["places"][1]["verified"]["good"] == len(lab.old)


# -- what it costs
def missed(registry):
    """The tags that it was asked for in vain."""
    names = [entry.path.rsplit("/", 1)[1] for entry in registry.log() if entry.method == "HEAD" and entry.status == 404]
    registry.clear_log()
    return [name for name in names if not name.startswith("sha256:")]


def test_a_blank_backup_is_asked_for_few_tags(port, start, tmp_path):
    primary, backup = start("primary"), start("backup")
    client, file = wire.Wire.to(primary), tmp_path / "safeport.yaml"
    for number in range(40):
        client.put_image("src/app", images.small(number, tag=f"build-{number}", layer_bytes=2000))
    file.write_text(json.dumps({"version": 1, "images": {"app": {
        "primary": f"{primary.host}/src/app", "backups": [f"{backup.host}/backup/app"]}}}))

    def sync():
        port.run("sync", "--config", file, status=0)
    sync()
    names = missed(backup)
    assert len(set(names)) == 9 and len(names) <= 10 and "safeport-record" in names
    client.put_image("src/app", images.small(100, tag="another"))
    sync()
    assert missed(backup) == ["another"]
    primary.clear_log()
    sync()
    log = primary.log() + backup.log()
    assert len([entry for entry in log if entry.method == "HEAD"]) == 2 * 41
    assert not [entry for entry in log if entry.method != "HEAD" and not entry.path.endswith("/tags/list")
                and entry.path != "/v2/"]
