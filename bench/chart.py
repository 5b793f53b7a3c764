"""Bar charts as SVG, of the same bytes for the same figures: a light and a dark one.

Text stays text, in the reader's own font, and a <desc> says all figures. A chart is as narrow as a phone
needs it to read its text without a tap. Nothing is loaded from anywhere.
"""

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 480
MARGIN = 16
SIZE, SMALL, TITLE = 13, 12, 15  # Of text, in the chart's units.
BAR, BAR_GAP = 11, 3
CLUSTER_GAP, GROUP_GAP = 9, 12
LEGEND_BOX = 10
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'DejaVu Sans', sans-serif"
# Figures that lie further apart are drawn on a logarithmic scale.
LINEAR_SPAN = 30

# `bars` has a colour for each series: two of nextid, two of peers.
THEMES = {
    "light": {"ground": "#ffffff", "edge": "#d5d9de", "ink": "#1b1f24", "quiet": "#5a636e", "grid": "#e2e4e7",
              "range": "#1b1f24", "bars": ["#1f5fbf", "#6892d6", "#b3530d", "#7b838c"]},
    "dark": {"ground": "#161a1f", "edge": "#3a424b", "ink": "#e4e7eb", "quiet": "#9aa4af", "grid": "#2a3037",
             "range": "#e4e7eb", "bars": ["#77aaf5", "#4677ba", "#eda15e", "#8a939d"]},
}

# In thousandths of the size, of a wide font: readers have others.
NARROW, MIDDLE, CAPITAL, WIDE = 400, 640, 760, 1000
NARROWS = set(" .,:;'|!ijlftrI()[]-/")
WIDES = set("mwMWQ@%—…×")
BOLD = 1.12


@dataclass(frozen=True)
class Bar:
    series: int  # Of the chart's legend; it has a colour of its own.
    median: float
    low: float
    high: float
    note: str = ""  # Behind the figure: how it compares.


@dataclass(frozen=True)
class Cluster:
    """Bars to be compared; the label is at their left."""

    label: str
    bars: list[Bar]


@dataclass(frozen=True)
class Group:
    heading: str  # Above its clusters; "" for none.
    peer: str  # Behind the heading, or below it: what nextid is compared with.
    clusters: list[Cluster]


@dataclass(frozen=True)
class Chart:
    title: str
    unit: str
    note: str  # Under the title, after the unit: what the bars' notes mean.
    legend: dict[int, str]  # By series.
    groups: list[Group]

    def clusters(self):
        return [cluster for group in self.groups for cluster in group.clusters]

    def bars(self):
        return [bar for cluster in self.clusters() for bar in cluster.bars]


def width_of(text, size, is_bold=False):
    """At least what it takes in any usual font."""
    def of(character):
        if character in NARROWS:
            return NARROW
        return WIDE if character in WIDES else CAPITAL if character.isupper() else MIDDLE
    return sum(map(of, text)) * size / 1000 * (BOLD if is_bold else 1)


def short(value):
    """1,000 as 1k."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def figure(value):
    return f"{value:,.0f}"


class Scale:
    """Where figures lie between `left` and `right`."""

    def __init__(self, values, left, right):
        self.left, self.right, self.top = left, right, max(values)
        self.is_log = self.top / min(values) > LINEAR_SPAN
        # A logarithmic scale has no zero: the least bar shall not look like nothing.
        self.bottom = 10 ** math.floor(math.log10(min(values) / 2)) if self.is_log else 0

    def at(self, value):
        if self.is_log:
            part = math.log(value / self.bottom) / math.log(self.top / self.bottom)
        else:
            part = value / self.top
        return self.left + part * (self.right - self.left)

    def ticks(self):
        if self.is_log:
            return [10 ** power for power in range(round(math.log10(self.bottom)), int(math.log10(self.top)) + 1)]
        power = 10 ** math.floor(math.log10(self.top))
        step = next(step for step in (power / 5, power / 2, power, power * 2) if self.top / step < 6)
        return [step * i for i in range(int(self.top / step) + 1)]


def element(name, content="", **attributes):
    shown = "".join(f' {key.replace("_", "-")}="{number(value)}"' for key, value in attributes.items())
    return f"<{name}{shown}>{content}</{name}>" if content else f"<{name}{shown}/>"


class Drawing:
    """Elements, from the top down."""

    def __init__(self, colours):
        self.colours, self.elements, self.y = colours, [], MARGIN

    def element(self, name, **attributes):
        self.elements.append(element(name, **attributes))

    def text(self, text, x, y, size=SMALL, fill="ink", behind="", **more):
        """`behind`: a <tspan> that follows it."""
        self.elements.append(element("text", escape(text) + behind, x=x, y=y, font_size=size,
                                     fill=self.colours[fill], **more))


def number(value):
    """Coordinates to a tenth; so bytes do not depend on the last digits of arithmetic."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value), {'"': "&quot;"})


