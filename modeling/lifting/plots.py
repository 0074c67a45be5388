"""Plots as SVG text, so that no plotting library is needed."""

from math import floor, isfinite, log10
from xml.sax.saxutils import escape

COLOURS = ("#1d4e89", "#c8553d", "#2a7f62", "#7a4e9c", "#8a6d00", "#444444")
STYLE = 'font-family="sans-serif" font-size="12" fill="#222"'


def _ticks(high: float) -> list[float]:
    """From 0 to at least `high` in about five round steps."""
    raw = max(high, 1e-9) / 5
    size = 10 ** floor(log10(raw))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= raw)
    return [step * n for n in range(int(high / step) + 2)]


def bars(rows: list[tuple[str, float, float]], title: str, label: str) -> str:
    """Horizontal bars of (name, mean, half width of the interval)."""
    if not rows:
        return _page(200, 60, title, [])
    ticks = _ticks(max(mean for _, mean, _ in rows))
    left, width, step = 270, 360, 24
    bottom = 44 + step * len(rows)
    parts = []
    for tick in ticks:
        x = left + width * tick / ticks[-1]
        parts.append(f'<line x1="{x:.1f}" y1="36" x2="{x:.1f}" y2="{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" {STYLE}>{tick:g}</text>')
    for number, (name, mean, half) in enumerate(rows):
        y, end = 42 + step * number, left + width * mean / ticks[-1]
        parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end" {STYLE}>{escape(name)}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{end - left:.1f}" height="16" fill="{COLOURS[0]}"/>')
        if isfinite(half):
            low, high = end - width * half / ticks[-1], end + width * half / ticks[-1]
            parts.append(f'<line x1="{low:.1f}" y1="{y + 8}" x2="{high:.1f}" y2="{y + 8}" stroke="#222" stroke-width="2"/>')
        parts.append(f'<text x="{end + 6:.1f}" y="{y + 12}" {STYLE}>{mean:.1f}</text>')
    parts.append(f'<text x="{left + width / 2}" y="{bottom + 34}" text-anchor="middle" {STYLE}>{escape(label)}</text>')
    return _page(left + width + 60, bottom + 44, title, parts)


def grouped(series: dict[str, dict[str, float]], title: str, label: str) -> str:
    """Horizontal bars by name, those of one name beside each other; {series: {name: value}}."""
    names = list(dict.fromkeys(name for values in series.values() for name in values))
    if not names:
        return _page(200, 60, title, [])
    ticks = _ticks(max(max(values.values()) for values in series.values()))
    left, top, width, thick = 130, 40, 380, 9
    step = thick * len(series) + 8
    bottom = top + step * len(names)
    parts = []
    for tick in ticks:
        x = left + width * tick / ticks[-1]
        parts.append(f'<line x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" {STYLE}>{tick:g}</text>')
    for number, (name, values) in enumerate(series.items()):
        colour, key = COLOURS[number % len(COLOURS)], left + width + 24
        for place, joint in enumerate(names):
            y, long = top + step * place + thick * number, width * values.get(joint, 0) / ticks[-1]
            parts.append(f'<rect x="{left}" y="{y}" width="{long:.1f}" height="{thick - 1}" fill="{colour}"/>')
        parts.append(f'<rect x="{key}" y="{top + 20 * number}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{key + 18}" y="{top + 20 * number + 10}" {STYLE}>{escape(name)}</text>')
    for place, joint in enumerate(names):
        y = top + step * place + thick * len(series) / 2 + 4
        parts.append(f'<text x="{left - 8}" y="{y:.1f}" text-anchor="end" {STYLE}>{escape(joint)}</text>')
    parts.append(f'<text x="{left + width / 2}" y="{bottom + 34}" text-anchor="middle" {STYLE}>{escape(label)}</text>')
    return _page(left + width + 230, bottom + 44, title, parts)


def lines(series: dict[str, list], title: str, x_label: str, label: str, *, log_x: bool = False) -> str:
    """Lines through points (x, mean, half width of the interval) by name."""
    left, top, width, height = 60, 56, 460, 260
    across = (lambda x: log10(max(x, 1e-9))) if log_x else (lambda x: x)
    xs = [across(x) for points in series.values() for x, _, _ in points]
    low, high = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1
    ticks = _ticks(max(mean for points in series.values() for _, mean, _ in points))

    def at(x: float, y: float) -> tuple[float, float]:
        return left + width * (across(x) - low) / (high - low), top + height * (1 - y / ticks[-1])

    parts = []
    for tick in ticks:
        y = at(1, tick)[1]
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end" {STYLE}>{tick:g}</text>')
    for x in sorted({x for points in series.values() for x, _, _ in points}):
        parts.append(f'<text x="{at(x, 0)[0]:.1f}" y="{top + height + 16}" text-anchor="middle" {STYLE}>{x:g}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(x, mean) for x, mean, _ in sorted(points)))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, mean, half in points:
            centre = at(x, mean)
            parts.append(f'<circle cx="{centre[0]:.1f}" cy="{centre[1]:.1f}" r="3.5" fill="{colour}"/>')
            if isfinite(half):
                up, down = at(x, mean + half)[1], at(x, mean - half)[1]
                parts.append(
                    f'<line x1="{centre[0]:.1f}" y1="{up:.1f}" x2="{centre[0]:.1f}" y2="{down:.1f}" stroke="{colour}"/>'
                )
        parts.append(f'<rect x="{left + width + 16}" y="{top + 20 * number}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{left + width + 34}" y="{top + 20 * number + 10}" {STYLE}>{escape(name)}</text>')
    parts.append(f'<text x="{left + width / 2}" y="{top + height + 34}" text-anchor="middle" {STYLE}>{escape(x_label)}</text>')
    parts.append(f'<text x="{left}" y="{top - 10}" {STYLE}>{escape(label)}</text>')
    return _page(left + width + 200, top + height + 44, title, parts)


def _page(width: float, height: float, title: str, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" '
        f'aria-label="{escape(title, {chr(34): "&quot;"})}"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="10" y="20" font-family="sans-serif" font-size="14" font-weight="bold" fill="#222">{escape(title)}</text>'
    )
    return head + "".join(parts) + "</svg>\n"
