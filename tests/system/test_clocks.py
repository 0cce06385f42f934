# SPDX-License-Identifier: Apache-2.0
"""A machine whose clock is far behind for one run (it has none of its own that goes on, or it jumped): what is decided by
age is decided rightly afterwards. (What `restore --at` tells then: test_restore_at.py.)"""

import pytest

from support import backed_up, clock, images, oracle, wire

DAY = 24 * 3600


@pytest.fixture
def backed(port, start, tmp_path):
    made = backed_up.BackedUp(port, start, tmp_path)
    made.backups = lambda name: [f"{made.one.host}/one/{name}", f"{made.two.host}/two/{name}"]
    return made


def behind(backed, seconds):
    return {"LD_PRELOAD": str(clock.ahead(backed.folder, -seconds))}


def has_tag(registry, repository, tag):
    return wire.Wire.to(registry).manifest(repository, tag).status == 200


def lose_tags(backed, keep):
    """Of the primary only these are left."""
    backed.lose_primary()
    for number in keep:
        backed.put("app", images.small(number, tag=f"t{number}"))


@pytest.mark.parametrize("days", [2, 500, 20000])
def test_what_was_lost_stays_the_last_copy(backed, days):
    """A loss that such a run sees is not as old as its clock says: no prune forgets it."""
    for number in range(1, 5):
        backed.put("app", images.small(number, tag=f"t{number}"))
    backed.write(max_loss="50%")
    backed.sync()
    lose_tags(backed, [1, 2, 3])
    backed.run("sync", env=behind(backed, days * DAY), status=0)
    for seed in (1, 2):
        backed.put("app", images.small(seed, tag="new"))
        backed.sync()
    for forgets in (False, True):
        backed.one.stop()
        backed.one.wipe()
        backed.one.start()
        if forgets:
            backed.forget()
        backed.sync()
        assert has_tag(backed.one, "one/app", "t4") and has_tag(backed.two, "two/app", "t4"), forgets


@pytest.mark.parametrize("days", [2, 60, 20000])
def test_what_is_young_enough_stays_selected(backed, days):
    """Tags are as old as when they were first seen: that run saw them later than it thinks."""
    for number in range(1, 4):
        backed.put("app", images.small(number, tag=f"v{number}"))
    backed.write(image_tags={"include": ["glob:v*"], "since": "1d"})
    backed.sync()
    backed.run("sync", env=behind(backed, days * DAY), status=0)
    backed.put("app", images.small(4, tag="v4"))
    backed.sync()
    for forgets in (False, True):
        if forgets:
            backed.forget()
        digest = images.small(2, tag="v2").tags["v2"]
        assert wire.Wire.to(backed.one).request("DELETE", f"/v2/one/app/manifests/{digest}").status == 202
        assert backed.json("status", status=1)
        backed.sync()
        assert oracle.check_tag(oracle.HttpPlace(wire.Wire.to(backed.one), "one/app"), "v2") == images.small(
            2, tag="v2").tags["v2"]


def test_a_run_whose_clock_is_wrong_says_so(backed):
    backed.put("app", images.small(1))
    backed.write()
    done = backed.run("sync", env=behind(backed, 2 * DAY), status=0)
    assert "the clock of this machine differs by 1728" in done.text and "set the clock" in done.text
    backed.put("app", images.small(2))
    assert "clock" not in backed.run("sync", status=0).text


def test_a_date_of_a_wrong_clock_is_shown_as_one(backed):
    backed.put("app", images.small(1))
    backed.write()
    backed.run("sync", env=behind(backed, 2 * DAY), status=0)
    backed.put("app", images.small(2))
    backed.sync()
    (tag,) = backed.json("status", "--history", "5")["images"][0]["tags"]
    assert [state["undated"] for state in tag["history"]] == [False, True]
    assert backed.run("status", "--history", "5", status=0).stdout.count("a clock was wrong: date not sure") == 1
