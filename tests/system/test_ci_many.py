# SPDX-License-Identifier: Apache-2.0
"""What CI systems are told of runs over many images: sync, verify of names, status, restore. See test_ci.py."""

import json
import os
import pathlib

import pytest

from support import actions, backed_up, gitlab, hostile, images, wire

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def backed(port, start, tmp_path):
    """Two images, not yet backed up."""
    made = backed_up.BackedUp(port, start, tmp_path)
    made.put("app", images.small(801, tag="latest"))
    made.put("app", images.small(802, tag="v1.0.0"))
    made.put("web", images.small(803, tag="latest"))
    made.write()
    return made


def rows(runner):
    """(image, place) -> the other cells; and the images in the order of the table."""
    (table,) = actions.tables(runner.summary)
    cells = {(row[0].strip("`"), row[1].strip("`")): row[2:] for row in table[1:]}
    assert len(cells) == len(table) - 1, "one row for each image and place"
    return cells, [row[0].strip("`") for row in table[1:]]


def report(runner):
    """The file, which is what --json prints."""
    path = runner.output["report"]
    assert os.path.dirname(path) == str(runner.temp) and len(list(runner.temp.iterdir())) == 1
    return json.loads(open(path).read())


def in_ci(backed, runner, command, *arguments, status, **settings):
    """Runs it in CI; the outputs of a step before it are forgotten."""
    runner.output_file.write_text("")
    runner.summary_file.write_text("")
    for path in runner.temp.iterdir():
        path.unlink()
    return backed.run(command, *arguments, env=runner.env, status=status, **settings)


def test_a_good_sync_says_what_is_where(runner, backed):
    done = in_ci(backed, runner, "sync", status=0)
    assert actions.commands(done.text) == []
    cells, _ = rows(runner)
    assert set(cells) == {(name, place) for name in ("app", "web") for place in backed.backups(name)}
    assert all(cells["app", place] == ["copied", "2 copied"] for place in backed.backups("app"))
    assert "2 images: 9 copied" in runner.summary and "What went wrong" not in runner.summary
    output = runner.output
    assert output["tags_copied"] == "9" and output["tags_failed"] == "0" and output["images_failed"] == "0"
    assert output["exit_status"] == "0" and output["images"] == "2"
    document = report(runner)
    assert document["kind"] == "sync" and document["totals"]["tags"]["copied"] == 9
    # the numbers of the totals, and nothing else
    numbers = {name for name, value in document["totals"].items() if type(value) is int}
    assert set(output) == numbers | {f"tags_{name}" for name in document["totals"]["tags"]} | {"report"}
    in_ci(backed, runner, "sync", status=0)
    assert runner.output["tags_in_step"] == "9" and rows(runner)[0]["web", "vault:web"] == ["in step", "1 in step"]


def test_json_owns_stdout_and_is_the_report(runner, backed):
    for command in (["sync"], ["verify"], ["status"], ["restore", "app", "--dry-run"]):
        done = in_ci(backed, runner, command[0], *command[1:], "--json", status=0)
        assert json.loads(done.stdout) == report(runner), command


def test_a_backup_that_fails(runner, backed):
    backed.sync()  # from now on this host knows the backups, and no record is asked for before all else
    backed.one.stop()
    plain = backed.run("sync", status=1)
    done = in_ci(backed, runner, "sync", status=1)
    messages = actions.errors(done)
    assert len(messages) == 2 and all(backed.one.host in message for message in messages), "one for each image"
    assert sorted(f"safeport: {message}" for message in messages) == sorted(
        line for line in plain.stderr.splitlines() if line.startswith("safeport: ")), "the same words without a runner"
    assert all(message in runner.summary for message in messages)
    assert runner.output["tags_failed"] == "3" and runner.output["images_failed"] == "2"
    table = actions.tables(runner.summary)[0]
    assert [row[2] for row in table[1:]] == ["failed"] * 2 + ["in step"] * 4, "what went wrong comes first"


