# SPDX-License-Identifier: Apache-2.0
"""sync over real registries and the vault: what is copied, what is left alone, what is remembered."""

import json
import re
import shutil
import signal
import time

import pytest

from support import images, metered, oracle, skopeo, wire


class Fleet:
    """A primary with some images, a backup registry and the vault, and the safeport.yaml that says so."""

    def __init__(self, port, primary, backup, folder):
        self.port, self.primary, self.backup, self.folder = port, primary, backup, folder
        self.at_primary, self.at_backup = wire.Wire.to(primary), wire.Wire.to(backup)
        self.images, self.file = {}, folder / "safeport.yaml"
        self.more = {}

    def put(self, name, content):
        self.at_primary.put_image(f"src/{name}", content)
        self.images[name] = self.images.get(name, images.Content()).merge(content)

    def write(self, **more):
        self.more.update(more)
        self.file.write_text(json.dumps({  # JSON is YAML
            "version": 1, **{k: v for k, v in self.more.items() if not k.startswith("image_")},
            "images": {name: {"primary": f"{self.primary.host}/src/{name}",
                              "backups": [f"{self.backup.host}/backup/{name}", f"vault:{name}"],
                              **self.more.get("image_all", {})} for name in self.images}}))

    def run(self, *arguments, **settings):
        return self.port.run("sync", "--config", self.file, *arguments, **settings)

    def sync(self, *arguments, status=0, **settings):
        """Runs it; answers the --json document."""
        done = self.run("--json", *arguments, status=status, **settings)
        return json.loads(done.stdout)

    def places(self, name):
        return [oracle.StoragePlace(self.backup.storage, f"backup/{name}"),
                oracle.HttpPlace(self.at_backup, f"backup/{name}"),
                oracle.LayoutPlace(self.port.vault_layout(name))]

    def tags(self, name):
        return [set(self.at_backup.tags(f"backup/{name}")), set(self.places(name)[2].tags())]

    def digests(self, name, tag):
        return [place.resolve(tag) for place in self.places(name)]

    def check(self, name, tags=None):
        """Every tag is at each backup, whole, and skopeo reads the same digest from there."""
        for tag, digest in self.images[name].tags.items():
            if tags is not None and tag not in tags:
                continue
            is_fallback = re.fullmatch("sha256-[0-9a-f]{64}", tag)
            # A layout lists referrers by itself, and skopeo does not read an index of artifacts.
            for place in self.places(name)[:2 if is_fallback else 3]:
                assert oracle.check_tag(place, tag, digest) == digest
            if is_fallback:
                continue
            assert skopeo.pull_registry(self.backup, f"backup/{name}", tag, self.folder) == digest
            assert skopeo.pull_layout(self.port.vault_layout(name), tag, self.folder) == digest

    def clear_logs(self):
        self.primary.clear_log()
        self.backup.clear_log()

    def log(self):
        return self.primary.log() + self.backup.log()


def kept(place, tag="latest"):
    """What the history tags of a tag name."""
    return {place.resolve(name) for name in place.tags() if name.startswith(f"safeport-{tag}")}


def check_order(fleet, name):
    """Fixed tags and what follows, then `latest`, the record last of all."""
    put = [entry.path.rsplit("/", 1)[1] for entry in fleet.backup.log() if entry.method == "PUT" and
           entry.path.startswith(f"/v2/backup/{name}/manifests/")]
    tags = [tag for tag in put if not tag.startswith("sha256:")]
    assert tags[-1] == "safeport-record"
    assert tags.index("latest") == len(tags) - 2


def counts(document):
    return {k: v for k, v in document["totals"]["tags"].items() if v}


@pytest.fixture
def fleet(port, start, tmp_path):
    return Fleet(port, start("primary"), start("backup"), tmp_path)


# -- point 1
def test_forty_images_with_all_that_follows(fleet):
    for number in range(40):
        name = f"app{number:02}"
        kind = number % 4
        if kind == 0:
            fleet.put(name, images.multi(100 + number, layer_bytes=3000))
        elif kind == 1:
            fleet.put(name, images.with_referrers(100 + number))
        else:
            fleet.put(name, images.small(100 + number, tag="v1.0.0", layer_bytes=3000))
            fleet.put(name, images.small(200 + number, tag="latest", layer_bytes=3000))
    fleet.write()
    document = fleet.sync()
    assert document["totals"]["images"] == 40 and document["totals"]["exit_status"] == 0
    for name in fleet.images:
        fleet.check(name)
        check_order(fleet, name)
    assert not [entry for entry in fleet.log() if entry.method == "DELETE"]


