# SPDX-License-Identifier: Apache-2.0
"""restore --at: what tags named at times gone by, on a host with its journal and on one that never ran safeport. What is
not known is said; nothing is made up."""

import json
import re
import shutil
import threading
import time

import pytest

from support import backed_up, clock, images, metered, oracle, safeport, wire

HOSTS = ["with its journal", "without one"]  # in this order: what is forgotten is gone


def stamp(seconds=None):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Times(backed_up.BackedUp):
    """One image 'app' that moves on."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.images["app"] = images.Content()
        self.write()

    def name(self, seed, *tags, status=0):
        """Tags of the primary name this image from now on; a backup is brought up to date; answers a time of it."""
        content = images.small(seed)
        self.at_primary.put_image("src/app", content)
        for tag in tags:
            media_type, data = content.manifests[content.tags["latest"]]
            self.at_primary.put_manifest("src/app", tag, media_type, data)
        return self.pass_time(status)

    def pass_time(self, status=0):
        """Syncs; answers a time at which all is so."""
        self.json("sync", "--retry-for", "0", status=status)
        at = stamp()
        clock.next_second()
        return at

    def on(self, host):
        if host == "without one":
            self.forget()

    def at(self, at, name, *arguments):
        """The seeds' digest that comes back as app:latest."""
        self.run("restore", "app:latest", "--at", at, "--to", f"vault:{name}", *arguments, status=0)
        return oracle.check_tag(oracle.LayoutPlace(self.port.vault_layout(name)), "latest")

    def all_come_back(self, seen):
        for host in HOSTS:
            for number, (seed, at) in enumerate(seen):
                self.on(host)
                assert self.at(at, f"back-{host[:4]}-{number}") == digest_of(seed), (host, number)

    def without_vault(self):
        """In its place a repository: what is local is read first."""
        self.file.write_text(self.file.read_text().replace('"vault:app"', f'"{self.two.host}/two/more"'))

    def unknown(self, at, *arguments):
        done = self.run("restore", "app:latest", "--at", at, "--to", "vault:unknown", *arguments, status=1)
        assert "nobody knows what 'app:latest' named" in done.stderr
        assert not list(self.port.vault_layout("unknown").glob("blobs/*/*"))
        return done.stderr

    def record(self, place=None):
        wires, name = place or (wire.Wire.to(self.one), "one/app")
        manifest = json.loads(wires.manifest(name, "safeport-record").body)
        return json.loads(wires.blob(name, manifest["layers"][0]["digest"]).body)

    def put_record(self, record, registry, name):
        """Somebody's: as safeport writes it."""
        wires = wire.Wire.to(registry)
        manifest = json.loads(wires.manifest(name, "safeport-record").body)
        body = json.dumps(record).encode()
        manifest["layers"][0] |= {"digest": images.digest_of(body), "size": len(body)}
        wires.put_blob(name, images.digest_of(body), body)
        wires.put_manifest(name, "safeport-record", manifest["mediaType"], json.dumps(manifest).encode())


@pytest.fixture
def app(port, start, tmp_path):
    return Times(port, start, tmp_path)


def digest_of(seed):
    return images.small(seed).tags["latest"]


def test_five_moves_are_all_restorable(app, start):
    """S37, by date; the primary is lost."""
    seen = [(seed, app.name(seed)) for seed in range(1, 7)]
    app.lose_primary()
    target = start("target")
    for number, host in enumerate(HOSTS):
        for seed, at in seen:
            app.on(host)
            app.json("restore", "app", "--at", at, "--to", f"{target.host}/{number}/{seed}")
            app.check(target, f"{number}/{seed}", images.small(seed))
        app.on(host)
        app.json("restore", "app", "--to", f"{target.host}/{number}/now")
        app.check(target, f"{number}/now", images.small(6))


def test_there_and_back(app):
    """A bad push, back to the good one, the same again, the mend: only the first leaving of each has a history tag."""
    app.all_come_back([(seed, app.name(seed)) for seed in (1, 2, 1, 2, 3, 4)])