def test_a_fixed_tag_that_changed_is_an_alarm(runner, backed):
    backed.sync()
    backed.put("app", images.small(812, tag="v1.0.0"))
    done = in_ci(backed, runner, "sync", status=6)
    (message,) = actions.errors(done)
    assert "v1.0.0" in message and "tampered" in message and "safeport sync app --accept TAG" in message
    assert message in runner.summary
    assert all(rows(runner)[0]["app", place][0] == "alarm: fixed tag changed" for place in backed.backups("app"))
    assert runner.output["tags_not_followed"] == "3" and runner.output["exit_status"] == "6"
    # the result on stdout says it elsewhere
    assert "tampered" in backed.run("sync", status=6).stdout


def test_a_primary_that_lost_its_tags_is_an_alarm(runner, backed):
    backed.sync()
    backed.lose_primary()
    backed.at_primary.put_image("src/app", images.small(801, tag="other"))
    backed.at_primary.put_image("src/web", images.small(803, tag="latest"))
    done = in_ci(backed, runner, "sync", status=6)
    (message,) = actions.errors(done)
    assert "'app'" in message and "latest, v1.0.0" in message and "safeport sync app --accept-loss" in message
    assert message in runner.summary
    assert rows(runner)[0]["app", "vault:app"][0] == "alarm: tags are lost"
    assert runner.output["images_held"] == "1" and runner.output["lost"] == "2"


def test_a_loss_within_bounds_is_a_warning(runner, backed):
    backed.write(max_loss="90%")
    backed.sync()
    digest = backed.images["app"].tags["latest"]
    backed.lose_primary()
    backed.put("web", images.small(803, tag="latest"))
    backed.at_primary.put_image("src/app", images.small(801, tag="latest"))
    assert digest == backed.images["app"].tags["latest"]
    done = in_ci(backed, runner, "sync", status=0)
    (message,) = actions.warnings(done)
    assert "v1.0.0" in message and "the backups keep them" in message and actions.errors(done) == []


@pytest.mark.parametrize("how, status", [("flip", 5), ("remove", 1)])
def test_a_verify_that_finds_damage(runner, backed, how, status):
    backed.sync()
    layer = json.loads(backed.images["web"].manifests[backed.images["web"].tags["latest"]][1])["layers"][0]["digest"]
    backed.one.stop()
    if how == "flip":
        backed.one.flip(layer, 5)
    else:
        backed.one.remove(layer)
    backed.one.start()
    plain = backed.run("verify", "--read")
    done = in_ci(backed, runner, "verify", "--read", status=plain.status)
    assert plain.status in (status, 5)
    (message,) = actions.errors(done)
    assert "'web'" in message and layer in message and backed.one.host in message
    assert "safeport verify --repair web" in message, "with what to do"
    assert layer in runner.summary and rows(runner)[0]["web", f"{backed.one.host}/one/web"][0] == "not whole"
    assert rows(runner)[1][0] == "web", "what went wrong comes first"
    assert runner.output["damaged"] == "1" and runner.output["tags_good"] == "11"
    assert runner.output["exit_status"] == str(done.status)
    assert report(runner)["kind"] == "verify-images"


def test_status_says_what_is_not_in_step(runner, backed):
    backed.sync()
    backed.put("web", images.small(823, tag="latest"))
    done = in_ci(backed, runner, "status", status=1)
    messages = actions.errors(done)
    assert len(messages) == 3 and all("1 behind" in message and "safeport sync web" in message for message in messages)
    cells, order = rows(runner)
    assert cells["web", "vault:web"] == ["not in step", "1 behind"] and cells["app", "vault:app"][0] == "in step"
    assert order[:3] == ["web"] * 3 and "1 of 2 images in step" in runner.summary
    assert runner.output["tags_behind"] == "3" and runner.output["images_good"] == "1"
    backed.write(image_required=False)
    done = in_ci(backed, runner, "status", status=0)
    assert actions.errors(done) == [] and len(actions.warnings(done)) == 3


def test_watching_tells_the_system_nothing(runner, backed):
    backed.sync()
    running = backed.port.start("status", "--config", backed.file, "--watch=1", env=runner.env)
    running.process.stdout.readline()
    running.signal(2)
    running.wait(20, status=130)
    assert runner.summary == "" and not list(runner.temp.iterdir())


