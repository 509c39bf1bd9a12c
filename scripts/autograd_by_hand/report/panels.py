"""The page of a picture, in pixels: its width and margins, and a grid of frames on it."""

from dataclasses import dataclass

WIDTH, MARGIN_LEFT, MARGIN_RIGHT, GAP = 920, 62, 16, 46
TOP, HEIGHT, BETWEEN, BELOW = 118, 230, 62, 62  # of frames with a legend above and ticks below


@dataclass
class Frame:
    """Where one plot stands, and its title."""

    title: str
    left: float
    top: float
    width: float
    height: float


def grid(
    titles: list[str],
    columns: int,
    top: float = TOP,
    height: float = HEIGHT,
    between: float = BETWEEN,
) -> list[Frame]:
    """A frame for each title, in rows of at most `columns`, over the whole width of the page."""
    columns = max(1, min(columns, len(titles)))
    width = (WIDTH - MARGIN_LEFT - MARGIN_RIGHT - GAP * (columns - 1)) / columns
    return [
        Frame(
            title=title,
            left=MARGIN_LEFT + (place % columns) * (width + GAP),
            top=top + (place // columns) * (height + between),
            width=width,
            height=height,
        )
        for place, title in enumerate(titles)
    ]