def test_an_image_with_another_name_leaves_no_history_tag(app):
    """latest and a version in its company, as releases are pushed."""
    app.all_come_back([(1, app.name(1)), (2, app.name(2, "v1.0.0")), (3, app.name(3)), (4, app.name(4))])


def test_a_host_learns_what_another_saw(app):
    """Its own journal knows the first and the last; of what was between another host wrote."""
    first = app.name(1)
    mine, away = app.port.home / "state", app.port.home / "away"
    mine.rename(away)
    second, third = app.name(2), app.name(3)
    app.forget()
    away.rename(mine)
    fourth = app.name(4)
    for seed, at in enumerate((first, second, third, fourth), start=1):
        assert app.at(at, f"back-{seed}") == digest_of(seed)


def test_without_record_and_journal_nobody_knows(app):
    app.write(record=False)
    seen = [(seed, app.name(seed)) for seed in (1, 2, 1, 3)]
    assert app.at(seen[1][1], "journal") == digest_of(2)
    assert app.at(seen[2][1], "journal-too") == digest_of(1)
    for number, (_, at) in enumerate(seen):
        app.forget()
        said = app.unknown(at)
        history = re.search(r"'--tag (safeport-latest-\w+)' restores it", said)
        assert bool(history) == (number < 2), number  # the second leaving of the first image has no name
    app.forget()
    oldest = re.search(r"'--tag (safeport-latest-\w+)' restores it", app.unknown(seen[0][1]))[1]
    app.run("restore", "app", "--tag", oldest, "--to", "vault:by-name", status=0)
    assert oracle.check_tag(oracle.LayoutPlace(app.port.vault_layout("by-name")), oldest) == digest_of(1)


def test_times_before_the_first_sync(app):
    at = stamp()
    clock.next_second()
    app.name(1)
    app.name(2)
    for host in HOSTS:
        app.on(host)
        app.unknown("2001-01-01")
        assert "2001-01-01T00:00:00Z" in app.unknown("2001-01-01")
        app.unknown(at)
    app.run("restore", "app", "--at", "yesterday", status=2)


def test_a_move_that_came_to_no_record(app):
    """As a run leaves it that is killed right behind the tags: the end of what they named before was seen by nobody."""
    first, second = app.name(1), app.name(2)
    app.write(record=False)
    moved = app.name(3)
    app.forget()
    assert app.at(first, "first") == digest_of(1)
    app.unknown(second)
    app.unknown(moved)
    app.write(record=True)
    later = app.name(3)
    app.forget()
    assert app.at(first, "first-again") == digest_of(1)
    app.unknown(moved)
    assert app.at(later, "later") == digest_of(3)


def test_a_backup_that_was_away_is_told_what_it_missed(app):
    """The end of what it names is that which runs saw that did not reach it, not that of its coming back."""
    first = app.name(1)
    app.one.stop()
    seen = [(1, first), (2, app.name(2, status=1)), (1, app.name(1, status=1)), (3, app.name(3, status=1))]
    app.one.start()
    seen.append((4, app.name(4)))
    assert [left["digest"] for left in app.record()["left"]] == [digest_of(seed) for seed, _ in seen[:-1]]
    app.all_come_back(seen)
    app.forget()
    only = "--from", f"{app.one.host}/one/app"
    assert app.at(first, "first", *only) == digest_of(1)
    for at in (seen[1][1], seen[3][1]):  # it never had them
        said = app.run("restore", "app:latest", "--at", at, "--to", "vault:not", *only, status=1).stderr
        assert "no backup has what 'app:latest' named" in said


def test_there_and_back_while_a_backup_was_away(app):
    """It names the same as before; what it missed is told all the same, if anything is."""
    first = app.name(1)
    app.one.stop()
    second = app.name(2, status=1)
    app.one.start()
    app.name(1, "v1.0.0")
    app.forget()
    only = "--from", f"{app.one.host}/one/app"
    assert app.at(first, "first", *only) == digest_of(1)
    assert "no backup has" in app.run("restore", "app:latest", "--at", second, "--to", "vault:not", *only, status=1).stderr


