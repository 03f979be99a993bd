"""Do the words of a block diagram fit into its boxes?"""

from matplotlib.figure import Figure


def fits(figure: Figure) -> bool:
    """Return whether each box holds its words whole."""
    figure.canvas.draw()
    (axis,) = figure.axes
    boxes = [patch.get_window_extent() for patch in axis.patches]
    words = [t.get_window_extent() for t in axis.texts if t.get_text() and t.get_fontsize() == 8]
    pairs = zip(boxes, words, strict=True)
    return all(b.x0 <= w.x0 and w.x1 <= b.x1 and b.y0 <= w.y0 and w.y1 <= b.y1 for b, w in pairs)
