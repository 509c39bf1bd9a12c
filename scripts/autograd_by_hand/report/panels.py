"""The layout of a picture in pixels: its width, its margins, and a grid of frames."""

from dataclasses import dataclass

WIDTH, MARGIN_LEFT, MARGIN_RIGHT, GAP = 920, 62, 16, 46
TOP, HEIGHT, BETWEEN, BELOW = 118, 230, 62, 62  # for frames with a legend above and ticks below


@dataclass
class Frame:
    """The position of one plot, and its title."""

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
    """Return a frame for each title, in rows of at most `columns`, over the whole width."""
    columns = max(1, min(columns, len(titles)))
    width = (WIDTH - MARGIN_LEFT - MARGIN_RIGHT - GAP * (columns - 1)) / columns
    return [
        Frame(
            title=title,
            left=MARGIN_LEFT + (index % columns) * (width + GAP),
            top=top + (index // columns) * (height + between),
            width=width,
            height=height,
        )
        for index, title in enumerate(titles)
    ]