@pytest.mark.parametrize("host", ["fresh", "older"])
@pytest.mark.parametrize("found", ["the same", "the next"])
def test_an_end_that_was_found_late(app, host, found):
    """A run moved the tag and wrote no record. Whoever comes next, without a journal or with one of before, finds that: when
    the first image was left, nobody saw, not even in that journal."""
    first = app.name(1)
    with app.another_host():
        app.write(record=False)
        moved = app.name(2)
        app.write(record=True)
    if host == "fresh":
        app.forget()
    later = app.name(2 if found == "the same" else 3)
    for each in HOSTS:
        app.on(each)
        app.unknown(moved)
        app.unknown(first)
        assert app.at(later, f"later-{each[:4]}") == digest_of(2 if found == "the same" else 3)


def test_a_fresh_host_that_cannot_ask_all_backups_tells_no_end(app):
    """What the others know of the time between, it does not know."""
    app.without_vault()
    first = app.name(1)
    app.one.stop()
    second = app.name(2, status=1)
    app.one.start()
    app.two.stop()
    app.forget()
    app.name(3, status=1)
    assert "left" not in app.record()
    for host in HOSTS:
        app.on(host)
        for at in (first, second):
            app.unknown(at, "--retry-for", "0")


def test_what_a_backup_never_had_is_no_damage_there(app):
    """It is asked for it all the same. What it had, and has no more, is damage."""
    app.without_vault()
    app.one.stop()
    first = app.name(1, status=1)
    app.one.start()
    app.name(2)
    for host in HOSTS:
        app.on(host)
        app.sync()
        assert app.at(first, f"first-{host[:4]}") == digest_of(1)
        document = app.json("status")
        assert not document["images"][0]["notes"]
        assert {at["standing"] for tag in document["images"][0]["tags"] for at in tag["at"]} == {"in_step"}
    app.one.stop()
    layer = json.loads(images.small(2).manifests[digest_of(2)][1])["layers"][0]["digest"]
    app.one.remove(layer)
    app.one.start()
    app.run("restore", "app", "--to", "vault:second", status=0)
    assert [at["standing"] for at in app.json("status", status=None)["images"][0]["tags"][0]["at"]][0] == "damaged"


def test_a_clock_that_was_set_back(app):
    """A record of a host that was hours ahead: what latest names since is right all the same, and nothing is told of the
    time that has not been."""
    at = app.name(1)
    ahead = stamp(time.time() + 7200)
    for registry, name in ((app.one, "one/app"), (app.two, "two/app")):
        record = app.record((wire.Wire.to(registry), name))
        record["tags"][0]["since"] = ahead
        app.put_record(record, registry, name)
    app.without_vault()
    app.forget()
    now = app.name(2)
    record = app.record()
    assert [tag["digest"] for tag in record["tags"]] == [digest_of(2)]
    assert at <= record["doubt"]["until"] <= now
    app.forget()
    app.unknown(at, "--from", f"{app.one.host}/one/app")
    assert app.at(now, "then", "--from", f"{app.one.host}/one/app") == digest_of(2)
    app.forget()
    app.run("restore", "app", "--from", f"{app.one.host}/one/app", "--to", "vault:now", status=0)
    assert oracle.check_tag(oracle.LayoutPlace(app.port.vault_layout("now")), "latest") == digest_of(2)


