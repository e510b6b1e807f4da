"""The documentation names what there is: settings, tables, commands, metrics, log lines, files and headings."""

import ast
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import click
import pytest

from earshot.cli import main
from earshot.samples import SECOND_CALL
from shared.alerting.rule_faults import KINDS, write_span
from shared.migrations import all_migrations
from shared.publisher import event_id_of
from shared.settings import Settings
from workers.metrics import LEAVES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
PROGRAMS = ("console", "earshot", "ingest", "shared", "workers")
SOURCES = [path for program in PROGRAMS for path in sorted((ROOT / program).rglob("*.py"))]

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}.*$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
REPO_PATH = re.compile(r"`((?:\.ci|bench|console|deploy|docs|earshot|ingest|shared|tests|workers)/[\w./-]+)`")
TOP_FILE = re.compile(r"`((?:Makefile|Procfile|Dockerfile|[\w.-]+\.(?:toml|lock|yml)))`")
NEW_FILE = re.compile(r"A new file `([^`]+)`")
TYPES = r"(?:text|timestamptz|double precision|integer|bigint|smallint|tsvector|jsonb|boolean|bytea)(?:\[\])?"
COLUMN = re.compile(rf"^ {{4}}(\w+) ({TYPES})", re.MULTILINE)
ALTERED = re.compile(r"^alter table (\w+)\s(.*?);", re.MULTILINE | re.DOTALL)
ADDED_COLUMN = re.compile(rf"add column (\w+) ({TYPES})")
EXAMPLE_OF_A_NEW_STAGE = DOCS / "how-to" / "add-a-stage.md"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def read(name: str) -> str:
    return (DOCS / "reference" / name).read_text()


def prose(page: Path) -> str:
    """Read a page without its blocks of code."""
    return INDENTED.sub("", FENCE.sub("", page.read_text()))


def rows(text: str) -> list[list[str]]:
    """Read the rows of all Markdown tables whose first cell begins with a name in backticks."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def sections(text: str, level: str) -> dict[str, str]:
    """Cut a page at its headings of one level."""
    _, *parts = re.split(rf"^{level} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def anchors(page: Path) -> set[str]:
    """Name a page's headings as GitHub does in links."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def default_of(name: str) -> str:
    """Write the default of a setting as the page does."""
    default = Settings.model_fields[name].default
    if default in (None, ()):
        return "unset"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def tables_of_migrations() -> dict[str, dict[str, str]]:
    """Read tables, columns and types from the migrations; the columns of a view have no type there."""
    sql = "\n".join(all_migrations().values())
    found = {"migrations": {"name": "text", "applied_at": "timestamptz"}}  # made by shared/migrations.py itself
    for table, body in re.findall(r"^create table (\w+) \((.*?)^\);", sql, re.MULTILINE | re.DOTALL):
        found[table] = dict(COLUMN.findall(body))
    for table, changes in ALTERED.findall(sql):
        found[table].update(ADDED_COLUMN.findall(changes))
    for table in re.findall(r"^drop table (\w+);", sql, re.MULTILINE):
        del found[table]
    for view, columns in re.findall(
        r"^create (?:or replace )?view (\w+) as\nselect\n(.*?)^from", sql, re.M | re.DOTALL
    ):
        found[view] = dict.fromkeys(re.findall(r"(\w+)(?:,\n|\n\Z)", columns), "")
    return found


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from ((f"earshot {name} {inner}", command.commands[inner]) for inner in command.commands)
        else:
            yield f"earshot {name}", command


def options_of(command: click.Command) -> set[str]:
    options = (parameter for parameter in command.params if isinstance(parameter, click.Option))
    return {name for option in options for name in (*option.opts, *option.secondary_opts)}


