# SPDX-License-Identifier: Apache-2.0
"""What CI systems are told: the runner of GitHub Actions is played by tests/support/actions.py, GitLab's log is read as
its documentation says. Exit statuses are the same as without them, stdout is the result's, and no secret is anywhere."""

import json
import os
import re

import pytest

from support import actions, gitlab, hostile, images


@pytest.fixture
def layout(tmp_path):
    """(what safeport calls it, its digest)"""
    content = images.multi(701)
    return f"oci:{content.write_layout(tmp_path / 'layout')}:latest", content.tags["latest"]


def test_a_good_push_says_where_the_image_is(runner, layout, trio, port):
    source, digest = layout
    done = port.run("push", source, *trio.to, "--tag", "v1.2.3", env=runner.env, status=0)
    assert actions.errors(done) == [] and actions.commands(done.stdout) == []
    output = runner.output
    assert output["digest"] == digest
    assert output["images"].split("\n") == [f"{place}@{digest}" for place in trio.repositories]
    report = json.loads(open(output["report"]).read())
    assert report["digest"] == digest and report["exit_status"] == 0
    assert os.path.dirname(output["report"]) == str(runner.temp)
    (table,) = actions.tables(runner.summary)
    assert [row[1] for row in table[1:]] == [f"`{place}`" for place in trio.repositories]
    assert all("`v1.2.3` set" in row[3] and row[4] == "touched" for row in table[1:])
    # what `images` names can be used as it stands
    first = output["images"].split("\n")[0]
    port.run("verify", source, first, status=0)


def test_a_place_without_digests_is_told_by_tag(runner, layout, port, tmp_path):
    source, digest = layout
    one = f"oci:{images.small(704).write_layout(tmp_path / 'one')}:latest"  # a docker archive takes one platform
    archive = f"docker-archive:{tmp_path}/app.tar:docker.io/library/app:v1"
    port.run("push", one, "--to", archive.removesuffix(":v1"), "--tag", "v1", "--tag", "v2", env=runner.env, status=0)
    assert runner.output["images"] == archive
    runner.output_file.write_text("")
    port.run("verify", archive, archive, env=runner.env, status=0)
    assert runner.output["images"].split("\n") == [archive, archive]
    runner.output_file.write_text("")
    port.run("push", source, "--to", f"oci-archive:{tmp_path}/all.tar", "--tag", "v1", env=runner.env, status=0)
    assert runner.output["images"] == f"oci-archive:{tmp_path}/all.tar@{digest}"
    port.run("verify", source, runner.output["images"], status=0)


def test_a_failure_is_an_annotation_with_what_to_do(runner, layout, hostile_server, port):
    source, digest = layout
    server = hostile_server(auth=("basic", "alice", "another-password"))
    port.login(server.host, "alice", "canary-password-of-alice")
    plain = port.run("push", source, "--to", f"{server.host}/a/b", "--to", "vault:app", status=1)
    done = port.run("push", source, "--to", f"{server.host}/a/b", "--to", "vault:app", env=runner.env,
                    status=plain.status)
    (message,) = actions.errors(done)
    assert server.host in message and "401" in message and "log in" in message
    assert f"safeport: {message}" in plain.stderr.splitlines(), "the same words without a runner"
    assert message in runner.summary
    assert runner.output["images"] == f"vault:app@{digest}", "only what is there"
    assert runner.output["digest"] == digest
    assert "add-mask" not in done.text


@pytest.mark.parametrize("arguments", [
    ["push", "oci:/nowhere:x", "--to", "vault:a"],
    ["pusch", "oci:/nowhere:x"], ["nothing-like-it"],
    ["push", "oci:/nowhere:x"],
    ["copy", "oci:/nowhere:x", "vault:a"],
    ["verify", "oci:/nowhere:x", "vault:a"],
    ["push", "oci:/nowhere:x", "--to", "ghcr.io/Acme/100%25,a:b::App"],
], ids=" ".join)
def test_the_exit_status_is_the_same(runner, port, arguments):
    plain = port.run(*arguments)
    done = port.run(*arguments, env=runner.env, status=plain.status)
    assert plain.status != 0 and actions.errors(done), repr(done)
    assert [f"safeport: {message}" for message in actions.errors(done)] == [
        line for line in plain.stderr.splitlines() if line.startswith("safeport: ")]