def test_restore_and_a_tag_that_stays(runner, backed):
    backed.sync()
    wire.Wire.to(backed.two).put_image("new/app", images.small(831, tag="latest"))
    done = in_ci(backed, runner, "restore", "app", "--all", "--to", f"{backed.two.host}/new/app", status=6)
    (message,) = actions.errors(done)
    assert "latest" in message and "--force" in message and message in runner.summary
    assert rows(runner)[0]["app", f"{backed.two.host}/new/app"] == ["refused", "1 copied, 1 refused"]
    assert runner.output["tags_copied"] == "1" and runner.output["tags_refused"] == "1"
    done = in_ci(backed, runner, "restore", "app", "--all", "--force", "--to", f"{backed.two.host}/new/app", status=0)
    assert actions.errors(done) == [] and runner.output["tags_copied"] == "1"


def test_a_drill(runner, backed):
    backed.sync()
    in_ci(backed, runner, "restore", "--drill", "--sample", "100", status=0)
    assert runner.output["exit_status"] == "0" and int(runner.output["bytes_read"]) > 0
    assert len(rows(runner)[0]) >= 6
    assert report(runner)["kind"] == "restore"


# -- names and texts from outside
@pytest.mark.parametrize("text", actions.HOSTILE_TEXTS)
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_registry_says_is_no_command(runner, port, hostile_server, tmp_path, text, form):
    server = hostile_server()
    server.on("GET", "/tags/list", hostile.error(403, "DENIED", text))
    config = tmp_path / "safeport.yaml"
    name = "a|`b` ::error::<script>"
    config.write_text(json.dumps({"version": 1, "images": {
        name: {"primary": f"{server.host}/a/b", "backups": ["vault:a"]}}}))
    more = ["--json"] if form == "json" else []
    done = port.run("sync", "--config", config, *more, env=runner.env)
    assert done.status != 0 and {command.name for command in actions.commands(done.stderr)} == {"error"}
    assert actions.commands(done.stdout) == []
    if form == "json" and done.status != 2:
        assert json.loads(done.stdout)["images"][0]["error"]
    actions.check_harmless(runner.summary)


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_no_secret_is_said_even_with_debug(runner, port, hostile_server, tmp_path, kind):
    server = hostile_server(auth=(kind, "alice", "another-password"))
    port.login(server.host, "alice", "canary-password-of-alice")
    server.on("*", "/v2/" if kind == "basic" else "/token", hostile.say_credentials)
    config = tmp_path / "safeport.yaml"
    config.write_text(json.dumps({"version": 1, "images": {
        "app": {"primary": f"{server.host}/a/b", "backups": ["vault:app"]}}}))
    for command in (["sync"], ["verify"], ["status"], ["restore", "app"]):
        done = port.run(*command, "--config", config, "--debug", env=runner.env)  # run() looks for secrets
        assert done.status != 0 and actions.errors(done), command
    assert [request for request in server.asked() if request.header("Authorization")], "it was sent the password"


# -- bounds
def fleet(tmp_path, count, name):
    """A safeport.yaml of so many images whose primaries are not there."""
    config = tmp_path / "safeport.yaml"
    config.write_text(json.dumps({"version": 1, "images": {
        name.format(number): {"primary": f"oci:{tmp_path}/none-{number}", "backups": [f"vault:a{number}"]}
        for number in range(count)}}))
    return config


@pytest.mark.parametrize("command", ["sync", "verify", "status"])
def test_a_fleet_fits(runner, port, tmp_path, command):
    config = fleet(tmp_path, 3000, "image-{:0>100}")
    done = port.run(command, "--config", config, env=runner.env, timeout_s=300)
    assert done.status != 0
    messages = actions.errors(done)
    assert len(messages) == 10, "GitHub shows no more of a step"
    plain = [line for line in done.stderr.splitlines() if line.startswith("safeport: ")]
    assert len(plain) == 3000 - 9 and messages[-1] == "and 2991 more errors: see the log of this step"
    assert "more lines are left out" in runner.summary  # which is no larger than the runner takes
    assert len(json.loads(open(runner.output["report"]).read())["images"]) == 3000
    assert runner.output["images"] == "3000"


# -- before there is a result
def test_a_wrong_file_is_an_error_and_leaves_no_report(runner, port, tmp_path):
    config = tmp_path / "safeport.yaml"
    config.write_text("version: 1\nimages:\n  app:\n    primry: ghcr.io/acme/app\n")
    for command in (["sync"], ["verify"], ["status"], ["restore", "app"]):
        runner.output_file.write_text("")
        done = port.run(*command, "--config", config, env=runner.env, status=2)
        assert len(actions.errors(done)) == 1 and "did you mean 'primary'" in done.stderr
        assert runner.output["report"] == "" and not list(runner.temp.iterdir())


