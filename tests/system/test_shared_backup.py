# SPDX-License-Identifier: Apache-2.0
"""Two files, of two teams or hosts, that have one backup for two primaries: nobody sees both files, so the record tells
of it. And a primary that has another name from now on, which looks the same, once."""

import pytest

from support import backed_up, images, wire

TAKEN = "two primaries share this backup, and each overwrites the other's tags; give each a repository of its own"
OTHERS = "two primaries share this backup, and its tags may be the other's"


class Teams(backed_up.BackedUp):
    """src/app and other/app, each with a file and a journal of its own, and one backup."""

    def __init__(self, port, start, folder):
        super().__init__(port, start, folder)
        self.put("app", images.small(1, layers=1, layer_bytes=2000))
        self.at_primary.put_image("other/app", images.small(2, layers=1, layer_bytes=2000))

    def backups(self, name):
        return [f"{self.one.host}/shared/{name}"]

    def place(self, team):
        return f"{self.primary.host}/{team}/app"

    def notes(self, team, command, *arguments, host="a", status=0):
        self.write(state=f"{self.folder}/{team}-{host}")
        self.file.write_text(self.file.read_text().replace(self.place("src"), self.place(team)))
        (image,) = self.json(command, *arguments, status=status)["images"]
        return [note for note in image["notes"] if "safeport-record" in note]

    def push(self, team, seed):
        self.at_primary.put_image(f"{team}/app", images.small(seed, layers=1, layer_bytes=2000))


@pytest.fixture
def teams(port, start, tmp_path):
    return Teams(port, start, tmp_path)


def test_each_run_that_takes_the_record_says_whose_it_was(teams):
    seed = 10
    assert teams.notes("src", "sync") == []
    for team, before in (("other", "src"), ("src", "other"), ("other", "src")):
        (note,) = teams.notes(team, "sync")
        was = f"the record '{teams.one.host}/shared/app:safeport-record' was of the primary '{teams.place(before)}'"
        assert note.startswith(f"{was}, and is of '{teams.place(team)}' from now on: ") and note.endswith(TAKEN)
        seed += 1
        teams.push(before, seed)


def test_a_fresh_host_says_whose_the_record_is(teams):
    teams.notes("src", "sync")
    teams.notes("other", "sync")
    for command in (["status"], ["restore", "app", "--to", "vault:back"]):
        (note,) = teams.notes("src", *command, host="fresh", status=None)
        assert note.startswith(f"the record '{teams.one.host}/shared/app:safeport-record' is of the primary "
                               f"'{teams.place('other')}': ") and note.endswith(OTHERS)
        assert teams.notes("other", *command, host="fresh", status=None) == []


def test_a_primary_that_has_another_name_says_so_once(teams):
    """As after a move to another registry: from the second run on nothing is amiss."""
    teams.notes("src", "sync")
    assert len(teams.notes("other", "sync")) == 1
    assert teams.notes("other", "sync") == []
    teams.push("other", 3)
    assert teams.notes("other", "sync") == []
    assert teams.notes("other", "sync", host="fresh") == teams.notes("other", "status", host="fresh") == []
    digest = wire.Wire.to(teams.primary).tag_digest("other/app", "latest")
    assert wire.Wire.to(teams.one).tag_digest("shared/app", "latest") == digest