def test_what_login_warns_of_is_an_annotation(runner, start, port):
    one = start("open")
    login = ("login", one.host, "-u", "alice", "--password-stdin")
    plain = port.run(*login, data="canary-password\n", status=0)
    done = port.run(*login, data="canary-password\n", env=runner.env, status=0)
    (said,) = plain.stderr.splitlines()
    assert said.startswith(f"safeport: '{one.host}' asks nobody")
    assert done.stderr.splitlines() == [said.replace("safeport: ", "::warning title=safeport::", 1)]


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_no_secret_is_said_even_with_debug_and_to_who_sends_it_back(runner, layout, hostile_server, port, kind):
    server = hostile_server(auth=(kind, "alice", "another-password"))
    port.login(server.host, "alice", "canary-password-of-alice")
    server.on("*", "/v2/" if kind == "basic" else "/token", hostile.say_credentials)
    done = port.run("push", layout[0], "--to", f"{server.host}/a/b", "--debug", env=runner.env, status=8)
    assert actions.errors(done) and "401" in runner.summary
    assert [request for request in server.asked() if request.header("Authorization")], "it was sent the password"


@pytest.mark.parametrize("text", actions.HOSTILE_TEXTS)
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_registry_says_is_no_command(runner, layout, hostile_server, port, text, form):
    server = hostile_server()
    server.on("POST", "/blobs/uploads/", hostile.error(403, "DENIED", text))
    more = ["--json"] if form == "json" else []
    done = port.run("push", layout[0], "--to", f"{server.host}/a/b", *more, env=runner.env, status=8)
    assert [command.name for command in actions.commands(done.stderr)] == ["error"]
    assert actions.commands(done.stdout) == []
    if form == "json":
        assert done.report.place(server.host).error == "auth"
    assert set(runner.output) == {"digest", "images", "report"} and runner.output["images"] == ""
    actions.check_harmless(runner.summary)


def test_json_owns_stdout(runner, layout, port):
    done = port.run("push", layout[0], "--to", "vault:app", "--json", env=runner.env, status=0)
    document = json.loads(done.stdout)
    assert json.loads(open(runner.output["report"]).read()) == document


def test_two_steps_append(runner, layout, port):
    first = runner.output_file, runner.summary_file
    first[0].write_text("mine=1\n")
    first[1].write_text("# mine\n")
    port.run("push", layout[0], "--to", "vault:app", env=runner.env, status=0)
    report = runner.output["report"]
    assert runner.output["mine"] == "1" and runner.summary.startswith("# mine\n")
    runner.output_file.write_text("")
    port.run("verify", layout[0], "vault:app", env=runner.env, status=0)
    assert runner.output["report"] != report and len(actions.tables(runner.summary)) == 2
    assert len(list(runner.temp.iterdir())) == 2


