# SPDX-License-Identifier: Apache-2.0
"""Names on the command line that mean one image several times: it is one image."""

import json

import pytest

from support import backed_up, images, wire


@pytest.fixture
def backed(port, start, tmp_path):
    backed = backed_up.BackedUp(port, start, tmp_path)
    for number, name in enumerate(["app", "web"]):
        for version in range(3):
            backed.put(name, images.small(10 * number + version, tag=f"v{version}.0.0", layers=1, layer_bytes=500))
    backed.write()
    return backed


def sources(report):
    return [image["source"] for image in report["images"]]


def test_sync_and_status(backed):
    done = backed.json("sync", "app", "web", "app")
    assert sorted(image["name"] for image in done["images"]) == ["app", "web"]
    assert done["totals"]["images"] == 2 and done["totals"]["tags"]["copied"] == 18
    told = backed.json("status", "web", "web")
    assert [image["name"] for image in told["images"]] == ["web"]


@pytest.mark.parametrize(("names", "tags"), [
    (["app", "app"], 3), (["app", "app:v1.0.0"], 3), (["app:v1.0.0", "app"], 3),
    (["app:v1.0.0", "app:v1.0.0"], 1), (["app:v1.0.0", "app:v2.0.0", "app:v1.0.0"], 2)])
def test_verify_joins_tags(backed, names, tags):
    backed.sync()
    report = backed.json("verify", *names)
    assert sources(report) == ["app"]
    assert report["totals"]["images"] == 1 and report["totals"]["tags"]["total"] == 4 * tags
    assert backed.json("verify", "--repair", *names)["totals"]["tags"]["good"] == 4 * tags


def test_too_many_tags_of_one_image(backed):
    backed.sync()
    done = backed.run("verify", *[f"app:v{number}" for number in range(101)], status=None)
    assert done.status == 2 and "'app' is named with more than 100 tags" in done.stderr, done


def test_restore(backed):
    backed.sync()
    done = backed.json("restore", "app", "app", "--tag", "v1.0.0", "--to", "vault:again")
    assert [image["name"] for image in done["images"]] == ["app"]


@pytest.mark.parametrize("names", [["acme", "acme/web"], ["acme/web", "acme"], ["acme/web", "acme/web", "acme", "acme"]])
def test_namespace_and_a_repository_of_it(port, start, tmp_path, names):
    primary, backup = start("primary"), start("backup")
    for number, name in enumerate(["api", "web"]):
        wire.Wire.to(primary).put_image(f"acme/{name}", images.small(number, layers=1, layer_bytes=500))
    file = tmp_path / "safeport.yaml"
    file.write_text(json.dumps({"version": 1, "images": {"acme": {
        "primary": f"{primary.host}/acme/*", "backups": [f"{backup.host}/backup/{{repo}}"]}}}))
    for _ in range(2):  # then the journal knows repositories, too
        report = json.loads(port.run("sync", "--config", file, "--json", *names, status=0).stdout)
        assert sorted(image["name"] for image in report["images"]) == ["acme/api", "acme/web"]