# -- nothing to do
def test_second_run_asks_once_per_tag_and_side(fleet):
    content = images.Content()
    for number in range(20):
        content.merge(images.small(number, tag=f"1.0.{number}", layer_bytes=2000))
    fleet.put("app", content)
    fleet.write()
    assert counts(fleet.sync()) == {"copied": 40}
    fleet.clear_logs()
    assert counts(fleet.sync()) == {"in_step": 40}
    for registry in (fleet.primary, fleet.backup):
        log = registry.log()
        heads = [entry.path for entry in log if entry.method == "HEAD"]
        assert len(heads) == len(set(heads)) == 20
        others = [entry for entry in log if entry.method != "HEAD"]
        assert all(entry.path.endswith("/tags/list") or entry.path == "/v2/" for entry in others), others
        assert len(others) <= 2


def test_old_proof_is_renewed(fleet):
    fleet.put("app", images.small(1))
    fleet.write(**{"max-proof-age": "1s"})
    fleet.sync()
    time.sleep(1.1)
    assert counts(fleet.sync()) == {"proven": 2}


def test_damage_in_step_is_found_and_mended(fleet):
    """A blob of the backup is gone: the tag is right, the proof is old."""
    fleet.put("app", images.small(1, layer_bytes=400_000))
    fleet.write(**{"max-proof-age": "1s"})
    fleet.sync()
    time.sleep(1.1)
    fleet.backup.stop()
    fleet.backup.remove(next(iter(fleet.images["app"].blobs)))
    fleet.backup.start()
    fleet.sync()
    fleet.check("app")


# -- moving tags
def test_moving_tag_moves_and_leaves_history(fleet):
    fleet.put("app", images.small(1))
    fleet.write()
    fleet.sync()
    left = fleet.digests("app", "latest")
    fleet.put("app", images.small(2))
    document = fleet.sync()
    fleet.check("app")
    for tags, digest, place in zip(fleet.tags("app"), left[1:], fleet.places("app")[1:]):
        history = [tag for tag in tags if tag.startswith("safeport-latest-")]
        assert len(history) == 1
        assert oracle.check_tag(place, history[0], digest) == digest
    changes = document["images"][0]["places"][0]["changes"]
    assert changes[0]["history_tag"].startswith("safeport-latest-")
    assert changes[0]["digest_before"] == left[0]


def test_no_history_where_another_tag_names_the_digest(fleet):
    content = images.small(1, tag="v1.0.0")
    content.tags["latest"] = content.tags["v1.0.0"]
    fleet.put("app", content)
    fleet.write()
    fleet.sync()
    fleet.put("app", images.small(2))
    fleet.sync()
    assert all(not tag.startswith("safeport-latest-") for tags in fleet.tags("app") for tag in tags)
    fleet.check("app")


def test_five_moves_are_all_restorable(fleet):
    """S37: garbage pushed over latest, again and again."""
    fleet.put("app", images.small(1))
    fleet.write()
    fleet.sync()
    seen = []
    for seed in range(2, 7):  # several in one second, by which history tags are named
        seen.append(fleet.digests("app", "latest")[1])
        fleet.put("app", images.small(seed))
        fleet.sync()
    for place in fleet.places("app")[1:]:
        assert kept(place) == set(seen)


def test_history_names_of_two_long_tags_do_not_clash(fleet):
    """Only 102 bytes of a tag's name go into that of its history."""
    names = ["x" * 110 + end for end in "ab"]
    seen = []
    for seed in (1, 3):
        content = images.small(seed, tag=names[0]).merge(images.small(seed + 1, tag=names[1]))
        fleet.put("app", content)
        fleet.write()
        fleet.sync()
        seen.append({content.tags[name] for name in names})
    for place in fleet.places("app")[1:]:
        assert kept(place, "x") == seen[0]


@pytest.mark.parametrize("had,held_s", [([], 10.5), ([1], 0)], ids=["long copy", "set over another"])
def test_moved_again_while_it_was_copied(fleet, had, held_s):
    """Such a copy is looked at again: what its tag named for that while keeps a name too."""
    front = metered.Metered(fleet.backup, 10**6, 60)  # where a request of the copy can be held

    def hold(method, path):
        if method == "PUT" and "/manifests/" in path:
            front.before = None
            fleet.put("app", images.small(3))
            time.sleep(held_s)

    seen = []
    for seed in [*had, 2]:
        fleet.put("app", images.small(seed))
        fleet.write()
        fleet.file.write_text(fleet.file.read_text().replace(fleet.backup.host, front.host))
        seen.append(fleet.images["app"].tags["latest"])
        front.before = hold if seed == 2 else None
        fleet.sync()
    assert front.before is None  # it was held
    fleet.check("app")
    assert kept(fleet.places("app")[1]) == set(seen)
    front.stop()


