"""The charts of a README, from results as --json writes them."""

import json
import math
import os

from .measures import FIGURES
from .report import conditions, hardware
from .svg import INK, MARGIN, MUTED, RULE, WIDTH, Drawing, round_number, short, ticks

# Contestants in colour, their bounds in grey. Told apart by the colour-blind too.
COLOURS = {
    "culvert": "#0969da",
    "culvert-guarded": "#54aeff",
    "culvert-esp": "#1a7f37",
    "strongswan": "#cf222e",
    "strongswan-aesni": "#ff8182",
    "wireguard-go": "#d9730d",
    "gotatun": "#8250df",
    "boringtun": "#6e5a00",
    "null": "#8c959f",
    "veth": "#c5ccd3",
}
SPARE_COLOURS = ["#1a7f5a", "#bf3989", "#0a3069", "#57606a"]
BOUNDS = ("null", "veth")
STAGE_COLOURS = {"out": "#0969da", "in": "#1a7f5a"}
STAGE_TITLES = {"out": "outbound, TUN to UDP", "in": "inbound, UDP to TUN"}
TITLES = {figure.key: figure for figure in FIGURES}
PLOT_TOP, PLOT_HEIGHT = 140, 220


def draw(results, stages, folder):
    """Writes each chart that there are figures for; gives their paths."""
    os.makedirs(folder, exist_ok=True)
    summary = results["summary"]
    written = []

    def chart(name, drawer, *how):
        path = os.path.join(folder, name)
        drawer(path, *how)
        written.append(path)

    throughput = [
        panel
        for panel in (
            ("TCP, Gbit/s", [("tcp1", "1 stream"), ("tcp4", "4 streams")]),
            ("UDP received, packets/s", [(f"udp{size}", f"{size} bytes") for size in (64, 512, 1372)]),
        )
        if panel[1][0][0] in summary
    ]
    if throughput:
        chart("throughput.svg", bars, results, "Throughput", "more is better", throughput)
    cost = [
        (f"{title}, {TITLES[key].unit}", [(key, "")])
        for key, title in (("cpu", "CPU a gigabyte"), ("memory", "peak memory"), ("start", "start to ping"))
        if key in summary
    ]
    if cost:
        chart("cost.svg", bars, results, "Cost", "less is better", cost)
    if any(states.get(state) for states in results["roundTripsMillis"].values() for state, _ in LATENCIES):
        chart("latency.svg", latency, results)
    if stages:
        chart("stages.svg", stage_budget, results, stages)
    return written


def colours(results):
    spare = iter(SPARE_COLOURS * len(results["contestants"]))
    return {key: COLOURS.get(key) or next(spare) for key in results["contestants"]}


def caption(results, figure):
    versions = [
        f"{contestant['title']} {contestant['version']}"
        for contestant in results["contestants"].values()
        if "version" in contestant
    ]
    return [f"{figure} {conditions(results)}. {', '.join(versions)}", f"$ {results['command']}"]


def bars(path, results, title, subtitle, panels):
    """Panels side by side; in each a group of bars a figure, a bar a contestant, whiskers min to max."""
    palette, summary = colours(results), results["summary"]
    drawing = Drawing(f"{title}: Culvert beside wireguard-go", f"medians, whiskers from min to max; {subtitle}")
    shown = [key for key in palette if any(key in summary[figure] for _, group in panels for figure, _ in group)]
    drawing.legend(94, [(results["contestants"][key]["title"], palette[key], None) for key in shown])
    bars_of = [
        max(1, sum(key in summary.get(figure, {}) for figure, _ in group for key in shown)) + len(group)
        for _, group in panels
    ]
    gap = 52
    unit = (WIDTH - 2 * MARGIN - gap * len(panels)) / sum(bars_of)
    x = MARGIN
    for (label, group), count in zip(panels, bars_of, strict=True):
        x += gap
        panel(drawing, x, unit * count, label, group, summary, palette)
        x += unit * count
    drawing.write(path, PLOT_TOP + PLOT_HEIGHT + 44, caption(results, f"iperf3, {results['seconds']} s each; broken bars end beyond the scale."))


