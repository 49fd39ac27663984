"""Results as a table, and the summary behind it."""

import statistics

from .measures import FIGURES

BASELINE = "wireguard-go"


def summarize(results):
    """By figure and contestant: median, min, max, number of runs, ratio of medians to the baseline."""
    summary = {}
    for figure in FIGURES:
        values = {
            key: [run["figures"][figure.key] for run in results["runs"]
                  if run["contestant"] == key and figure.key in run["figures"]]
            for key in results["contestants"]
        }  # fmt: skip
        rows = {
            key: {
                "median": statistics.median(of),
                "min": min(of),
                "max": max(of),
                "runs": len(of),
            }
            for key, of in values.items()
            if of
        }
        base = rows.get(BASELINE, {}).get("median")
        for row in rows.values():
            if base:
                row["ratio"] = row["median"] / base
        if rows:
            summary[figure.key] = rows
    return summary


def print_table(results):
    print(f"\n{results['command']}")
    print(conditions(results))
    for key, contestant in results["contestants"].items():
        print(f"  {contestant['title']:16} {contestant.get('command', '')} {contestant.get('version', '')}")
    head = f"{'':34}{'':16}{'median':>11}{'min':>11}{'max':>11}{'runs':>6}"
    print(f"\n{head}  ratio of medians to {BASELINE}")
    for figure in FIGURES:
        label = f"{figure.title} ({figure.unit})"
        for key, row in results["summary"].get(figure.key, {}).items():
            numbers = "".join(f"{row[of]:>11,.{figure.decimals}f}" for of in ("median", "min", "max"))
            print(
                f"{label:34}{results['contestants'][key]['title']:16}{numbers}{row['runs']:>6}"
                f"  {verdict(figure, key, row)}"
            )
            label = ""
    for failure in results["failures"]:
        print(f"FAILED  {told(failure)}")


def verdict(figure, key, row):
    if "ratio" not in row:
        return "-"
    if key == BASELINE:
        return "1.00"
    better = "more" if figure.more_is_better else "less"
    return f"{row['ratio']:.2f}  ({better} is better)"


def told(failure):
    when = f"pair {failure['pair']}" if failure["pair"] else "not started"
    return f"{failure['contestant']}, {when}: {failure['why']}"


def hardware(results):
    machine = results["machine"]
    return f"{machine['processor']}, {machine['cpus']} CPUs shared by both ends and iperf3, {machine['kernel']}"


def conditions(results):
    return f"{hardware(results)}; runs of each, in turn: {results['pairs']}; {results['date']}"


def at_a_glance(figures):
    """One run in a line, while the next one is under way."""
    shown = [figure for figure in FIGURES if figure.key in figures and not figure.key.endswith("_p90")]
    return "  ".join(f"{figure.key} {figures[figure.key]:,.{figure.decimals}f}" for figure in shown)
