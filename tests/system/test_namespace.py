# SPDX-License-Identifier: Apache-2.0
"""Namespaces of safeport.yaml: what a registry lists, what it does not, and what is known of it all the same."""

import json
import shutil

import pytest

from support import hostile, images, wire

UNTOUCHED = ("PUT", "POST", "PATCH", "DELETE")


class Namespace:
    """`primary: HOST/acme/*` in a registry, backups below backup/ of another one, and the safeport.yaml that says so."""

    def __init__(self, port, primary, backup, folder):
        self.port, self.primary, self.backup, self.folder = port, primary, backup, folder
        self.at_backup = wire.Wire.to(backup)
        self.contents, self.file = {}, folder / "safeport.yaml"
        self.write()

    def write(self, images_=None, **of_namespace):
        acme = {"primary": f"{self.primary.host}/acme/*", "backups": [f"{self.backup.host}/backup/{{repo}}"]}
        self.file.write_text(json.dumps({  # JSON is YAML
            "version": 1, "images": {"acme": {**acme, **of_namespace}, **(images_ or {})}}))

    def put(self, name, seed, tag="latest"):
        """Pushes to the primary; name: of the repository there."""
        content = images.small(seed, tag=tag, layers=1, layer_bytes=500)
        if isinstance(self.primary, hostile.Hostile):
            self.primary.fill(name, content)
        else:
            wire.Wire.to(self.primary).put_image(name, content)
        self.contents.setdefault(name, images.Content()).merge(content)

    def run(self, command, *arguments, **settings):
        return self.port.run(command, "--config", self.file, *arguments, **settings)

    def json(self, command, *arguments, status=0, **settings):
        return json.loads(self.run(command, "--json", *arguments, status=status, **settings).stdout)

    def names(self, command, *arguments, status=0):
        """The images of a run, and of those that failed as a whole why."""
        told = self.json(command, *arguments, status=status)["images"]
        return {image.get("name", image.get("source")): image["error"] for image in told}

    def backed_up(self, name, registry=None):
        """{tag: digest} of a backup, without safeport's own."""
        at = wire.Wire.to(registry) if registry else self.at_backup
        tags = [tag for tag in at.tags(name) if not tag.startswith("safeport-")]
        return {tag: at.tag_digest(name, tag) for tag in tags}

    def catalog_requests(self):
        return [entry for entry in self.primary.log() if entry.path.startswith("/v2/_catalog")]

    def lose(self, name):
        """The repository is deleted at the primary."""
        self.primary.stop()
        shutil.rmtree(self.primary.repository_path(name))
        self.primary.start()

    def forget(self):
        """This host never ran safeport."""
        shutil.rmtree(self.port.home / "state")


@pytest.fixture
def ns(port, start, tmp_path):
    return Namespace(port, start("primary"), start("backup"), tmp_path)


@pytest.fixture
def scripted(port, start, hostile_server, tmp_path):
    """The primary is a registry in memory that has no list of its own."""
    return Namespace(port, hostile_server(), start("backup"), tmp_path)


def lists(*names):
    return hostile.answer(200, json.dumps({"repositories": names}), [("Content-Type", "application/json")])


# -- what is listed
def test_list_of_several_pages(ns):
    """The registry lists 100 at a time; what lies beside the path, or only begins like it, is not meant."""
    mine = [f"app{number:03}" for number in range(101)] + ["team/web", "team/web/api"]
    for number, name in enumerate(mine):
        ns.put(f"acme/{name}", number)
    for number, name in enumerate(["acme", "acmes/x", "acme2", "other/acme/x", "zebra"]):
        ns.put(name, 1000 + number)
    told = ns.names("sync")
    assert told == {f"acme/{name}": None for name in mine}
    assert len(ns.catalog_requests()) == 2
    for name in mine:
        assert ns.backed_up(f"backup/{name}") == ns.contents[f"acme/{name}"].tags
    kept = json.loads(ns.at_backup.request("GET", "/v2/_catalog?n=1000").body)["repositories"]
    assert sorted(kept) == sorted(f"backup/{name}" for name in mine)
    ns.backup.clear_log()
    assert ns.json("sync")["totals"]["tags"]["in_step"] == len(mine)
    assert not [entry for entry in ns.backup.log() if entry.method in UNTOUCHED]
    assert set(ns.names("verify")) == set(ns.names("status")) == set(told)


