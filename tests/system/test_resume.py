# SPDX-License-Identifier: Apache-2.0
"""An upload in chunks that was cut off goes on with the next run, from what the registry had acknowledged; whatever
became of its session, the blob that is there at the end is the right one."""

import collections
import json
import shutil
import signal
import sqlite3
import stat
import time

import pytest

from support import hostile, images, journal, oracle, safeport, wire

MIB = 1 << 20
LAYER_MIB, CUT_MIB = 20, 12  # above the bound from which uploads are remembered; where the source stops
REPOSITORY = "backup/app"


class Upload:
    """A primary that serves a large layer up to CUT_MIB at first and then says nothing more; a backup to which it is
    sent in chunks of 1 MiB. The cut falls between two chunks: this registry loses a session that is cut in one."""

    def __init__(self, port, primary, backup, folder, layers=1):
        self.port, self.primary, self.backup, self.folder = port, primary, backup, folder
        self.layers = [images.random_bytes(number, LAYER_MIB * MIB) for number in range(layers)]
        self.content = images.Content()
        self.content.add_image(self.layers, tag="v1")
        self.digests = [images.digest_of(layer) for layer in self.layers]
        primary.fill("src/app", self.content)
        for digest in self.digests:
            primary.on("GET", f"/blobs/{digest}", hostile.how(stall_after=CUT_MIB * MIB), hits=1)
        self.file = folder / "safeport.yaml"
        self.file.write_text(json.dumps({
            "version": 1, "registries": {backup.host: {"chunked": "1MiB"}},
            "images": {"app": {"primary": f"{primary.host}/src/app", "backups": [f"{backup.host}/{REPOSITORY}"]}}}))
        self.outputs = []

    @property
    def database(self):
        return self.port.home / "state" / "safeport" / "journal.db"

    def remembered(self):
        """[(digest, offset, location)] of the journal."""
        try:
            with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as db:
                rows = db.execute("SELECT digest, offset_bytes, location FROM uploads").fetchall()
            db.close()
        except sqlite3.OperationalError:  # not there yet
            return []
        return [("sha256:" + row[0][1:33].hex(), row[1], row[2]) for row in rows]

    def start(self, port=None):
        return (port or self.port).start("sync", "--config", self.file, "--json", "-vv")

    def cut(self, number=signal.SIGKILL):
        """A run that is stopped when all that the source gave is with the backup, and in the journal."""
        running = self.start()
        for _ in range(600):
            if sorted(offset for _, offset, _ in self.remembered()) == [CUT_MIB * MIB] * len(self.layers):
                break
            time.sleep(0.05)
        else:
            pytest.fail(f"the uploads did not come so far: {self.remembered()} {self.primary.problems}")
        assert self.chunks() == CUT_MIB * len(self.layers)
        running.signal(number)
        result = running.wait(30)
        self.outputs.append(result)
        self.backup.clear_log()
        return result

    def finish(self, status=0):
        result = self.start().wait(60, status)
        self.outputs.append(result)
        return result

    def chunks(self):
        """Of layers, that the backup took; a session of one chunk is that of the config."""
        sessions = collections.Counter(entry.path for entry in self.backup.log()
                                       if entry.method == "PATCH" and entry.status == 202)
        return sum(count for count in sessions.values() if count > 1)

    def session_data(self):
        """Where the backup keeps what it has of the layer."""
        data, = [path for path in (session / "data" for session in self.backup.uploads())
                 if path.stat().st_size == CUT_MIB * MIB]
        return data

    def check(self, is_forgotten=True):
        """The image is there, byte by byte; nothing of the sessions was said; nothing is remembered any more."""
        for place in (oracle.StoragePlace(self.backup.storage, REPOSITORY),
                      oracle.HttpPlace(wire.Wire.to(self.backup), REPOSITORY)):
            digest = self.content.tags["v1"]
            assert oracle.check_tag(place, "v1", digest) == digest
        assert self.remembered() == [] or not is_forgotten
        assert stat.S_IMODE(self.database.stat().st_mode) == 0o600
        for result in self.outputs:
            assert "_state=" not in result.text, result


@pytest.fixture
def make(port, hostile_server, start, tmp_path):
    def upload(**settings):
        return Upload(port, hostile_server(), start("backup"), tmp_path, **settings)
    return upload


def test_killed(make):
    upload = make()
    upload.cut()
    document = json.loads(upload.finish().stdout)
    assert upload.chunks() == LAYER_MIB - CUT_MIB
    assert document["totals"]["bytes_sent"] < (LAYER_MIB - CUT_MIB) * MIB + 10_000
    upload.check()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop(make, number):
    upload = make()
    assert upload.cut(number).status in (130, 143)
    upload.finish()
    assert upload.chunks() == LAYER_MIB - CUT_MIB
    upload.check()


