"""Small charts as SVG text: points, lines and bars on two labelled axes. No dependencies."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 480, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 52
INK, GRID, BLUE, ORANGE = "#1f2933", "#d9dee4", "#1f6fb2", "#b8500f"


@dataclass
class Chart:
    """A chart with fixed ranges; add to it, then `text()`. Names stand in the upper left or, `names_below`, the lower right."""

    title: str
    x_label: str
    y_label: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    percent: tuple[bool, bool] = (False, False)
    names_below: bool = False
    parts: list[str] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)

    def line(self, x, y, color: str = BLUE, dashed: bool = False, name: str | None = None) -> None:
        points = " ".join(f"{self._x(a):.1f},{self._y(b):.1f}" for a, b in zip(x, y))
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
        if name:
            self.names.append((name, color))

    def points(self, x, y, radius=None, color: str = BLUE, name: str | None = None) -> None:
        sizes = radius if radius is not None else [4.0] * len(x)
        for a, b, r in zip(x, y, sizes):
            at = f'cx="{self._x(a):.1f}" cy="{self._y(b):.1f}"'
            self.parts.append(f'<circle {at} r="{r:.1f}" fill="{color}" fill-opacity="0.7"/>')
        if name:
            self.names.append((name, color))

    def whiskers(self, x, low, high, color: str = BLUE) -> None:
        for a, b, c in zip(x, low, high):
            at = f"{self._x(a):.1f}"
            ends = f'x1="{at}" y1="{self._y(b):.1f}" x2="{at}" y2="{self._y(c):.1f}"'
            self.parts.append(f'<line {ends} stroke="{color}" stroke-width="1.5"/>')

    def bars(self, edges, heights, color: str = BLUE) -> None:
        for start, end, height in zip(edges[:-1], edges[1:], heights):
            left, right, top = self._x(start) + 1, self._x(end) - 1, self._y(height)
            self.parts.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 0.5):.1f}" '
                f'height="{max(self._y(self.y_range[0]) - top, 0):.1f}" fill="{color}"/>'
            )

    def text(self) -> str:
        """The whole SVG document."""
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(self.title)}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="11" fill="{INK}">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="22" font-size="13" font-weight="bold">{escape(self.title)}</text>',
        ]
        for tick in range(6):
            share = tick / 5
            x = self.x_range[0] + share * (self.x_range[1] - self.x_range[0])
            y = self.y_range[0] + share * (self.y_range[1] - self.y_range[0])
            at_x, at_y = f"{self._x(x):.1f}", f"{self._y(y):.1f}"
            out.append(f'<line x1="{at_x}" y1="{TOP}" x2="{at_x}" y2="{HEIGHT - BOTTOM}" stroke="{GRID}"/>')
            out.append(f'<line x1="{LEFT}" y1="{at_y}" x2="{WIDTH - RIGHT}" y2="{at_y}" stroke="{GRID}"/>')
            out.append(f'<text x="{at_x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{_tick(x, self.percent[0])}</text>')
            out.append(f'<text x="{LEFT - 6}" y="{self._y(y) + 4:.1f}" text-anchor="end">{_tick(y, self.percent[1])}</text>')
        middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
        out.append(f'<text x="{middle_x}" y="{HEIGHT - 14}" text-anchor="middle">{escape(self.x_label)}</text>')
        out.append(f'<text transform="translate(16 {middle_y}) rotate(-90)" text-anchor="middle">{escape(self.y_label)}</text>')
        out += self.parts
        top = HEIGHT - BOTTOM + 6 - 16 * len(self.names) if self.names_below else TOP + 14
        left = round(middle_x) if self.names_below else LEFT + 10
        for row, (name, color) in enumerate(self.names):
            y = top + 16 * row
            out.append(f'<rect x="{left}" y="{y - 9}" width="10" height="10" fill="{color}"/>')
            out.append(f'<text x="{left + 16}" y="{y}">{escape(name)}</text>')
        return "\n".join([*out, "</svg>", ""])

    def _x(self, value: float) -> float:
        return LEFT + (value - self.x_range[0]) / (self.x_range[1] - self.x_range[0]) * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.y_range[0]) / (self.y_range[1] - self.y_range[0]) * (HEIGHT - TOP - BOTTOM)


def _tick(value: float, percent: bool) -> str:
    return f"{100 * value:.3g} %" if percent else f"{value:.4g}"