def test_whole_registry(ns):
    ns.write(primary=f"{ns.primary.host}/*")
    ns.put("app", 1)
    ns.put("acme/web", 2)
    assert set(ns.names("sync")) == {"acme/app", "acme/acme/web"}
    assert ns.backed_up("backup/acme/web") == ns.contents["acme/web"].tags


def test_new_repository_is_found(ns):
    ns.put("acme/app", 1)
    assert set(ns.names("sync")) == {"acme/app"}
    ns.put("acme/new", 2)
    assert set(ns.names("sync")) == {"acme/app", "acme/new"}
    assert ns.backed_up("backup/new") == ns.contents["acme/new"].tags


def test_repository_without_tags_is_no_failure(ns):
    """docker-registry lists what was only ever uploaded to."""
    ns.put("acme/app", 1)
    wire.Wire.to(ns.primary).put_blob("acme/empty", images.digest_of(b"x"), b"x")
    assert ns.names("sync") == {"acme/app": None, "acme/empty": None}


def test_named_repository_needs_no_list(scripted):
    scripted.put("acme/team/web", 1)
    assert scripted.names("sync", "acme/team/web") == {"acme/team/web": None}
    assert scripted.backed_up("backup/team/web") == scripted.contents["acme/team/web"].tags
    assert not scripted.primary.asked(path="_catalog")
    assert scripted.names("verify", "acme/team/web") == {"acme/team/web": None}
    missing = scripted.names("sync", "acme/none", status=1)["acme/none"]
    assert "there is no repository" in missing["message"]
    assert "no repository 'A'" in scripted.run("sync", "acme/A", status=2).stderr


# -- registries that do not list
@pytest.mark.parametrize(("answer", "status", "code"), [
    (None, 1, "unsupported"),
    (hostile.error(405, "UNSUPPORTED"), 1, "unsupported"),
    (hostile.error(401, "UNAUTHORIZED"), 8, "auth"),
    (hostile.error(403, "DENIED"), 8, "auth"),
])
def test_registry_without_list(scripted, answer, status, code):
    """The message says what to do; the other images of the file are brought up to date."""
    if answer:
        scripted.primary.on("GET", "/v2/_catalog", answer)
    scripted.put("acme/app", 1)
    why = scripted.names("sync", status=status)
    assert set(why) == {"acme"} and why["acme"]["code"] == code
    assert "repositories:" in why["acme"]["message"] and f"{scripted.primary.host}/acme/*" in why["acme"]["message"]
    scripted.write({"one": {"primary": f"{scripted.primary.host}/acme/app", "backups": ["vault:one"]}})
    told = scripted.names("sync", status=1)
    assert told["one"] is None and told["acme"]["code"] == code
    for command in ("verify", "status"):
        assert "repositories:" in scripted.run(command, "acme", status=(1, status)).text
    scripted.write(repositories=["app"])
    assert scripted.names("sync") == {"acme/app": None}


@pytest.mark.parametrize("answer", [lists(), lists("acmes/app", "acme"), hostile.answer(200, '{"repositories":null}')])
def test_empty_list_is_never_success(scripted, answer):
    scripted.primary.on("GET", "/v2/_catalog", answer)
    why = scripted.names("sync", status=1)["acme"]
    assert why["code"] == "not-found" and "lists no repository" in why["message"]


def test_next_page_elsewhere(scripted, hostile_server):
    """Nothing is asked there, and half a list is none."""
    other = hostile_server()
    scripted.put("acme/app", 1)
    scripted.primary.auth = ("basic", "alice", "canary-password-of-alice")
    scripted.port.login(scripted.primary.host, "alice", "canary-password-of-alice")
    scripted.primary.on("GET", "/v2/_catalog", hostile.answer(
        200, '{"repositories":["acme/app"]}', [("Link", f'<{other.url}/v2/_catalog?last=a>; rel="next"')]))
    why = scripted.names("sync", status=6)
    assert set(why) == {"acme"} and "another host" in why["acme"]["message"]
    assert other.log == []