# -- fixed tags
def test_fixed_tag_that_changed_is_not_followed(fleet):
    fleet.put("app", images.small(1, tag="v1.2.3"))
    fleet.write()
    fleet.sync()
    good = fleet.digests("app", "v1.2.3")
    fleet.put("app", images.small(2, tag="v1.2.3"))
    for _ in range(2):  # and it is said again
        assert counts(fleet.sync(status=6)) == {"not_followed": 2}
        assert fleet.digests("app", "v1.2.3") == good
    assert counts(fleet.sync("--accept", "other", status=6)) == {"not_followed": 2}
    assert counts(fleet.sync("--accept", "app:v1.2.3")) == {"copied": 2}
    fleet.check("app")
    for place, digest in zip(fleet.places("app")[1:], good[1:]):  # the old image can be had again
        assert kept(place, "v1.2.3") == {digest}


# -- a primary that cannot be believed
@pytest.mark.parametrize("loss", ["fresh volume", "half of the tags"])
def test_primary_that_lost_much_changes_nothing(fleet, loss):
    content = images.Content()
    for number in range(10):
        content.merge(images.small(number, tag=f"build-{number}", layer_bytes=2000))
    fleet.put("app", content)
    fleet.write()
    fleet.sync()
    before = fleet.tags("app")
    if loss == "fresh volume":
        fleet.primary.stop()
        fleet.primary.wipe()
        fleet.primary.start()
    else:
        for number in range(5):
            fleet.at_primary.request("DELETE", f"/v2/src/app/manifests/{content.tags[f'build-{number}']}")
    fleet.backup.clear_log()
    for _ in range(2):  # the alarm stays until somebody says that it is meant
        document = fleet.sync(status=6)
        assert document["images"][0]["held"] and document["images"][0]["lost"] >= 5
    assert fleet.tags("app") == before
    assert not [entry for entry in fleet.backup.log() if entry.method not in ("GET", "HEAD")]
    fleet.check("app")


def test_unreachable_primary(fleet):
    fleet.put("app", images.small(1))
    fleet.put("web", images.small(2))
    fleet.write()
    fleet.sync()
    fleet.primary.stop()
    began = time.monotonic()
    fleet.sync("--retry-for", "2s", "--jobs", "1", status=4)
    assert time.monotonic() - began < 5  # once, not for each image
    fleet.check("app")


def test_one_backup_down(fleet):
    fleet.put("app", images.small(1))
    fleet.write()
    fleet.backup.stop()
    document = fleet.sync("--retry-for", "0", status=1)
    assert [bool(place["error"]) for place in document["images"][0]["places"]] == [True, False]
    fleet.backup.start()
    fleet.sync()
    fleet.check("app")


# -- what is remembered
def test_fresh_runner_knows_from_the_record(fleet):
    content = images.Content()
    for number in range(4):
        content.merge(images.small(number, tag=f"build-{number}", layer_bytes=2000))
    fleet.put("app", content)
    fleet.write()
    fleet.sync()
    shutil.rmtree(fleet.port.home / "state")
    fleet.clear_logs()
    assert counts(fleet.sync("--dry-run")) == {"in_step": 8}  # its proofs are known, too
    assert counts(fleet.sync()) == {"in_step": 8}
    shutil.rmtree(fleet.port.home / "state")
    fleet.primary.stop()
    fleet.primary.wipe()
    fleet.primary.start()
    assert fleet.sync("--dry-run", status=6)["images"][0]["lost"] == 4
    document = fleet.sync(status=6)
    assert document["images"][0]["lost"] == 4


def test_record_is_written_only_when_it_is_news(fleet):
    fleet.put("app", images.small(1))
    fleet.write()
    fleet.sync()
    first = fleet.digests("app", "safeport-record")
    fleet.sync()
    assert fleet.digests("app", "safeport-record") == first
    fleet.put("app", images.small(2))
    fleet.sync()
    assert fleet.digests("app", "safeport-record")[0] != first[0]


def test_no_record_if_it_is_turned_off(fleet):
    fleet.put("app", images.small(1))
    fleet.write(record=False)
    fleet.sync()
    assert all("safeport-record" not in tags for tags in fleet.tags("app"))


