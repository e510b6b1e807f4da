"""Each read of the console goes by the indexes that are meant for it, and looks at few rows beside those it gives."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bench.console_rows import fill_alerts, fill_figures, generate
from console.store import Store
from shared.queries import queries
from tests.console_reads import AMOUNTS, OTHERS, READS, SMALL, TOPICS, UNTIL, Read


@pytest.fixture(scope="module")
def store(servers) -> Iterator[Store]:
    """The console's own way to a database of some thousand calls."""
    url = servers.create_database("listed", "earshot_template")
    for _ in generate(url, AMOUNTS, UNTIL):
        pass
    for _ in fill_figures(url):
        pass
    fill_alerts(url, AMOUNTS, UNTIL)
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("vacuum (analyze)")
    store = Store(url, 60)
    store.open()
    yield store
    store.close()
    servers.drop_database("listed")


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a plan's nodes."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes_of(below)


def looked_at(node: dict[str, Any]) -> float:
    """Count the rows of tables that a node has looked at."""
    if "Relation Name" not in node:
        return 0
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return (node["Actual Rows"] + dropped) * node["Actual Loops"]


def explain(store: Store, asked: Read) -> list[dict[str, Any]]:
    """Run a query and give the nodes of its plan."""
    topic, _, name = asked.query.partition(".")
    row = store.row(f"explain (analyze, format json) {queries(topic)[name]}", asked.values)
    return list(nodes_of(row["QUERY PLAN"][0]["Plan"]))


@pytest.mark.parametrize("asked", READS, ids=str)
def test_read_goes_by_its_indexes(store: Store, asked: Read):
    """No table that grows is read from end to end, and no index but those meant for this read."""
    nodes = explain(store, asked)
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert scanned <= SMALL
    assert {node["Index Name"] for node in nodes if "Index Name" in node} == asked.indexes
    assert sum(map(looked_at, nodes)) <= asked.most_rows


@pytest.mark.parametrize("topic", TOPICS)
def test_every_query_has_its_indexes_named(topic: str):
    """A query that is new must be thought about here."""
    named = {asked.query for asked in READS} | OTHERS
    assert {f"{topic}.{name}" for name in queries(topic)} <= named