def test_list_without_end(scripted):
    """Each page leads to a new one, and none of the names is ours."""
    scripted.primary.on("GET", "/v2/_catalog", lambda exchange: hostile.Response(
        200, [("Link", f'</v2/_catalog?p={len(scripted.primary.log)}>; rel="next"')], b'{"repositories":["x/y"]}'))
    why = scripted.names("sync", status=1)["acme"]
    assert why["code"] == "limit", why
    assert len(scripted.primary.asked(path="_catalog")) <= 10_000


def test_huge_list(scripted):
    scripted.primary.on("GET", "/v2/_catalog", hostile.endless())
    assert scripted.names("sync", status=1)["acme"]["code"] == "limit"


def test_list_fails_for_a_while(scripted):
    scripted.put("acme/app", 1)
    scripted.primary.on("GET", "/v2/_catalog", hostile.error(503), hits=1)
    scripted.primary.on("GET", "/v2/_catalog", lists("acme/app"))
    assert scripted.names("sync") == {"acme/app": None}


# -- losses
def test_repository_that_is_gone(ns):
    """It is an image that lost everything: held, its backup as it was, until somebody says that it is meant."""
    for number, name in enumerate(["app", "db", "web"]):
        ns.put(f"acme/{name}", number)
    ns.json("sync")
    ns.lose("acme/web")
    ns.put("acme/app", 10, tag="v2")
    ns.backup.clear_log()
    told = {image["name"]: image for image in ns.json("sync", status=6)["images"]}
    assert set(told) == {"acme/app", "acme/db", "acme/web"}
    assert told["acme/web"]["held"] and told["acme/web"]["lost"] == 1
    assert not [e for e in ns.backup.log() if e.method in UNTOUCHED and "/backup/web/" in e.path]
    assert ns.backed_up("backup/app") == ns.contents["acme/app"].tags, "the others go on"
    assert ns.backed_up("backup/web") == ns.contents["acme/web"].tags
    for command in ("status", "verify"):
        why = ns.names(command, status=6)
        assert why["acme/app"] is None and why["acme/db"] is None, command
    assert ns.names("status", "acme/web", status=6)["acme/web"]["code"] == "refused"
    ns.run("sync", status=6)  # and again, until it is accepted
    # brought back
    ns.run("restore", "acme/web", status=0)
    assert ns.names("sync") == {"acme/app": None, "acme/db": None, "acme/web": None}
    # or meant
    ns.lose("acme/web")
    ns.run("sync", "--accept", "acme/web:*", status=6)  # that is about tags that changed
    ns.run("sync", "acme/web", "--accept-loss", status=0)
    for command in ("sync", "status", "verify"):  # what it left behind is looked at for good
        assert ns.names(command) == {"acme/app": None, "acme/db": None, "acme/web": None}
    assert ns.backed_up("backup/web") == ns.contents["acme/web"].tags
    ns.run("restore", "acme/web", "--to", f"{ns.backup.host}/again/web", status=0)
    assert ns.backed_up("again/web") == ns.contents["acme/web"].tags
    (manifest,) = ns.contents["acme/web"].manifests.values()
    ns.backup.remove(json.loads(manifest[1])["layers"][0]["digest"])
    ns.backup.restart()
    verify = {image["source"]: image for image in ns.json("verify", "--retry-for", "0", status=1)["images"]}
    assert [len(place["damage"]) for place in verify["acme/web"]["places"]] == [0, 1]
    ns.run("status", status=1)


def test_all_repositories_are_gone(ns):
    for name in ("app", "web"):
        ns.put(f"acme/{name}", 1)
    ns.json("sync")
    ns.primary.stop()
    ns.primary.wipe()
    ns.primary.start()
    told = ns.json("sync", status=6)["images"]
    assert sorted(image["name"] for image in told if image["held"]) == ["acme/app", "acme/web"]
    assert "lists no repository" in next(i for i in told if i["name"] == "acme")["error"]["message"]
    for name in ("app", "web"):
        assert ns.backed_up(f"backup/{name}") == ns.contents[f"acme/{name}"].tags


