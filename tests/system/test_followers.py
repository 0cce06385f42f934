# SPDX-License-Identifier: Apache-2.0
"""Referrers under fallback tags: a sync with nothing to do asks for each by HEAD, and goes on when one has changed."""

import pytest

from support import backed_up, images, oracle, wire


@pytest.fixture
def backed(port, start, tmp_path):
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.put("app", images.with_referrers(1))
    backed.put("app", images.small(2, tag="v1.0.0"))
    backed.write()
    backed.sync()
    return backed


def test_nothing_to_do(backed):
    for registry in (backed.primary, backed.one):
        registry.clear_log()
    assert backed.sync()["totals"]["tags"]["in_step"] == 6
    assert {entry.method for entry in backed.one.log() if "/manifests/" in entry.path} == {"HEAD"}
    asked = [entry.path.rsplit("/", 1)[1] for entry in backed.primary.log() if "/manifests/" in entry.path]
    assert sorted(asked) == sorted(tag for tag in backed.images["app"].tags if tag in ("latest", "v1.0.0") or
                                   backed.images["app"].tags["latest"][7:] in tag)


def test_one_has_changed(backed):
    """Found at the next sync, and also where a backup was out at that one."""
    late = images.with_referrers(1)
    media_type, data = late.manifests[late.tags["latest"]]
    subject = {"mediaType": media_type, "digest": late.tags["latest"], "size": len(data)}
    signature = late.add_artifact("application/vnd.test.late", b'{"late": 1}', subject=subject)
    late.add_fallback_tag(subject)
    backed.put("app", late)
    backed.one.stop()
    backed.run("sync", "--retry-for", "0", status=1)
    backed.one.start()
    backed.sync()
    for registry, name in ((backed.one, "one/app"), (backed.two, "two/app")):
        assert wire.Wire.to(registry).manifest(name, signature["digest"]).status == 200
        oracle.check_tag(oracle.HttpPlace(wire.Wire.to(registry), name), "latest")
    assert backed.sync()["totals"]["tags"]["in_step"] == 6