@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP"])
@pytest.mark.parametrize("what", ["missing folder", "full"])
def test_a_file_that_cannot_be_written_is_a_warning(runner, port, tmp_path, variable, what):
    env = {**runner.env, variable: "/dev/full" if what == "full" else str(tmp_path / "no" / "such")}
    done = port.run("sync", "--config", fleet(tmp_path, 1, "a{}"), env=env)
    assert done.status == port.run("sync", "--config", tmp_path / "safeport.yaml").status
    assert len(actions.warnings(done)) == 1, repr(done)


# -- other languages, other systems
def test_chinese(runner, backed):
    env = {"LANGUAGE": "zh_CN", "SAFEPORT_LOCALEDIR": str(ROOT / "build" / "po")}
    backed.sync()
    backed.put("app", images.small(842, tag="v1.0.0"))
    runner.env.update(env)
    done = in_ci(backed, runner, "sync", status=6)
    (message,) = actions.errors(done)
    assert "v1.0.0" in message and "--accept TAG" in message and "篡改" in message
    backed.port.options = []
    said = backed.port.run("log", "--run", "1", env=env, status=0).stdout
    assert "已复制" in said and "copied" not in said
    backed.one.stop()
    said = backed.run("verify", "--retry-for", "0", env=env, status=1).stdout
    assert "（无）" in said or "(无)" in said, said
    assert "none" not in said
    assert message in runner.summary and "镜像" in runner.summary
    assert runner.output["tags_not_followed"] == "3", "names of outputs are the same in every language"
    assert report(runner)["totals"]["tags"]["not_followed"] == 3


def test_gitlab_gets_a_report_and_sections(port, hostile_server, tmp_path):
    server = hostile_server()
    server.fill("a/b", images.small(850))
    server.on("GET", "/blobs/", hostile.error(500), hits=1)
    config = tmp_path / "safeport.yaml"
    config.write_text(json.dumps({"version": 1, "images": {
        "app": {"primary": f"{server.host}/a/b", "backups": ["vault:app"]},
        "none": {"primary": f"oci:{tmp_path}/none", "backups": ["vault:none"]}}}))
    done, project = gitlab.run(port, tmp_path, "sync", "--config", config, "-v", "--json")
    assert done.status == 1 and "::" not in done.stderr
    sections = gitlab.SECTION.findall(done.stderr)
    assert [part[0] for part in sections] == ["start", "end"] * (len(sections) // 2) and sections
    names = [part[2] for part in sections]
    assert names[::2] == names[1::2] and len(set(names)) == len(names) // 2, "each has a name of its own"
    # nothing that went wrong is folded away
    outside = gitlab.SECTION.split(done.stderr)
    assert any("none" in part and part.startswith("safeport: ") for part in outside[::6]), done.stderr
    (path,) = project.iterdir()
    assert path.name.startswith("safeport-report-sync-") and json.loads(path.read_text()) == json.loads(done.stdout)


def test_nothing_of_it_elsewhere(runner, backed):
    env = {name: value for name, value in runner.env.items() if name != "GITHUB_ACTIONS"}
    done = backed.run("sync", env=env, status=0)
    assert runner.output == {} and runner.summary == "" and not list(runner.temp.iterdir())
    assert "::" not in done.text


@pytest.mark.parametrize("command", ["sync", "verify"])
def test_what_nobody_looked_at_is_not_called_good(runner, backed, command):
    """Never synced, and the primary has no such repository: of the backups nothing is known."""
    backed.write(image_primary=f"{backed.primary.host}/src/none")
    done = in_ci(backed, runner, command, "app", status=1)
    cells, _ = rows(runner)
    assert set(backed.backups("app")) <= {place for _, place in cells}
    for place in backed.backups("app"):
        assert cells["app", place][0] == "not looked at", cells
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"  {place}: ")]
        assert "not looked at" in line
    assert not any(verdict in str(cells) for verdict in ("in step", "'whole'", "no tags"))