def test_list_lacks_a_repository_that_is_there(scripted):
    """Then it may lack others, too: an alarm, and nothing is written for that one."""
    listing = ["acme/app", "acme/web"]
    scripted.primary.on("GET", "/v2/_catalog", lambda exchange: lists(*listing)(exchange))
    for number, name in enumerate(listing):
        scripted.put(name, number)
    scripted.json("sync")
    before = scripted.backed_up("backup/web")
    scripted.put("acme/web", 9)
    listing.remove("acme/web")
    why = scripted.names("sync", status=6)
    assert why["acme/app"] is None and why["acme/web"]["code"] == "refused"
    assert "does not list it any more" in why["acme/web"]["message"]
    assert scripted.backed_up("backup/web") == before
    assert scripted.names("sync", "acme/web") == {"acme/web": None}, "by its name"


# -- the primary cannot be reached
def test_primary_is_down(ns, start):
    for number, name in enumerate(["app", "team/web"]):
        ns.put(f"acme/{name}", number)
    ns.json("sync")
    ns.primary.stop()
    told = ns.names("sync", "--retry-for", "0", status=4)
    assert set(told) == {"acme", "acme/app", "acme/team/web"}
    assert "only repositories that earlier runs knew are looked at (2)" in told["acme"]["message"]
    assert "acme/team/web" in ns.run("status", "--retry-for", "0", status=4).text
    assert "acme/team/web" in ns.run("verify", "--retry-for", "0", status=1).text  # the backups are proven
    rescue = start("rescue")
    done = ns.run("restore", "acme", "--to", f"{rescue.host}/{{name}}", status=0)
    assert "earlier runs" not in done.text  # the backup lists the same
    for name in ("app", "team/web"):
        assert ns.backed_up(f"acme/{name}", rescue) == ns.contents[f"acme/{name}"].tags
    ns.run("restore", "--drill", "--sample", "2", "acme", status=0)
    # A host that knows nothing: by name, and only so.
    ns.forget()
    why = ns.run("restore", "acme", "--to", f"{rescue.host}/new/{{name}}", "--retry-for", "0", status=4)
    assert "cannot list the repositories of" in why.text
    ns.run("restore", "acme/team/web", "--to", f"{rescue.host}/by/name", status=0)
    assert ns.backed_up("by/name", rescue) == ns.contents["acme/team/web"].tags


def test_restore_of_a_part_is_no_success(ns, start):
    """A host that knows one repository of three, by a verify that named it: the rest is named, and not just left out."""
    for number, name in enumerate(["app", "team/web", "tools"]):
        ns.put(f"acme/{name}", number)
    ns.json("sync")
    ns.forget()
    ns.run("verify", "acme/app", status=0)
    ns.primary.stop()
    rescue = start("rescue")

    def restore():
        told = ns.names("restore", "acme", "--to", f"{rescue.host}/{{name}}", "--retry-for", "0", status=1)
        assert set(told) == {"acme", "acme/app"} and told["acme/app"] is None
        assert ns.backed_up("acme/app", rescue) == ns.contents["acme/app"].tags
        return told["acme"]["message"]
    assert "the backups list 2 more (team/web, tools)" in restore()
    ns.run("restore", "acme/app", "acme/team/web", "acme/tools", "--to", f"{rescue.host}/{{name}}", status=0)
    for name in ("app", "team/web", "tools"):
        assert ns.backed_up(f"acme/{name}", rescue) == ns.contents[f"acme/{name}"].tags


def test_restore_of_what_a_primary_lists_is_no_success(ns, start):
    """The primary came back from a snapshot with one repository of three, and the host knows nothing."""
    for number, name in enumerate(["app", "team/web", "tools"]):
        ns.put(f"acme/{name}", number)
    ns.json("sync")
    ns.forget()
    for name in ("team/web", "tools"):
        shutil.rmtree(ns.primary.repository_path(f"acme/{name}"))
    ns.primary.restart()
    rescue = start("rescue")
    told = ns.names("restore", "acme", "--to", f"{rescue.host}/{{name}}", "--retry-for", "0", status=1)
    assert set(told) == {"acme", "acme/app"} and told["acme/app"] is None
    assert "the backups list 2 more (team/web, tools)" in told["acme"]["message"]


