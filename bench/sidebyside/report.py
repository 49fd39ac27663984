"""Results as a table, and the summary behind it."""

import statistics

from .measures import FIGURES
from .warming import COLD_MEAN_SECONDS, COLD_SECONDS, RISE, TCP_WINDOW

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


def cold_curves(results):
    """By contestant: medians of Gbit/s in each of the first seconds."""
    curves = {key: [run["coldCurve"] for run in runs_of(results, key) if run.get("coldCurve")] for key in results["contestants"]}
    return {
        key: [statistics.median(second) for second in zip(*runs, strict=False)] for key, runs in curves.items() if runs
    }


def runs_of(results, key):
    return [run for run in results["runs"] if run["contestant"] == key]


def print_results(results):
    print(f"\n{results['command']}")
    print(conditions(results))
    for key, contestant in results["contestants"].items():
        print(f"  {contestant['title']:20} {warmed(results, key):36} {contestant.get('command', '')} {contestant.get('version', '')}")
    print_table(results)
    print_cold_curves(results)
    for failure in results["failures"]:
        print(f"FAILED  {told(failure)}")


def warmed(results, key):
    """How long a contestant carried traffic before it was measured."""
    seconds = [run["warmup"]["seconds"] for run in runs_of(results, key) if "warmup" in run]
    if not any(seconds):
        return "not warmed"
    steady = all(run["warmup"]["steady"] for run in runs_of(results, key))
    span = f"{min(seconds)} s" if min(seconds) == max(seconds) else f"{min(seconds)} to {max(seconds)} s"
    return f"warmed for {span}" + ("" if steady else ", still rising")


def print_table(results):
    head = f"{'':38}{'':20}{'median':>11}{'min':>11}{'max':>11}{'runs':>6}"
    print(f"\n{head}  ratio of medians to {BASELINE}")
    for figure in FIGURES:
        label = f"{figure.title} ({figure.unit})"
        for key, row in results["summary"].get(figure.key, {}).items():
            numbers = "".join(f"{row[of]:>11,.{figure.decimals}f}" for of in ("median", "min", "max"))
            print(
                f"{label:38}{results['contestants'][key]['title']:20}{numbers}{row['runs']:>6}"
                f"  {verdict(figure, key, row)}"
            )
            label = ""


def print_cold_curves(results):
    """One TCP stream that starts together with the tunnel, beside the same stream through a warm one."""
    curves = cold_curves(results)
    if not curves:
        return
    seconds = "".join(f"{second:>7}" for second in range(1, COLD_SECONDS + 1))
    print(f"\nTCP from the start, 1 stream (Gbit/s in each second, medians)\n{'':20}{seconds}{f'mean {COLD_MEAN_SECONDS} s':>10}{'warm':>8}")
    for key, curve in curves.items():
        warm = results["summary"].get("tcp1", {}).get(key, {}).get("median")
        print(
            f"{results['contestants'][key]['title']:20}{''.join(f'{rate:>7.2f}' for rate in curve)}"
            f"{results['summary']['cold'][key]['median']:>10.2f}{'-' if warm is None else f'{warm:.2f}':>8}"
        )


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
    return f"{hardware(results)}; runs of each, in turn: {results['pairs']}; {results['date']}; {warming(results)}"


def warming(results):
    if results["warmup"] == 0:
        return "not warmed"
    rise = f"{RISE - 1:.0%} per {TCP_WINDOW} s"
    least = f"for {results['leastWarmup']} s and " if "leastWarmup" in results else ""
    return f"warmed {least}until throughput rose by less than {rise}, for {results['warmup']} s at most"


def at_a_glance(figures):
    """One run in a line, while the next one is under way."""
    shown = [figure for figure in FIGURES if figure.key in figures and not figure.key.endswith("_p90")]
    return "  ".join(f"{figure.key} {figures[figure.key]:,.{figure.decimals}f}" for figure in shown)
