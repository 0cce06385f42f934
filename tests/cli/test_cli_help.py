# SPDX-License-Identifier: Apache-2.0
"""Help, manual pages, README and completion say the same, because they are compared here."""

import re
import shutil
import subprocess

import pytest
from cli_support import BUILD, COMMANDS, ROOT, SAFEPORT, TOPICS, clean_env

MANUAL = ROOT / "docs" / "man"


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def options_listed(help_text):
    """The options that a help text lists (not those that it mentions)."""
    return set(re.findall(r"^  (?:-\w, |    )(--[a-z][a-z-]+)", help_text, flags=re.M))


def test_there_are_commands():
    assert {"push", "copy", "verify", "version", "help"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_agrees_with_itself(safeport, command):
    long = safeport(command, "--help", status=0)
    assert long.stdout.startswith(f"usage: safeport {command} ") and not long.stderr
    assert safeport(command, "-h", status=0).stdout == long.stdout
    assert safeport("help", command, status=0).stdout == long.stdout
    assert safeport(command, "--help", "--no-such-option", status=0).stdout == long.stdout
    assert "--help" in options_listed(long.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal(safeport, command):
    for line in safeport("help", command, status=0).stdout.splitlines():
        assert len(line) <= 80, line


@pytest.mark.parametrize("topic", TOPICS)
def test_topics_answer(safeport, topic):
    result = safeport("help", topic, status=0)
    assert len(result.stdout.splitlines()) > 2 and not result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_manual_page_has_the_same_options(safeport, command):
    page = (MANUAL / f"safeport-{command}.1.scd").read_text()
    headings = set()
    for line in page.splitlines():
        if re.match(r"\*-", line):  # an entry of the option lists
            headings |= options_of(line)
    assert headings == options_listed(safeport("help", command, status=0).stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_manual_of_the_program_names_every_command(command):
    assert f"*safeport-{command}*(1)" in (MANUAL / "safeport.1.scd").read_text()


@pytest.mark.skipif(not (shutil.which("scdoc") and shutil.which("mandoc")), reason="needs scdoc and mandoc")
@pytest.mark.parametrize("source", sorted(MANUAL.glob("*.scd")), ids=lambda p: p.stem)
def test_manual_pages_are_sound(source, tmp_path):
    page = tmp_path / source.stem
    with open(source, "rb") as text, open(page, "wb") as out:
        subprocess.run(["scdoc"], stdin=text, stdout=out, check=True)
    complaints = subprocess.run(["mandoc", "-Tlint", "-W", "warning", str(page)], capture_output=True, text=True).stdout
    # scdoc writes a paragraph macro after each heading; mandoc says that it does nothing.
    left = [line for line in complaints.splitlines() if "skipping paragraph macro" not in line]
    assert not left
    built = BUILD / "docs" / "man" / source.stem
    assert built.exists(), "meson.build does not list it"


def rows_of_readme(name):
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / name).read_text(), flags=re.M)
    assert rows, name
    return dict(rows)


def test_exit_statuses_are_the_same_everywhere(safeport):
    text = safeport("help", "exit-status", status=0).stdout.split("\n\n")[0]
    statuses = dict(re.findall(r"^ +(\d+) +(.+)$", text, flags=re.M))
    assert set(statuses) == {*map(str, range(9)), "130"}
    assert rows_of_readme("README.md") == statuses
    section = (MANUAL / "safeport.1.scd").read_text().split("# EXIT STATUS\n", 1)[1].split("\n# ", 1)[0]
    assert dict(re.findall(r"^\*(\d+)\*\n\t(.+)$", section, flags=re.M)) == statuses


def test_exit_statuses_in_chinese(safeport):
    env = {"LANGUAGE": "zh_CN", "SAFEPORT_LOCALEDIR": str(BUILD / "po")}
    text = safeport("help", "exit-status", env=env, status=0).stdout.split("\n\n")[0]
    assert rows_of_readme("README.zh-CN.md") == dict(re.findall(r"^ +(\d+) +(.+)$", text, flags=re.M))


def test_every_error_code_leads_to_a_listed_status(safeport):
    first, second = safeport("help", "exit-status", status=0).stdout.split("\n\n")
    statuses = set(re.findall(r"^ +(\d+) ", first, flags=re.M))
    codes = re.findall(r"^  ([a-z-]+) +(\d+) ", second, flags=re.M)
    assert len(codes) >= 20
    assert {status for _, status in codes} <= statuses


def complete(*words):
    """What bash would offer for the last word."""
    script = """
        eval "$("$1" help bash-completion)"; shift
        COMP_WORDS=(safeport "$@"); COMP_CWORD=$#
        _safeport; printf '%s\\n' "${COMPREPLY[@]}" """
    result = subprocess.run(["bash", "-c", script, "bash", str(SAFEPORT), *words], env=clean_env(), capture_output=True,
                            text=True, check=True)
    assert not result.stderr
    return result.stdout.split()


def test_completion_of_commands():
    assert complete("") == COMMANDS
    assert complete("ver") == ["verify", "version"]


@pytest.mark.parametrize("command", COMMANDS)
def test_completion_of_options(safeport, command):
    assert set(complete(command, "--")) == options_listed(safeport("help", command, status=0).stdout)


def test_help_of_push_names_every_kind_of_place(safeport):
    text = safeport("push", "--help", status=0).stdout
    for kind in ("oci:", "vault:", "docker-archive:", "oci-archive:", "docker-daemon:"):
        assert kind in text


def test_overview_without_a_command(safeport):
    assert safeport("--help", status=0).stdout == safeport("help", status=0).stdout
    result = safeport(status=2)
    assert "usage: safeport" in result.stderr and not result.stdout


def test_version(safeport):
    version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text()).group(1)
    assert safeport("version", status=0).stdout == f"safeport {version}\n"
    assert safeport("--version", status=0).stdout == f"safeport {version}\n"
    assert f'"version": "{version}"' in safeport("version", "--json", status=0).stdout