def test_a_verify_that_finds_damage_names_no_image(runner, layout, port):
    source, digest = layout
    port.run("push", source, "--to", "vault:app", status=0)
    done = port.run("verify", source, "vault:app", env=runner.env, status=0)
    assert runner.output["images"].count(digest) == 2 and actions.errors(done) == []
    runner.output_file.write_text("")
    blob = max((port.vault / "pool").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
    blob.chmod(0o644)
    with open(blob, "r+b") as file:
        file.truncate(10)
    port.run("verify", source, "vault:app", env=runner.env, status=(1, 5))
    assert runner.output["images"] == "" and "short" in runner.summary


def test_a_dry_run_names_no_image(runner, layout, port):
    port.run("push", layout[0], "--to", "vault:app", "--dry-run", env=runner.env, status=0)
    assert runner.output["images"] == "" and "would be published" in runner.summary


@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "RUNNER_TEMP"])
@pytest.mark.parametrize("what", ["missing folder", "directory", "fifo", "full", "unset", "empty"])
def test_a_file_that_cannot_be_written_is_a_warning(runner, layout, port, tmp_path, variable, what):
    places = {"missing folder": tmp_path / "no" / "such", "directory": tmp_path, "full": "/dev/full", "empty": ""}
    env = {**runner.env, variable: str(places.get(what, tmp_path / "fifo"))}
    if what == "unset":
        del env[variable]
    if what == "fifo":
        os.mkfifo(tmp_path / "fifo")
    done = port.run("push", layout[0], "--to", "vault:app", env=env, status=0)
    warnings = [command for command in actions.commands(done.stderr) if command.name == "warning"]
    fine = what in ("unset", "empty") or (variable == "RUNNER_TEMP" and what == "directory")
    assert len(warnings) == (0 if fine else 1), repr(done)
    assert actions.errors(done) == []
    if variable != "GITHUB_OUTPUT":
        assert runner.output["digest"] == layout[1]


def test_a_summary_that_is_full_stays_as_it_is(runner, layout, port):
    before = "x" * ((1 << 20) - 100)
    runner.summary_file.write_text(before)
    done = port.run("push", layout[0], "--to", "vault:app", env=runner.env, status=0)
    assert runner.summary == before
    assert [command.name for command in actions.commands(done.stderr)] == ["warning"]


def test_many_tags_and_places_fit_into_the_summary(runner, layout, port):
    tags = [argument for number in range(400) for argument in ("--tag", f"t{number:0>120}")]
    to = [argument for number in range(30) for argument in ("--to", f"vault:app{number}")]
    port.run("push", layout[0], *to, *tags, env=runner.env, status=0)
    (table,) = actions.tables(runner.summary)
    assert 2 < len(table) < 31 and "lines are left out" in runner.summary
    assert len(runner.output["images"].split("\n")) == 30


def test_progress_is_folded_away(runner, hostile_server, port):
    server = hostile_server()
    server.fill("a/b", images.small(702))
    server.on("GET", "/blobs/", hostile.error(500), hits=1)
    done = port.run("push", f"{server.host}/a/b:latest", "--to", "vault:app", "-v", env=runner.env, status=0)
    names = [command.name for command in actions.commands(done.stderr)]
    assert names == ["group", "endgroup"], repr(done)
    lines = done.stderr.splitlines()
    assert any("500" in line for line in lines[lines.index("::group::safeport push: progress"):
                                               lines.index("::endgroup::")])


# -- GitLab
def test_gitlab_gets_a_section_and_a_report(hostile_server, port, tmp_path):
    server = hostile_server()
    server.fill("a/b", images.small(703))
    server.on("GET", "/blobs/", hostile.error(500), hits=1)
    done, project = gitlab.run(port, tmp_path, "push", f"{server.host}/a/b:latest", "--to", "vault:app", "-v",
                                  "--json")
    assert done.status == 0
    start, end = gitlab.SECTION.findall(done.stderr)
    assert start[0] == "start" and end[0] == "end" and start[2] == end[2] and start[3]
    assert int(start[1]) <= int(end[1])
    (report,) = project.iterdir()
    assert re.fullmatch(r"safeport-report-push-[0-9a-f]{16}\.json", report.name)
    assert json.loads(report.read_text()) == json.loads(done.stdout)


def test_gitlab_gets_plain_errors(port, tmp_path):
    done, project = gitlab.run(port, tmp_path, "push", "oci:/nowhere:x", "--to", "vault:app")
    assert done.status != 0 and done.stderr.startswith("safeport: ") and "::" not in done.stderr
    assert len(list(project.iterdir())) == 1


def test_nothing_of_it_elsewhere(layout, port, runner):
    env = {name: value for name, value in runner.env.items() if name != "GITHUB_ACTIONS"}
    done = port.run("push", layout[0], "--to", "vault:app", env=env, status=0)
    assert runner.output == {} and runner.summary == "" and not list(runner.temp.iterdir())
    assert "::" not in done.stderr