def wrapped(words, room, size, is_bold=False):
    """Lines of at most that width."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer, size, is_bold) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def draw_head(drawing, chart, scale):
    room = WIDTH - 2 * MARGIN
    for line in wrapped(chart.title, room, TITLE, is_bold=True):
        drawing.y += TITLE
        drawing.text(line, MARGIN, drawing.y, TITLE, font_weight=600)
        drawing.y += 5
    kind = "log scale" if scale.is_log else ""
    for line in wrapped(", ".join(filter(None, [chart.unit, kind, chart.note])), room, SMALL):
        drawing.y += SMALL + 2
        drawing.text(line, MARGIN, drawing.y, fill="quiet")
    draw_legend(drawing, chart, room)


def draw_legend(drawing, chart, room):
    drawing.y += 10
    x = MARGIN
    for series, name in chart.legend.items():
        colour = drawing.colours["bars"][series]
        width = LEGEND_BOX + 6 + width_of(name, SMALL)
        if x + width > MARGIN + room and x > MARGIN:
            x, drawing.y = MARGIN, drawing.y + SMALL + 6
        drawing.element("rect", x=x, y=drawing.y, width=LEGEND_BOX, height=LEGEND_BOX, rx=2, fill=colour)
        drawing.text(name, x + LEGEND_BOX + 6, drawing.y + LEGEND_BOX)
        x += width + 16
    drawing.y += LEGEND_BOX + 11


def draw_bar(drawing, bar, scale):
    x, y = scale.at(bar.median), drawing.y
    drawing.element("rect", x=scale.left, y=y, width=max(1.0, x - scale.left), height=BAR,
                    fill=drawing.colours["bars"][bar.series])
    low, high = scale.at(bar.low), scale.at(bar.high)
    if high - low >= 1:
        drawing.element("path", d=f"M{low:.1f} {y + BAR / 2:.1f}H{high:.1f}", stroke=drawing.colours["range"])
    end = max(x, high) + 5
    note = element("tspan", escape(bar.note), dx=5, font_weight=600) if bar.note else ""
    drawing.text(figure(bar.median), end, y + BAR - 1, behind=note)
    drawing.y += BAR + BAR_GAP


def draw_cluster(drawing, cluster, scale):
    height = len(cluster.bars) * (BAR + BAR_GAP) - BAR_GAP
    if cluster.label:
        drawing.text(cluster.label, scale.left - 8, drawing.y + height / 2 + SMALL / 3, text_anchor="end")
    for bar in cluster.bars:
        draw_bar(drawing, bar, scale)
    drawing.y += CLUSTER_GAP - BAR_GAP


def is_long(group):
    """Its heading needs a second line."""
    return width_of(group.heading, SIZE, is_bold=True) + 8 + width_of(group.peer, SMALL) > WIDTH - 2 * MARGIN


def draw_heading(drawing, group, in_two_lines):
    drawing.y += SIZE
    below = {"x": MARGIN, "dy": SMALL + 3} if in_two_lines else {"dx": 8}
    peer = element("tspan", escape(group.peer), **below, font_size=SMALL, font_weight=400, fill=drawing.colours["quiet"])
    drawing.text(group.heading, MARGIN, drawing.y, SIZE, behind=peer, font_weight=600)
    drawing.y += (SMALL + 3 if in_two_lines else 0) + 7


def draw_group(drawing, grid, group, scale, in_two_lines):
    if group.heading:
        draw_heading(drawing, group, in_two_lines)
    top = drawing.y
    for cluster in group.clusters:
        draw_cluster(drawing, cluster, scale)
    for tick in scale.ticks():
        grid.element("path", d=f"M{scale.at(tick):.1f} {top - 3}V{drawing.y - CLUSTER_GAP + 3}",
                     stroke=drawing.colours["grid"])
    drawing.y += GROUP_GAP - CLUSTER_GAP


def draw_ticks(drawing, scale):
    drawing.y += SMALL - 3
    for tick in scale.ticks():
        anchor = "start" if scale.at(tick) == MARGIN else "middle"
        drawing.text(short(tick), scale.at(tick), drawing.y, fill="quiet", text_anchor=anchor)


def scale_of(chart):
    labels = max(width_of(cluster.label, SMALL) for cluster in chart.clusters())
    left = MARGIN + (labels + 8 if labels else 0)
    texts = max(width_of(figure(bar.median), SMALL) + width_of(bar.note, SMALL, is_bold=True) + 12 for bar in chart.bars())
    values = [value for bar in chart.bars() for value in (bar.low, bar.high)]
    return Scale(values, left, WIDTH - MARGIN - texts)


def description(chart):
    """All that the chart shows, in words."""
    sentences = []
    for group in chart.groups:
        for cluster in group.clusters:
            where = ", ".join(filter(None, [group.heading, group.peer, cluster.label]))
            bars = (f"{chart.legend[bar.series]} {figure(bar.median)}{f' ({bar.note})' if bar.note else ''}"
                    for bar in cluster.bars)
            sentences.append(f"{where}: {', '.join(bars)}.")
    return " ".join(sentences)


def svg(chart, theme):
    """The picture's text."""
    colours = THEMES[theme]
    scale = scale_of(chart)
    drawing, grid = Drawing(colours), Drawing(colours)
    draw_head(drawing, chart, scale)
    for group in chart.groups:
        draw_group(drawing, grid, group, scale, in_two_lines=any(map(is_long, chart.groups)))
    draw_ticks(drawing, scale)
    height = math.ceil(drawing.y + MARGIN - 4)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-labelledby="title desc" font-family="{FONTS}">',
        f'<title id="title">{escape(chart.title)}</title>',
        f'<desc id="desc">{escape(chart.unit)}. {escape(description(chart))}</desc>',
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6" fill="{colours["ground"]}" '
        f'stroke="{colours["edge"]}"/>',
        *grid.elements, *drawing.elements, "</svg>"]
    return "\n".join(lines) + "\n"