def log_lines() -> Iterator[tuple[str, str, set[str]]]:
    """Find each line that the programs log: its level (empty where a variable holds it), name and fixed fields."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("log", "_log"):
                yield from _line(node.args, {keyword.arg for keyword in node.keywords if keyword.arg})
            elif isinstance(node, ast.Tuple):
                yield from _line(node.elts, set())


def _line(parts: Sequence[ast.expr], fields: set[str]) -> Iterator[tuple[str, str, set[str]]]:
    if len(parts) < 2 or not isinstance(parts[1], ast.Constant) or isinstance(parts[0], ast.Constant):
        return
    if re.fullmatch(r"[a-z]+\.[a-z_]+", str(parts[1].value)):
        yield ast.unparse(parts[0]).partition("logging.")[2], str(parts[1].value), fields


def test_every_setting_is_told_with_its_default():
    """The page has the fields of Settings and no other, each with its default."""
    told = {cells[0].strip("`"): cells[1] for cells in rows(read("settings.md"))}
    assert told == {name.upper(): default_of(name) for name in Settings.model_fields}


def test_every_table_and_column_is_told_with_its_type():
    """The page has the tables, views and columns of the migrations and no other."""
    told = {
        table: {cells[0].strip("`"): cells[1] for cells in rows(text)}
        for table, text in sections(read("tables.md"), "##").items()
        if table != "Internal columns"
    }
    found = tables_of_migrations()
    assert {table: set(columns) for table, columns in told.items()} == {table: set(found[table]) for table in found}
    for table, columns in found.items():
        wrong = {
            column: told[table][column] for column, kind in columns.items() if kind not in ("", told[table][column])
        }
        assert (table, wrong) == (table, {})


def test_every_target_of_make_is_told():
    """The page has each that `make` itself lists."""
    listed = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    told = {name for cells in rows(sections(read("commands.md"), "##")["make"]) for name in names(cells[0])}
    assert {"make", *(f"make {target}" for target in listed)} == told


def test_every_command_and_option_is_told():
    """The page has the commands and options that there are and no other, and the choices of an argument."""
    told = sections(read("commands.md").partition("## What earshot up writes")[0], "###")
    assert set(told) == {name for name, _ in commands()}
    for name, command in commands():
        in_table = {option for cells in rows(told[name]) for option in names(cells[0])}
        assert in_table == options_of(command)
        for parameter in command.params:
            choices = getattr(parameter.type, "choices", ())
            assert [choice for choice in choices if f"`{choice}`" not in told[name]] == []


def test_every_default_of_an_option_is_told():
    """Where an option shows a default, the page shows the same."""
    told = sections(read("commands.md"), "###")
    for name, command in commands():
        in_table = {names(cells[0])[0]: cells[1] for cells in rows(told[name])}
        for option in command.params:
            if isinstance(option, click.Option) and option.show_default:
                assert (name, in_table[option.opts[0]]) == (name, f"`{option.default}`")


def test_every_key_of_a_rule_is_told_with_its_default():
    """The page has the kinds of rules and their keys and no other, and below `Every rule` the keys of all."""
    told = {
        title: {cells[0].strip("`"): cells[1].strip("`") for cells in rows(text)}
        for title, text in sections(read("alerts-file.md"), "##").items()
        if title != "The rules of the project's file"
    }
    of_all = {"name", *told.pop("Every rule")}
    assert told == {
        kind: {name: default_of_key(field.default) for name, field in rule.model_fields.items() if name not in of_all}
        for kind, rule in KINDS.items()
    }


def default_of_key(default: object) -> str:
    """Write the default of a rule's key as the file does."""
    if default is None:
        return "all"
    written = write_span(default) if isinstance(default, timedelta) else default
    return f'"{written}"' if isinstance(written, str) else f"{written}"


def test_every_metric_is_told_with_its_column():
    """The page has each group and leaf with its column and the column's type, and no other."""
    types = tables_of_migrations()["message_metrics"]
    told = {tuple(cell.strip("`") for cell in cells) for cells in rows(read("metrics.md"))}
    assert told == {(group, leaf, column, types[column]) for (group, leaf), (column, _) in LEAVES.items()}


def test_every_log_line_is_told_with_its_fields():
    """Each line that is logged is on the page, and so is each field that its call names; no other line is."""
    told: dict[str, str] = {}
    levels: dict[str, set[str]] = {}
    for cells in rows(read("logs.md")):
        for name in names(cells[0]):
            told[name] = told.get(name, "") + " | ".join(cells)
            levels.setdefault(name, set()).add(cells[1])
    lines = list(log_lines())
    assert set(told) == {name for _, name, _ in lines}
    for level, name, fields in lines:
        assert (name, {field for field in fields if f"`{field}`" not in told[name]}) == (name, set())
        assert not level or level in levels[name], (name, level)


@each_page
def test_links_resolve(page: Path):
    """Every relative link leads to a file that is there, and its anchor to a heading of it."""
    for link in LINK.findall(prose(page)):
        if re.match(r"\w+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_files_that_are_named_exist(page: Path):
    """Every path in backticks that looks like one of the repository is one, unless the page has it made."""
    text = page.read_text()
    named = {*REPO_PATH.findall(text), *TOP_FILE.findall(prose(page))} - set(NEW_FILE.findall(text))
    assert sorted(path for path in named if not (ROOT / path).exists() and path != "uv.lock") == []


def test_the_index_names_every_page():
    """Nobody has to guess that a page exists."""
    index = DOCS / "README.md"
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    assert [page for page in PAGES[1:] if page.resolve() not in linked | {index.resolve()}] == []


def test_the_example_of_a_new_stage_still_fits():
    """What the example changes in a file stands there once, as it is before the change or after it."""
    for path, before, after in hunks(EXAMPLE_OF_A_NEW_STAGE.read_text()):
        text = (ROOT / path).read_text()
        assert text.count(before) == 1 or after in text, f"{path}:\n{before}"


def hunks(page: str) -> Iterator[tuple[str, str, str]]:
    """Read the changes in a page's blocks of type diff: path, text before, text after."""
    for block in re.findall(r"^```diff\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^--- a/.*\n\+\+\+ b/", block, flags=re.MULTILINE)[1:]:
            path, _, changed = part.partition("\n")
            for hunk in re.findall(r"(?:^[ -].*\n)+(?:^\+.*\n)+", changed, re.MULTILINE):
                yield path, _side(hunk, "-"), _side(hunk, "+")


def _side(hunk: str, sign: str) -> str:
    return "".join(f"{line[1:]}\n" for line in hunk.splitlines() if line[0] in (" ", sign))


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "docs/reference/http.md"])
def test_the_answer_that_is_shown_is_the_one_that_comes(page: str):
    """The id in the shown answer is that of the event which the reader is told to post."""
    assert f'"event_id":"{event_id_of(SECOND_CALL.read_bytes())}"' in (ROOT / page).read_text()