def test_restore_where_nobody_lists(ns, start):
    ns.write(backups=["vault:acme/{repo}"])
    ns.put("acme/app", 1)
    ns.json("sync")
    ns.primary.stop()
    why = ns.names("restore", "acme", "--to", "vault:again/{name}", "--retry-for", "0", status=1)
    assert why["acme/app"] is None and "no registry says" in why["acme"]["message"]


# -- two for one backup
def test_two_repositories_for_one_backup(scripted):
    """docker.io has two levels. Nothing is sent for either, and it is said which two they are."""
    scripted.write(backups=["docker.io/acmebackup/{repo}"])
    scripted.primary.on("GET", "/v2/_catalog", lists("acme/a/b", "acme/a-b"))
    for number, name in enumerate(["acme/a/b", "acme/a-b"]):
        scripted.put(name, number)
    why = scripted.names("sync", status=6)
    assert set(why) == {"acme/a/b", "acme/a-b"}
    for reason in why.values():
        assert "'acme/a-b'" in reason["message"] and "'acme/a/b'" in reason["message"]
        assert reason["message"].endswith("would share the backup 'docker.io/acmebackup/a-b'")
    assert scripted.names("verify", status=6)["acme/a-b"]["code"] == "refused"


def test_a_repository_for_the_backup_of_another_image_spelled_otherwise(ns, tmp_path):
    """The list alone tells that they are one."""
    ns.write(backups=[f"oci:{tmp_path}/copies/{{repo}}"])
    document = json.loads(ns.file.read_text())
    document["images"]["other"] = {"primary": f"{ns.primary.host}/other/web",
                                   "backups": [f"oci:{tmp_path}/x/..//copies/app/"]}
    ns.file.write_text(json.dumps(document))
    for number, name in enumerate(["acme/app", "acme/web"]):
        ns.put(name, number)
    why = ns.names("sync", status=6)
    assert why["acme/web"] is None
    for name in ("acme/app", "other"):
        assert why[name]["message"].endswith(f"would share the backup 'oci:{tmp_path}/copies/app'")


def test_names_are_flattened(scripted):
    """The place at docker.io, which cannot be reached from here."""
    scripted.write(backups=["docker.io/acmebackup/{repo}"])
    scripted.primary.on("GET", "/v2/_catalog", lists("acme/team/web/api"))
    scripted.put("acme/team/web/api", 1)
    told = scripted.json("sync", "--retry-for", "0", status=4, env={"HTTPS_PROXY": "http://127.0.0.1:9"})["images"]
    assert [place["name"] for place in told[0]["places"]] == ["docker.io/acmebackup/team-web-api"]


def test_listed_repository_for_the_backup_of_another_image(ns):
    ns.put("acme/app", 1)
    ns.put("acme/web", 2)
    ns.put("other", 3)
    ns.write({"other": {"primary": f"{ns.primary.host}/other", "backups": [f"{ns.backup.host}/backup/app"]}})
    why = ns.names("sync", status=6)
    assert why["acme/web"] is None and why["acme/app"]["code"] == why["other"]["code"] == "refused"
    assert ns.backed_up("backup/web") and ns.at_backup.tags("backup/app") == []


def test_named_repository_for_the_backup_of_a_known_one(scripted):
    """Of the other one only the journal knows."""
    for number, name in enumerate(["acme/a/b", "acme/a-b"]):
        scripted.put(name, number)
    scripted.names("sync", "acme/a/b")
    scripted.write(backups=["docker.io/acmebackup/{repo}"])
    why = scripted.names("sync", "acme/a-b", status=6)
    assert set(why) == {"acme/a-b"} and "'acme/a/b'" in why["acme/a-b"]["message"]
    scripted.primary.on("GET", "/v2/_catalog", lists("acme/a/b", "acme/a-b"))
    told = scripted.json("sync", "acme", "acme/a-b", status=6)["images"]
    assert {image["error"]["code"] for image in told} == {"refused"}, "named in two ways"