def panel(drawing, left, width, label, group, summary, palette):
    rows = [row for figure, _ in group for row in summary.get(figure, {}).items()]
    scale, cut = axis(rows)
    bottom = PLOT_TOP + PLOT_HEIGHT
    height = PLOT_HEIGHT / scale[-1]
    drawing.text(left - 38, PLOT_TOP - 18, label, size=13, weight=600)
    for tick in scale:
        y = bottom - tick * height
        drawing.line(left, y, left + width, y)
        drawing.text(left - 6, y + 4, round_number(tick), size=11, fill=MUTED, anchor="end")
    slots = len(rows) + len(group)
    slot = width / slots
    at = left + slot / 2
    for figure, name in group:
        entries = [(key, summary[figure][key]) for key in palette if key in summary.get(figure, {})]
        for key, row in entries:
            one_bar(drawing, at, slot, bottom, height, row, palette[key], cut, f"{key}: {row['median']:g}")
            at += slot
        drawing.text(at - slot * len(entries) / 2, bottom + 19, name, size=12, anchor="middle")
        at += slot
    drawing.line(left, bottom, left + width, bottom, stroke=MUTED)


def axis(rows):
    """Ticks, and the length at which bars are cut: the bounds must not dwarf the tunnels."""
    tallest = max(row["max"] for _, row in rows)
    compared = max((row["max"] for key, row in rows if key not in BOUNDS), default=tallest)
    return ticks(min(tallest, compared * 1.8) * 1.06 or 1), compared * 1.8


def one_bar(drawing, at, slot, bottom, height, row, colour, cut, hint):
    width = min(slot * 0.86, 64)
    x = at + (slot - width) / 2
    middle = x + width / 2
    value = min(row["median"], cut)
    top = bottom - value * height
    drawing.bar(x, top, width, value * height, colour, hint)
    if row["median"] > cut:
        for lift in (14, 20):  # a break: the bar is longer than drawn
            drawing.path([(x - 2, top + lift + 4), (x + width + 2, top + lift - 4)], "#ffffff", 2.5)
    elif row["max"] > row["min"]:
        low, high = bottom - row["min"] * height, bottom - min(row["max"], cut) * height
        drawing.line(middle, low, middle, high, stroke=INK)
        for end in (low, high) if row["max"] <= cut else (low,):  # no end if it goes beyond the scale
            drawing.line(middle - 4, end, middle + 4, end, stroke=INK)
        top = min(top, high)
    drawing.text(middle, top - 5, short(row["median"]), size=11, anchor="middle")


LATENCIES = (("idle", "idle"), ("loaded", "beside one TCP stream"))


def latency(path, results):
    """Which share of the pings was answered within how many milliseconds; the time axis is logarithmic."""
    palette = colours(results)
    drawing = Drawing("Ping round trips: Culvert beside wireguard-go", "share answered within a time; further left is better")  # fmt: skip
    dashes = {key: "2 3" if key == "veth" else "6 3" if key == "null" else "1 0" for key in palette}
    drawing.legend(94, [(results["contestants"][key]["title"], palette[key], dashes[key]) for key in palette])
    trips = results["roundTripsMillis"]
    values = [value for states in trips.values() for state, _ in LATENCIES for value in states.get(state, ())]
    low = math.floor(math.log10(max(min(values), 1e-3)) * 2) / 2
    high = math.ceil(math.log10(max(values)) * 2) / 2
    width = (WIDTH - 2 * MARGIN - 2 * 44) / 2
    for index, (state, name) in enumerate(LATENCIES):
        left = MARGIN + 40 + index * (width + 48)
        drawing.text(left - 34, PLOT_TOP - 18, name, size=13, weight=600)
        latency_grid(drawing, left, width, low, high)
        for key in sorted(palette, key=lambda key: key not in BOUNDS):  # contestants lie on top
            times = trips.get(key, {}).get(state)
            if times:
                steps = [
                    (left + (math.log10(max(time, 1e-3)) - low) / (high - low) * width,
                     PLOT_TOP + PLOT_HEIGHT * (1 - (i + 1) / len(times)))
                    for i, time in enumerate(times)
                ]  # fmt: skip
                start = (steps[0][0], float(PLOT_TOP + PLOT_HEIGHT))
                drawing.path(thinned([start, *steps]), palette[key], 2.2, dashes[key])
    drawing.write(path, PLOT_TOP + PLOT_HEIGHT + 52, caption(results, "Every ping of all runs."))