# -- selection, and what follows
def test_only_selected_tags(fleet):
    content = images.small(1, tag="v1.0.0").merge(images.small(2, tag="pr-7")).merge(images.small(3))
    fleet.put("app", content)
    fleet.write(image_all={"tags": {"include": ["latest", "glob:v*"], "exclude": ["glob:pr-*"]}})
    fleet.sync()
    for tags in fleet.tags("app"):
        assert tags - {"safeport-record"} == {"v1.0.0", "latest"}


def test_signature_that_comes_later_follows(fleet):
    content = images.small(1)
    fleet.put("app", content)
    fleet.write()
    fleet.sync()
    signature = content.tags["latest"].replace(":", "-") + ".sig"
    more = images.Content()
    more.add_artifact("application/vnd.dev.cosign.simplesigning.v1+json", b'{"late":1}', tag=signature)
    fleet.put("app", more)
    fleet.sync()
    fleet.check("app")
    more = images.Content()
    more.add_artifact("application/vnd.dev.cosign.simplesigning.v1+json", b'{"late":2}', tag=signature)
    fleet.put("app", more)
    fleet.sync()
    fleet.check("app")


# -- two at once, plans, kills
def test_second_run_on_this_host_is_locked_out(fleet):
    fleet.put("app", images.small(1, layers=3, layer_bytes=300_000))
    fleet.write()
    fleet.backup.pause()
    first = fleet.port.start("sync", "--config", fleet.file)
    time.sleep(1)
    try:
        assert fleet.run(status=3).status == 3
        waiting = fleet.port.start("sync", "--config", fleet.file, "--wait")
        time.sleep(0.5)
        assert waiting.process.poll() is None
    finally:
        fleet.backup.resume()
    first.wait(60, status=0)
    waiting.wait(60, status=0)
    fleet.check("app")


def test_dry_run_writes_nothing_and_says_what_it_would(fleet):
    fleet.put("app", images.small(1))
    fleet.write()
    document = fleet.sync("--dry-run")
    assert counts(document) == {"planned": 2}
    sizes = sum(len(data) for data in fleet.images["app"].blobs.values())
    assert document["totals"]["bytes_to_send"] == 2 * sizes
    assert not [entry for entry in fleet.log() if entry.method == "HEAD" and entry.status >= 500]
    assert not [entry for entry in fleet.backup.log() if entry.method not in ("GET", "HEAD")]
    assert not fleet.port.vault_layout("app").exists()
    text = fleet.run("--dry-run", status=0).stdout
    assert "would be copied" in text and "requests" in text


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_interrupted_run_is_finished_by_the_next(fleet, how):
    content = images.Content()
    for number in range(30):
        content.merge(images.small(number, tag=f"1.0.{number}", layer_bytes=100_000))
    fleet.put("app", content)
    fleet.write()
    for delay in (0.15, 0.4, 0.7):
        process = fleet.port.start("sync", "--config", fleet.file)
        time.sleep(delay)
        process.signal(how)
        process.wait(30, status=(0, -9, 143))
        for place in fleet.places("app")[:2]:
            oracle.check_all(place)
    fleet.sync()
    fleet.check("app")


def test_mistakes_of_the_file_are_shown(fleet):
    fleet.put("app", images.small(1))
    fleet.write()
    fleet.file.write_text(fleet.file.read_text().replace('"primary"', '"primry"'))
    done = fleet.run(status=2)
    assert "primry" in done.stderr and "primary" in done.stderr


def test_registry_as_the_file_describes_it(port, start, tmp_path):
    """CA, user and password come from safeport.yaml; the password by a variable."""
    backup = start("backup", https=True, htpasswd={"alice": "canary-password-of-alice"})
    fleet = Fleet(port, start("primary"), backup, tmp_path)
    fleet.put("app", images.small(1))
    fleet.write(registries={backup.host: {"ca": str(backup.ca), "username": "alice", "password": "$BACKUP_PASSWORD"}})
    port.secrets.append("canary-password-of-alice")
    document = fleet.sync(env={"BACKUP_PASSWORD": "canary-password-of-alice"})
    assert counts(document) == {"copied": 2}
    assert oracle.check_tag(oracle.StoragePlace(backup.storage, "backup/app"), "latest")
    done = fleet.run(env={"BACKUP_PASSWORD": "canary-wrong-password"}, status=1)
    assert "401" in done.stderr
    done = fleet.run(status=2)
    assert "BACKUP_PASSWORD" in done.stderr and "safeport.yaml:1:" in done.stderr


def test_no_such_image(fleet):
    fleet.put("app", images.small(1))
    fleet.write()
    assert "nope" in fleet.run("nope", status=2).stderr
