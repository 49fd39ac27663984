"""Just enough SVG for bars and lines, drawn on a light card that stands on any background."""

import contextlib
import math
import textwrap
from html import escape

WIDTH = 860
MARGIN = 28
FONT = "-apple-system,'Segoe UI','Helvetica Neue',Arial,'DejaVu Sans',sans-serif"
INK, MUTED, RULE, CARD, EDGE = "#1f2328", "#59636e", "#e4e8ec", "#ffffff", "#d1d9e0"
CAPTION_CHARACTERS = 132


class Drawing:
    """Elements between a title and a caption; the caption decides the height."""

    def __init__(self, title, subtitle):
        self.title = title
        self.parts = []
        self.text(MARGIN, 40, title, size=19, weight=600)
        self.text(MARGIN, 62, subtitle, size=13, fill=MUTED)

    def add(self, name, content=None, **attributes):
        written = "".join(
            f' {key.replace("_", "-")}="{escape(number(value))}"' for key, value in attributes.items()
        )
        self.parts.append(f"<{name}{written}/>" if content is None else f"<{name}{written}>{content}</{name}>")

    def text(self, x, y, words, size=12, fill=INK, anchor="start", weight=400, **more):
        self.add("text", escape(words), x=x, y=y, font_size=size, fill=fill, text_anchor=anchor,
                 font_weight=weight, **more)  # fmt: skip

    def bar(self, x, y, width, height, fill, hint):
        """A rectangle with a tooltip."""
        self.add("rect", f"<title>{escape(hint)}</title>", x=x, y=y, width=max(width, 0.5),
                 height=max(height, 0.5), rx=min(2, width / 2, height / 2), fill=fill)  # fmt: skip

    def line(self, x1, y1, x2, y2, stroke=RULE, width=1):
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width)

    def path(self, points, stroke, width=2, dash=None):
        where = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        more = {"stroke_dasharray": dash} if dash else {}
        self.add("polyline", points=where, fill="none", stroke=stroke, stroke_width=width,
                 stroke_linejoin="round", **more)  # fmt: skip

    def legend(self, y, entries):
        """Swatches with names: (name, colour, dash or None)."""
        x = MARGIN
        for name, colour, dash in entries:
            if dash is None:
                self.bar(x, y - 10, 12, 12, colour, name)
            else:
                self.path([(x, y - 4), (x + 16, y - 4)], colour, 2.5, dash)
            self.text(x + 21, y, name, size=13)
            x += 21 + 7.4 * len(name) + 26

    def write(self, file, y, caption):
        """Closes the card below y."""
        lines = [line for paragraph in caption for line in textwrap.wrap(paragraph, CAPTION_CHARACTERS, break_on_hyphens=False)]
        self.line(MARGIN, y, WIDTH - MARGIN, y)
        for line in lines:
            y += 17
            self.text(MARGIN, y + 3, line, size=11.5, fill=MUTED)
        height = y + 22
        with open(file, "w") as target:
            target.write(
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {number(height)}" '
                f'width="{WIDTH}" height="{number(height)}" role="img" font-family="{FONT}">\n'
                f"<title>{escape(self.title)}</title>\n"
                f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{number(height - 1)}" rx="10" '
                f'fill="{CARD}" stroke="{EDGE}"/>\n' + "\n".join(self.parts) + "\n</svg>\n"
            )


def number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def short(value):
    """Three digits are enough on a bar."""
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (limit if unit == 'M' else 1e3):.3g}{unit}"
    with contextlib.suppress(ValueError):
        digits = max(0, 2 - math.floor(math.log10(value)))
        return f"{value:,.{min(digits, 3)}f}"
    return "0"


def round_number(value):
    """For an axis."""
    return f"{value / 1e3:g}k" if value >= 1e4 else f"{value:g}"


def ticks(most, about=4):
    """Round numbers from 0 to above `most`."""
    step = 10 ** math.floor(math.log10(most / about))
    step = next(step * factor for factor in (1, 2, 2.5, 5, 10) if step * factor * about >= most * 0.999)
    return [step * i for i in range(math.ceil(most / step * 0.999) + 1)]