class Clocks:
    """The same hosts in days to come, some runs with a clock that is wrong. Registries say what time it is, or do not."""

    def __init__(self, app, folder, are_heard=True):
        self.app, self.folder, self.count = app, folder, 0
        self.named = []  # (second, seed): what latest named from then on
        self.fronts = [metered.Metered(registry, 10**9, 1) for registry in (app.primary, app.one, app.two)]
        self.are_heard = are_heard
        text = app.file.read_text()
        for front in self.fronts:
            front.is_silent_before = True
            text = text.replace(front.registry.host, front.host)
        app.file.write_text(text)

    def stop(self):
        for front in self.fronts:
            front.stop()

    def be(self, seconds):
        """So much later than now it is."""
        for front in self.fronts:
            front.clock_ahead_s = seconds if self.are_heard else None

    def env(self, seconds):
        self.count += 1
        folder = self.folder / f"clock-{self.count}"
        folder.mkdir()
        return {"LD_PRELOAD": str(clock.ahead(folder, seconds))}

    def move(self, seed, at_s, off_s=0):
        """at_s from now the primary is moved, and a run finds it whose clock is off by off_s."""
        self.be(at_s)
        self.app.put("app", images.small(seed))
        self.app.run("sync", env=self.env(at_s + off_s), status=0)
        self.named.append((time.time() + at_s, seed))

    def ask(self, second, now_s):
        """What comes back as of then; None: nobody knows."""
        name = f"asked-{self.count}"
        done = self.app.run("restore", "app", "--at", stamp(second), "--to", f"vault:{name}", env=self.env(now_s),
                            status=(0, 1))
        if done.status:
            assert "nobody knows" in done.stderr
            return None
        return oracle.check_tag(oracle.LayoutPlace(self.app.port.vault_layout(name)), "latest")

    def check(self, now_s):
        """No time gets another's image, on no host. How many times are told: by host."""
        ends = [second for second, _ in self.named[1:]] + [time.time() + now_s]
        told = {host: 0 for host in HOSTS}
        self.be(now_s)
        for host in HOSTS:
            self.app.on(host)
            assert self.ask(self.named[0][0] - 3600, now_s) is None
            for (begin, seed), end in zip(self.named, ends):
                for second in (begin + 60, end - 60):
                    got = self.ask(second, now_s)
                    assert got in (None, digest_of(seed)), (host, seed, second - begin, self.named)
                    told[host] += got is not None
        return told


HOUR, DAY = 3600, 24 * 3600


