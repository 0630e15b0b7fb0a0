"""A bar chart as SVG, legible on light and on dark pages."""

from __future__ import annotations

from html import escape

_WIDTH, _LABELS, _ROW, _BAR = 760, 210, 34, 20
_OURS, _OTHERS = "#2f6fde", "#8a94a6"


def bars(title: str, figures: dict[str, float], ours: set[str]) -> str:
    """One bar for each figure, with its value; `ours` are the names in the stronger colour."""
    most = max(figures.values())
    scale = (_WIDTH - _LABELS - 90) / most
    height = 50 + _ROW * len(figures)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        # A background of its own: the page behind it may have any.
        '<rect width="100%" height="100%" rx="6" fill="#ffffff"/>',
        '<g font-family="system-ui, sans-serif" font-size="14" fill="#1f2733">',
        f'<text x="16" y="28" font-weight="600">{escape(title)}</text>',
    ]
    for row, (name, figure) in enumerate(figures.items()):
        top = 44 + row * _ROW
        width = max(1.0, figure * scale)
        parts += [
            f'<text x="{_LABELS - 10}" y="{top + 15}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LABELS}" y="{top}" width="{width:.0f}" height="{_BAR}" rx="3" fill="{_OURS if name in ours else _OTHERS}"/>',
            f'<text x="{_LABELS + width + 8:.0f}" y="{top + 15}">{figure:,.0f}</text>',
        ]
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"
