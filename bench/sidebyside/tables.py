"""Tables in Markdown documents, made of results.

A document names the place of a table and its contents:

    <!-- side-by-side: tcp1 udp64 memory; culvert wireguard-go culvert/wireguard-go -->
    <!-- end -->

gives a row for each figure, and a column for each contestant or ratio of two of them. "curve" in
place of figures gives the cold curves, with a row for each contestant.
"""

import re

from .measures import FIGURES
from .report import cold_curves, conditions
from .system import Failure
from .warming import COLD_MEAN_SECONDS, COLD_SECONDS

PLACE = re.compile(r"(<!-- side-by-side: ([^;>]+); ([^;>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
BY_KEY = {figure.key: figure for figure in FIGURES}


def renew(document, results):
    """Makes all tables of a document anew, or leaves it as it is if figures are missing."""
    with open(document) as file:
        text = file.read()

    def table(place):
        figures, columns = place[2].split(), place[3].split()
        rows = curves(results, columns) if figures == ["curve"] else medians(results, figures, columns)
        return f"{place[1]}\n{markdown(rows)}\n\n{note(results, columns)}\n\n{place[4]}"

    renewed, places = PLACE.subn(table, text)
    if not places:
        raise Failure(f"{document} has no place for a table")
    with open(document, "w") as file:
        file.write(renewed)


def medians(results, figures, columns):
    yield ["", *(title(results, column) for column in columns)]
    for key in figures:
        if key not in BY_KEY:
            raise Failure(f"{key} is not a figure: {' '.join(BY_KEY)}")
        figure = BY_KEY[key]
        yield [f"{figure.title} ({figure.unit})", *(cell(results, figure, column) for column in columns)]


def title(results, column):
    if "/" in column:
        return "ratio" if column.endswith("/wireguard-go") else column.replace("/", " / ")
    if column not in results["contestants"]:
        raise Failure(f"{column} was not measured")
    return results["contestants"][column]["title"]


def cell(results, figure, column):
    rows = results["summary"].get(figure.key, {})
    values = [rows[key]["median"] if key in rows else None for key in column.split("/")]
    if None in values:
        return "-"
    return f"{values[0]:,.{figure.decimals}f}" if len(values) == 1 else f"{values[0] / values[1]:.2f}"


def curves(results, columns):
    measured = cold_curves(results)
    yield ["Gbit/s in second", *map(str, range(1, COLD_SECONDS + 1)), f"mean of {COLD_MEAN_SECONDS}", "warm"]
    for key in columns:
        if key not in measured:
            raise Failure(f"there is no cold curve of {key}")
        ends = [cell(results, BY_KEY[figure], key) for figure in ("cold", "tcp1")]
        yield [title(results, key), *(f"{rate:.2f}" for rate in measured[key]), *ends]


def markdown(rows):
    lines = [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows]
    return "\n".join([lines[0], "|" + "---|" * (lines[0].count("|") - 1), *lines[1:]])


def note(results, columns):
    shown = [results["contestants"][key] for key in columns if "/" not in key]
    versions = "; ".join(f"{one['title']} {one['version']}" for one in shown if "version" in one)
    return f"`{results['command']}`, medians. {conditions(results)}. {versions}."