@pytest.fixture
def clocks(app, tmp_path):
    app.without_vault()
    made = Clocks(app, tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("off", [-30 * DAY, -HOUR, HOUR, 400 * DAY])
def test_one_run_with_a_wrong_clock(app, clocks, off):
    """Dates around it may be its: of them nothing is told, though of others it is."""
    clocks.move(1, 0)
    clocks.move(2, 100 * DAY, off)
    clocks.move(3, 100 * DAY + 10 * HOUR)
    clocks.move(4, 200 * DAY)
    clocks.move(5, 201 * DAY)
    told = clocks.check(202 * DAY)
    assert min(told.values()) >= 4
    app.run("restore", "app", "--to", "vault:now", status=0)
    assert oracle.check_tag(oracle.LayoutPlace(app.port.vault_layout("now")), "latest") == digest_of(5)


@pytest.mark.parametrize("off", [-DAY, 2 * HOUR])
@pytest.mark.parametrize("record", [True, False])
def test_runs_with_a_wrong_clock(app, clocks, off, record):
    """Several, until it is put right; and then all is told again, of what comes."""
    if not record:
        app.file.write_text(app.file.read_text().replace('"images"', '"record": false, "images"'))
    clocks.move(1, 0)
    for number, hours in enumerate((24, 25, 26.8, 49)):
        clocks.move(2 + number, int(hours * HOUR), off)
    clocks.move(6, 50 * HOUR)
    clocks.move(7, 15 * DAY)
    clocks.move(8, 16 * DAY)
    told = clocks.check(17 * DAY)
    assert told["with its journal"] >= 2 and told["without one"] >= (4 if record else 0)


@pytest.mark.parametrize("off", [-DAY, 2 * HOUR])
def test_a_backup_that_was_away_while_the_clock_was_wrong(app, clocks, off):
    """Its record is filled from the journal: with no dates of then."""
    clocks.move(1, 0)
    app.two.stop()
    clocks.be(10 * HOUR)
    app.put("app", images.small(2))
    app.run("sync", env=clocks.env(10 * HOUR + off), status=1)
    clocks.named.append((time.time() + 10 * HOUR, 2))
    app.two.start()
    clocks.move(3, 20 * HOUR)
    clocks.move(4, 60 * HOUR)
    app.one.stop()
    assert min(clocks.check(61 * HOUR).values()) >= 2


@pytest.mark.parametrize("off", [-DAY, DAY])
def test_a_clock_that_nobody_contradicts_but_the_record(app, clocks, off):
    """Registries that say nothing of the time, and a vault, are no witness; dates that lie ahead are."""
    clocks.are_heard = False
    clocks.move(1, 0)
    clocks.move(2, 10 * HOUR, off)
    clocks.move(3, 20 * HOUR)
    clocks.move(4, 30 * HOUR)
    clocks.check(40 * HOUR)
    clocks.move(5, 30 * DAY)
    clocks.move(6, 31 * DAY)
    told = clocks.check(32 * DAY)
    assert min(told.values()) >= 3


def test_what_a_run_ahead_saw_is_known(app, tmp_path):
    """But for its date: a loss is told, and a fixed tag that changed is not followed."""
    app.write(image_fixed=["glob:v*"])
    app.put("app", images.small(1))
    app.put("app", images.small(1, tag="v1"))
    app.run("sync", env={"LD_PRELOAD": str(clock.ahead(tmp_path, 2 * HOUR))}, status=0)
    with app.another_host():
        app.put("app", images.small(2, tag="v1"))
        assert app.json("sync", status=6)["images"][0]["places"]
        app.put("app", images.small(1, tag="v1"))
    app.lose_primary()
    assert app.json("sync", status=6)["images"][0]["lost"] == 2
    app.forget()
    assert app.json("sync", status=6)["images"][0]["lost"] == 2


@pytest.mark.parametrize("memory", ["with journals", "without"])
def test_a_run_that_begins_and_ends_within_another(app, start, memory):
    """What the longer one saw is older than what the shorter one did: the record says what the backups name."""
    app.without_vault()
    first = app.name(1)
    shorter = safeport.Safeport(app.folder / "another")
    begun, may_go_on = threading.Event(), threading.Event()

    def hold(method, path):
        if method == "PUT" and path.endswith("/manifests/other"):
            begun.set()
            may_go_on.wait(30)

    front = metered.Metered(app.one, 10**9, 1)
    front.is_silent_before, front.before = True, hold
    shutil.copytree(app.port.home / "state", shorter.home / "state")
    if memory == "without":
        app.forget()
        shutil.rmtree(shorter.home / "state")
    text = app.file.read_text()
    through = app.folder / "through.yaml"
    through.write_text(text.replace(app.one.host, front.host))
    app.put("app", images.small(1, tag="other"))
    longer = app.port.start("sync", "--config", through)
    assert begun.wait(30)
    clock.next_second()
    app.put("app", images.small(2))
    shorter.run("sync", "--config", app.file, status=0)
    may_go_on.set()
    longer.wait(60, 0)
    front.stop()
    second = stamp(time.time() + 1)
    for registry, name in ((app.one, "one/app"), (app.two, "two/app")):
        record = app.record((wire.Wire.to(registry), name))
        assert [tag["digest"] for tag in record["tags"] if tag["tag"] == "latest"] == [digest_of(2)], name
    app.forget()
    app.run("restore", "app", "--to", "vault:now", status=0)
    assert oracle.check_tag(oracle.LayoutPlace(app.port.vault_layout("now")), "latest") == digest_of(2)
    app.all_come_back([(1, first)] * (memory == "with journals") + [(2, second)])


def test_hosts_that_differ_by_seconds(app, tmp_path):
    """Their clocks are right: nothing is in doubt, and nothing is lost."""
    first, second = app.name(1), app.name(2)
    app.put("app", images.small(3))
    app.run("sync", env={"LD_PRELOAD": str(clock.ahead(tmp_path, 20))}, status=0)
    app.forget()
    app.put("app", images.small(3, tag="v1"))
    app.sync()
    record = app.record()
    assert "doubt" not in record and [item["digest"] for item in record["left"]] == [digest_of(1), digest_of(2)]
    app.without_vault()
    app.all_come_back([(1, first), (2, second)])


def test_a_tag_that_the_primary_lost(app):
    app.write(max_loss="60%")
    app.name(1, "nightly")
    there = app.name(1)
    app.primary.stop()
    link = app.primary.tag_link("src/app", "nightly")
    for file in sorted(link.parents[1].rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    link.parents[1].rmdir()
    app.primary.start()
    gone = app.pass_time()
    for number, host in enumerate(HOSTS):
        app.on(host)
        app.run("restore", "app:nightly", "--at", there, "--to", f"vault:nightly-{number}", status=0)
        assert oracle.check_tag(oracle.LayoutPlace(app.port.vault_layout(f"nightly-{number}")), "nightly") == digest_of(1)
        app.on(host)
        said = app.run("restore", "app:nightly", "--at", gone, "--to", "vault:not", status=1).stderr
        assert "'app:nightly' was not at the primary any more" in said
        app.on(host)
        app.json("restore", "app", "--at", gone, "--all", "--to", f"vault:all-{number}")
        assert set(oracle.LayoutPlace(app.port.vault_layout(f"all-{number}")).tags()) == {"latest"}


def test_all_tags_says_what_is_left_out(app):
    at = app.name(1)
    app.name(1, "v1.0.0")
    app.forget()
    said = app.run("restore", "app", "--all", "--at", at, "--to", "vault:all", status=0).stdout
    assert "left out, as 'v1.0.0'" in said
    assert set(oracle.LayoutPlace(app.port.vault_layout("all")).tags()) == {"latest"}


def test_an_image_that_no_backup_has_any_more(app):
    """Without history tags registries collect what was left; that it is gone is said, and nothing else given."""
    app.write(image_keep_history=0)
    at = app.name(1)
    app.name(2)
    assert app.at(at, "still") == digest_of(1)  # by its digest
    for registry, name in ((app.one, "one/app"), (app.two, "two/app")):
        assert wire.Wire.to(registry).request("DELETE", f"/v2/{name}/manifests/{digest_of(1)}").status == 202
    (app.port.vault_layout("app") / "blobs" / digest_of(1).replace(":", "/")).unlink()
    for host in HOSTS:
        app.on(host)
        said = app.run("restore", "app:latest", "--at", at, "--to", "vault:not", status=1).stderr
        assert "no backup has what 'app:latest' named" in said


def test_a_place_tells_by_its_own_record(app):
    """No file, no journal: the record lies where the image does."""
    first, second = app.name(1), app.name(2)
    app.forget()
    for seed, at in ((1, first), (2, second)):
        app.port.run("restore", f"{app.one.host}/one/app:latest", "--at", at, "--to", f"vault:of-{seed}", status=0)
        place = oracle.LayoutPlace(app.port.vault_layout(f"of-{seed}"))
        assert oracle.check_tag(place, "latest") == digest_of(seed)


def test_a_dry_run_on_a_fresh_host_knows_from_the_record(app):
    at = app.name(1)
    app.lose_primary()
    app.forget()
    document = app.json("restore", "app", "--at", at, "--dry-run")
    assert {k: v for k, v in document["totals"]["tags"].items() if v} == {"planned": 1}


def test_the_record_says_what_was_left(app):
    """Each image once, by its tag and times; a run without news writes none."""
    for seed in (1, 2, 1):
        app.name(seed)
    record = app.record()
    assert [(item["tag"], item["digest"]) for item in record["left"]] == [("latest", digest_of(1)), ("latest", digest_of(2))]
    assert record["left"][0]["left"] == record["left"][1]["since"] < record["left"][1]["left"] == record["tags"][0]["since"]
    app.one.clear_log()
    app.sync()
    assert not [entry for entry in app.one.log() if entry.method not in ("GET", "HEAD")]