def latency_grid(drawing, left, width, low, high):
    bottom = PLOT_TOP + PLOT_HEIGHT
    for percent in (0, 25, 50, 75, 90, 99):
        y = bottom - PLOT_HEIGHT * percent / 100
        drawing.line(left, y, left + width, y)
        drawing.text(left - 6, y + 4, f"{percent}%", size=11, fill=MUTED, anchor="end")
    for decade in range(math.floor(low), math.ceil(high) + 1):
        for factor in range(1, 10):
            place = decade + math.log10(factor)
            if low - 1e-9 <= place <= high + 1e-9:
                x = left + (place - low) / (high - low) * width
                drawing.line(x, PLOT_TOP, x, bottom, stroke=RULE, width=1.4 if factor == 1 else 0.5)
                if factor in (1, 3):
                    drawing.text(x, bottom + 16, f"{factor * 10**decade:g}", size=11, fill=MUTED, anchor="middle")
    drawing.text(left + width, bottom + 34, "ms, logarithmic", size=11, fill=MUTED, anchor="end")
    drawing.line(left, bottom, left + width, bottom, stroke=MUTED)


def thinned(points, closest=1.0):
    """Without the points that no eye would tell from the one before."""
    kept = points[:1]
    for point in points[1:-1]:
        if math.dist(point, kept[-1]) >= closest:
            kept.append(point)
    return kept + points[-1:]


def parse_stages(file):
    """[(direction, stage, ns per packet)], or an error that names the entry."""
    with open(file) as source:
        entries = json.load(source)
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{file}: not an array of stages")
    stages = []
    for index, entry in enumerate(entries):
        match entry:
            case {"stage": str(name), "direction": ("out" | "in") as direction,
                  "nanosPerPacket": int() | float() as nanos} if nanos >= 0:  # fmt: skip
                stages.append((direction, name, float(nanos)))
            case _:
                raise ValueError(f"{file}[{index}]: not a stage, direction (out, in) and nanosPerPacket")
    return stages


def stage_budget(path, results, stages):
    """A bar a stage, in the order of the path; both directions to one scale."""
    drawing = Drawing("Where Culvert's time goes", "nanoseconds per packet, by stage; shorter is better")
    left, right = MARGIN + 110, WIDTH - MARGIN - 110
    scale = (right - left) / (max(nanos for _, _, nanos in stages) or 1)
    y = 88
    for direction, title in STAGE_TITLES.items():
        rows = [(name, nanos) for way, name, nanos in stages if way == direction]
        if not rows:
            continue
        total = sum(nanos for _, nanos in rows)
        y += 14
        drawing.text(MARGIN, y, f"{title}: {total:,.0f} ns", size=13, weight=600)
        y += 12
        for name, nanos in rows:
            drawing.text(left - 10, y + 14, name, size=12, anchor="end")
            drawing.bar(left, y + 2, nanos * scale, 16, STAGE_COLOURS[direction], f"{name}: {nanos:g} ns")
            share = f"{nanos / total:.0%}" if total else ""
            drawing.text(left + nanos * scale + 7, y + 14, f"{nanos:,.0f} ns  {share}", size=11.5, fill=MUTED)
            y += 23
        y += 16
    drawing.write(path, y, [
        f"Counters inside the gateway, read in a run of their own. {hardware(results)}",
        "$ bench/side-by-side --svg DIR --stages FILE",
    ])  # fmt: skip