def test_source_that_fails(make):
    """The run ends by itself; what it sent is good."""
    upload = make()
    upload.primary.rules[0].action = hostile.how(cut_after=CUT_MIB * MIB, rst=True)
    upload.primary.on("GET", f"/blobs/{upload.digests[0]}", hostile.error(503))
    upload.outputs.append(upload.start().wait(30, (1, 4)))
    (_, offset, _), = upload.remembered()
    assert offset >= MIB
    upload.primary.rules.clear()
    upload.backup.clear_log()
    upload.finish()
    assert upload.chunks() == LAYER_MIB - offset // MIB
    upload.check()


def test_registry_restarted(make):
    upload = make()
    upload.cut()
    upload.backup.kill()
    upload.backup.start()
    upload.finish()
    assert upload.chunks() == LAYER_MIB - CUT_MIB
    upload.check()


def test_session_purged(make):
    upload = make()
    upload.cut()
    for session in upload.backup.uploads():
        shutil.rmtree(session)
    upload.finish()
    assert upload.chunks() == LAYER_MIB
    upload.check()


def test_cut_inside_a_chunk(make):
    """The registry has bytes that it did not acknowledge: to this one the session is lost."""
    upload = make()
    upload.cut()
    data = upload.session_data()
    with data.open("ab") as file:
        file.write(b"x" * 1000)
    upload.finish()
    assert upload.chunks() == LAYER_MIB
    upload.check()


def test_no_journal(make):
    upload = make()
    upload.cut()
    upload.database.unlink()
    upload.finish()
    assert upload.chunks() == LAYER_MIB
    upload.check()


# -- the journal says what is not so
def rewrite(upload, change):
    """change(digest, offset, location) -> the same, of each remembered session; sealed as if safeport had said so."""
    with sqlite3.connect(upload.database) as db:
        rows = db.execute("SELECT place, digest, size_bytes, offset_bytes, location, at_s FROM uploads").fetchall()
        for place, digest, size, offset, location, at in rows:
            fields = (place, *change(digest, size, offset, location), at)
            seal = journal.seal("uploads", fields, f"{upload.backup.host}/{REPOSITORY}")
            db.execute("DELETE FROM uploads WHERE place = ? AND digest = ?", (place, digest))
            db.execute("INSERT OR REPLACE INTO uploads VALUES(?,?,?,?,?,?,?)", (*fields, seal))
    db.close()


def test_unchanged_rows_are_believed(make):
    """The seals of these tests are right."""
    upload = make()
    upload.cut()
    rewrite(upload, lambda *fields: fields)
    upload.finish()
    assert upload.chunks() == LAYER_MIB - CUT_MIB
    upload.check()


def test_sessions_of_each_other(make):
    """Each layer's row names the other one's session, at an offset that fits."""
    upload = make(layers=2)
    upload.cut()
    places = [location for _, _, location in upload.remembered()]
    rewrite(upload, lambda digest, size, offset, location: (digest, size, offset, places[location == places[0]]))
    upload.finish()
    upload.check()


@pytest.mark.parametrize("change", [
    lambda digest, size, offset, location: (digest, size, offset + MIB, location),
    lambda digest, size, offset, location: (digest, size, size, location),
    lambda digest, size, offset, location: (digest, size, offset, location.split("?")[0]),
    lambda digest, size, offset, location: (digest, size, offset, location.replace("127.0.0.1", "127.0.0.2")),
    lambda digest, size, offset, location: (digest, size, offset, "file:///etc/passwd"),
    lambda digest, size, offset, location: (digest, size, offset, location[:location.index("/v2/")] + "/v2/"),
    lambda digest, size, offset, location: (digest, size, offset, location[:location.index("/blobs/")] + "/tags/list"),
], ids=["further", "all", "no state", "another host", "no URL", "no session", "tags"])
def test_wrong_row(make, change):
    upload = make()
    upload.cut()
    rewrite(upload, change)
    upload.finish()
    assert upload.chunks() == LAYER_MIB
    assert not [entry for entry in upload.backup.log() if entry.method == "DELETE"]
    upload.check()


def test_wrong_bytes_in_the_session(make):
    """What lies at the registry is no longer what was sent: it keeps a hash of that and does not look again. We do."""
    upload = make()
    upload.cut()
    data = upload.session_data()
    with data.open("r+b") as file:
        file.seek(5 * MIB)
        file.write(b"other bytes")
    result = upload.finish(status=5)
    assert "still has bad bytes" in result.text and upload.digests[0] in result.text
    assert "v1" not in wire.Wire.to(upload.backup).tags(REPOSITORY) and upload.remembered() == []


# -- two at once
def test_two_hosts_with_one_session(make, port, tmp_path):
    upload = make()
    upload.cut()
    other = safeport.Safeport(tmp_path / "other")
    shutil.copytree(port.home / "state", other.home / "state")
    both = [upload.start(), upload.start(other)]
    upload.outputs += [running.wait(60, 0) for running in both]
    upload.check(is_forgotten=False)  # of a session that the other one closed: who needs it next finds it lost
