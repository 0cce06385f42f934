# SPDX-License-Identifier: Apache-2.0
"""The runner's side of GitHub Actions: which lines of a log are commands, what they say, and what a step left in the
files that the runner gave it. As strict as the documentation, as generous as the runner: it takes "##[name]" for a
command anywhere in a line, and "::name::" behind blanks."""

import re

COMMANDS = {"add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice",
            "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning"}
ESCAPES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
SUMMARY_MAX_BYTES = 1 << 20


class Command:
    def __init__(self, name, properties, data):
        self.name, self.properties, self.data = name, properties, data

    def __repr__(self):
        return f"<{self.name} {self.properties} {self.data!r}>"


def unescape(text, escapes):
    """Each escape is replaced once, and every other "%" is a mistake of who wrote it."""
    def one(match):
        assert match[0] in escapes, f"{match[0]!r} is no escape, in {text!r}"
        return escapes[match[0]]
    return re.sub(r"%.{0,2}", one, text)


def parse(line):
    """The command of a line, or None."""
    old = re.search(r"##\[([^ \]]*)", line)
    if old and old[1] in COMMANDS:
        return Command(old[1], {}, line[old.end():])
    match = re.match(r"\s*::([^ :]+)(?: ([^:]*(?::(?!:)[^:]*)*))?::(.*)$", line)
    if not match or match[1] not in COMMANDS:
        return None
    properties = {}
    for pair in filter(None, (match[2] or "").strip().split(",")):
        name, _, value = pair.partition("=")
        assert value, f"a property without a value: {line!r}"
        properties[name] = unescape(value, ESCAPES)
    return Command(match[1], properties, unescape(match[3], {k: ESCAPES[k] for k in ("%0D", "%0A", "%25")}))


def commands(log):
    return [command for command in map(parse, log.splitlines()) if command]


def errors(result):
    return [command.data for command in commands(result.stderr) if command.name == "error"]


def warnings(result):
    return [command.data for command in commands(result.stderr) if command.name == "warning"]


# What somebody outside might say to give orders to a runner, or to whoever reads its pages.
HOSTILE_TEXTS = [
    "x\n::add-mask::latest",
    "::stop-commands::x",
    "##[add-mask]latest",
    "a ##[stop-commands]b",
    "%0A::set-output name=a::b",
    "100%25 %3A",
    "\r::error::x",
    "\u2028::error::x",
    "`</td></tr></table> | <script>alert(1)</script> [x](https://evil.example) ![x](https://evil.example/p.png)",
    "\x1b[2J\x1b]52;c;aGk=\x07",
]


def check_harmless(markdown):
    """Text from outside stands inside of code spans, which nothing in it ends."""
    outside = re.sub(r"`[^`\n]*`", "", markdown)
    for part in ("<script", "evil.example", "](", "add-mask", "::"):
        assert part not in outside, markdown
    tables(markdown)


def parse_output(text):
    """name -> value of a $GITHUB_OUTPUT file; anything that the runner would refuse is an error."""
    assert text == "" or text.endswith("\n"), "the last line is not ended"
    values, lines = {}, iter(text.split("\n")[:-1])
    for line in lines:
        assert line, "an empty line"
        simple = re.match(r"([A-Za-z_][\w-]*)=(.*)$", line)
        several = re.match(r"([A-Za-z_][\w-]*)<<(\S+)$", line)
        if several and (not simple or line.index("<<") < line.index("=")):
            value = []
            for inner in lines:
                if inner == several[2]:
                    break
                value.append(inner)
            else:
                raise AssertionError(f"{several[1]} has no end")
            assert several[1] not in values
            values[several[1]] = "\n".join(value)
            continue
        assert simple, f"neither a value nor a beginning: {line!r}"
        assert simple[1] not in values
        values[simple[1]] = simple[2]
    return values


def tables(markdown):
    """The tables of a Markdown text, as lists of rows of cells."""
    found, rows = [], []
    for line in [*markdown.split("\n"), ""]:
        if line.startswith("|"):
            assert line.endswith("|"), line
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            assert len({len(row) for row in rows}) == 1, f"rows of different lengths: {rows}"
            found.append(rows[:1] + rows[2:])
            rows = []
    return found


class Runner:
    """One step: the environment that it gets, and what it left behind."""

    def __init__(self, folder):
        self.folder = folder
        self.temp = folder / "temp"
        self.temp.mkdir(parents=True)
        self.output_file, self.summary_file = folder / "output", folder / "summary"
        self.output_file.touch()
        self.summary_file.touch()
        self.env = {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(self.output_file),
                    "GITHUB_STEP_SUMMARY": str(self.summary_file), "RUNNER_TEMP": str(self.temp)}

    @property
    def output(self):
        return parse_output(self.output_file.read_text())

    @property
    def summary(self):
        assert self.summary_file.stat().st_size <= SUMMARY_MAX_BYTES
        return self.summary_file.read_text()

    def files(self):
        """Everything that a later step or the page of the run would show."""
        return "".join(path.read_text() for path in self.folder.rglob("*") if path.is_file())
