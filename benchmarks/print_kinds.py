"""Old prints made of colour photographs, kind by kind, at random strength: what scanners and telephones see of them.

Each kind takes a photograph's lightness and a random generator and gives what a file of such a print holds, as
``(H, W, 3)`` float32 in 0..255. Nothing of the photograph's own colours is left in it, but what :func:`lightly_tinted`
paints on. :func:`held_out` was written with the others and is for the report alone.
"""

from collections.abc import Callable

import cv2
import numpy as np

Random = np.random.Generator
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def emulsion(rgb: np.ndarray, rng: Random) -> np.ndarray:
    """A black-and-white negative's grey of ``(H, W, 3)`` uint8, ``(H, W)`` in 0..1: any mix of the channels, any
    contrast, fading and grain."""
    mix = rng.dirichlet((1.5, 2.5, 1.5)).astype(np.float32)
    grey = (rgb.astype(np.float32) @ mix / 255) ** np.float32(rng.uniform(0.7, 1.4))
    low, high = rng.uniform(0, 0.25), rng.uniform(0.75, 1)
    grey = low + (high - low) * grey
    return np.clip(grey + rng.normal(0, rng.uniform(0, 0.02), grey.shape), 0, 1).astype(np.float32)


def _lab_color(L: float, chroma: float, hue: float) -> np.ndarray:
    """A colour in 0..255 from CIELAB lightness, chroma and hue in degrees."""
    angle = np.radians(hue)
    lab = np.array([[[L, chroma * np.cos(angle), chroma * np.sin(angle)]]], np.float32)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)[0, 0], 0, 1) * 255


def _curve(grey: np.ndarray, points: list[np.ndarray]) -> np.ndarray:
    """Shadows, middle and highlights of a tone, put onto a grey."""
    at = np.linspace(0, 1, len(points))
    return np.stack([np.interp(grey, at, [p[c] for p in points]) for c in range(3)], axis=2).astype(np.float32)


def _blobs(shape: tuple[int, int], rng: Random, scale: float) -> np.ndarray:
    """A smooth random field in 0..1; ``scale``: the size of its features as a part of the longer side."""
    cells = max(2, round(1 / scale))
    field = cv2.resize(
        rng.random((cells + 1, cells + 1)).astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC
    )
    return np.clip(field, 0, 1)


def _toned(grey: np.ndarray, points: list[np.ndarray], strength: float | np.ndarray) -> np.ndarray:
    plain = np.repeat(grey[..., None] * 255, 3, axis=2)
    amount = np.asarray(strength, np.float32)
    return plain + (amount[..., None] if amount.ndim else amount) * (_curve(grey, points) - plain)


def neutral(grey: np.ndarray, rng: Random) -> np.ndarray:
    """A grey print in a colour file, with the scanner's noise."""
    noise = rng.normal(0, rng.uniform(0, 4), (*grey.shape, 3))
    return grey[..., None] * 255 + noise.astype(np.float32)


def albumen(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Purple-brown shadows, yellow lights, paler towards the edges."""
    points = [
        _lab_color(rng.uniform(8, 25), rng.uniform(5, 18), rng.uniform(0, 60)),
        _lab_color(rng.uniform(45, 60), rng.uniform(8, 25), rng.uniform(35, 70)),
        _lab_color(rng.uniform(86, 95), rng.uniform(8, 28), rng.uniform(75, 100)),
    ]
    height, width = grey.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    faded = 1 - rng.uniform(0, 0.5) * np.maximum(abs(x), abs(y)) ** rng.uniform(2, 6)
    return _toned(grey, points, faded.astype(np.float32))


def sepia(grey: np.ndarray, rng: Random) -> np.ndarray:
    """One warm hue."""
    hue = rng.uniform(45, 85)
    points = [
        _lab_color(L, rng.uniform(5, 35) * k, hue + rng.uniform(-8, 8)) for L, k in ((10, 0.5), (55, 1), (93, 0.6))
    ]
    return _toned(grey, points, rng.uniform(0.3, 1))


def cyanotype(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Blue, to white or to yellowed paper."""
    hue = rng.uniform(235, 290)
    paper = _lab_color(rng.uniform(88, 97), rng.uniform(0, 14), rng.choice([hue, 90]))
    points = [_lab_color(rng.uniform(8, 22), rng.uniform(15, 40), hue), _lab_color(55, rng.uniform(18, 45), hue), paper]
    return _toned(grey, points, rng.uniform(0.5, 1))


def other_tone(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Selenium, gold, copper, green, split tones and duotones: a hue for the shadows and one for the lights."""
    first = rng.uniform(0, 360)
    second = first + rng.choice([0, rng.uniform(-60, 60), rng.uniform(90, 270)])
    points = [
        _lab_color(12, rng.uniform(3, 25), first),
        _lab_color(55, rng.uniform(2, 25), rng.choice([first, second])),
        _lab_color(92, rng.uniform(2, 18), second),
    ]
    return _toned(grey, points, rng.uniform(0.4, 1))


def _any_tone(grey: np.ndarray, rng: Random) -> np.ndarray:
    return rng.choice([neutral, neutral, albumen, sepia, sepia, yellowed])(grey, rng)


def yellowed(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Paper that went yellow or brown, more in some places."""
    paper = _lab_color(rng.uniform(70, 93), rng.uniform(6, 32), rng.uniform(65, 98)) / 255
    depth = rng.uniform(0, 0.6)
    amount = 1 - depth * _blobs(grey.shape, rng, rng.uniform(0.2, 0.6))[..., None]
    return grey[..., None] * 255 * (1 - amount + amount * paper.astype(np.float32))


def stained(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Water, coffee and damp: brown or yellow places with soft or hard rims, over any tone."""
    picture = _any_tone(grey, rng)
    for _ in range(rng.integers(1, 4)):
        field = _blobs(grey.shape, rng, rng.uniform(0.15, 0.5))
        level, soft = rng.uniform(0.5, 0.7), rng.uniform(0.02, 0.3)
        inside = np.clip((field - level) / soft + 0.5, 0, 1)
        rim = np.exp(-(((field - level) / 0.03) ** 2)) * rng.uniform(0, 0.3)
        stain = _lab_color(rng.uniform(55, 88), rng.uniform(10, 40), rng.uniform(45, 95)) / 255
        amount = np.clip(inside * rng.uniform(0.2, 0.9) + rim, 0, 1)[..., None]
        picture = picture * (1 - amount + amount * stain.astype(np.float32))
    return picture


def foxing_and_mirror(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Brown spots, and silver that mirrors bluish in the dark places towards the edges."""
    picture = _any_tone(grey, rng)
    height, width = grey.shape
    spots = np.zeros(grey.shape, np.float32)
    for _ in range(rng.integers(5, 120)):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(spots, at, int(max(1, rng.gamma(1.5, 0.006) * width)), float(rng.uniform(0.2, 1)), -1)
    spots = cv2.GaussianBlur(spots, (0, 0), rng.uniform(0.7, 3))[..., None]
    brown = _lab_color(rng.uniform(45, 70), rng.uniform(20, 45), rng.uniform(50, 80)) / 255
    picture = picture * (1 - spots + spots * brown.astype(np.float32))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    edge = np.clip(np.maximum(abs(x), abs(y)) - rng.uniform(0.2, 0.8), 0, 1) * _blobs(grey.shape, rng, 0.3)
    sheen = (edge / max(edge.max(), 1e-3) * (1 - grey) * rng.uniform(0, 0.7)).astype(np.float32)[..., None]
    return picture + sheen * (_lab_color(rng.uniform(55, 75), rng.uniform(4, 22), rng.uniform(220, 290)) - picture)


def _placed(picture: np.ndarray, ground: np.ndarray, rng: Random, most: float = 0.3) -> np.ndarray:
    """A picture on a ground of the same size, smaller, somewhere near the middle."""
    height, width = picture.shape[:2]
    low = max(0.4, 1 - most * 2)
    scale = rng.uniform(low, 0.97)
    small = cv2.resize(
        picture, (max(8, round(width * scale)), max(8, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    out = np.array(ground, np.float32)
    spare = height - small.shape[0], width - small.shape[1]
    top, left = (int(rng.uniform(0.2, 0.8) * one) for one in spare)
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


def _paper(shape: tuple[int, int], color: np.ndarray, rng: Random, texture: float = 3) -> np.ndarray:
    light = 1 + rng.uniform(0, 0.15) * (_blobs(shape, rng, 0.5) - 0.5)
    grain = cv2.GaussianBlur(rng.normal(0, 1, shape).astype(np.float32), (0, 0), 1) * texture
    return color * light[..., None] + grain[..., None]


def album_page(grey: np.ndarray, rng: Random) -> np.ndarray:
    """On a page of a brown, green, grey or black album."""
    hue, chroma = rng.choice([[60, 25], [45, 15], [85, 20], [150, 12], [75, 6]])
    page = _lab_color(rng.uniform(20, 65), chroma * rng.uniform(0.5, 1.3), hue + rng.uniform(-10, 10))
    return _placed(_any_tone(grey, rng), _paper(grey.shape, page, rng), rng)


def mount(grey: np.ndarray, rng: Random) -> np.ndarray:
    """On a cream, yellow or coloured card, with a line or a bevel round it."""
    hue = rng.choice([90, 85, 75, rng.uniform(0, 360)])
    card = _lab_color(rng.uniform(75, 94), rng.uniform(3, 30), hue)
    picture = _any_tone(grey, rng)
    height, width = grey.shape
    if rng.random() < 0.6:
        line = _lab_color(rng.uniform(20, 95), rng.uniform(0, 40), rng.uniform(0, 360)).tolist()
        cv2.rectangle(picture, (0, 0), (width - 1, height - 1), line, int(rng.integers(2, 9)))
    return _placed(picture, _paper(grey.shape, card, rng, 1.5), rng)


def _inked(picture: np.ndarray, ink: np.ndarray, color: np.ndarray, rng: Random) -> np.ndarray:
    amount = ink[..., None].astype(np.float32) / 255 * np.float32(rng.uniform(0.5, 1))
    return (picture + amount * (color - picture)).astype(np.float32)


def red_ink(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Writing, numbers and crop marks in red, blue or green ink over the picture."""
    height, width = grey.shape
    ink = np.zeros(grey.shape, np.uint8)
    for _ in range(rng.integers(1, 5)):
        text = "".join(rng.choice(list("ABCDEFGabcdefgh 0123456789")) for _ in range(rng.integers(3, 18)))
        at = (int(rng.uniform(0, 0.6) * width), int(rng.uniform(0.1, 0.98) * height))
        cv2.putText(ink, text, at, 0, rng.uniform(0.4, 2.2), 255, int(rng.integers(1, 5)), cv2.LINE_AA)
    for _ in range(rng.integers(0, 4)):
        ends = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(2)]
        cv2.line(ink, *ends, 255, int(rng.integers(1, 5)), cv2.LINE_AA)
    color = _lab_color(rng.uniform(30, 55), rng.uniform(30, 75), rng.choice([30, 20, 290, 150]))
    return _inked(_any_tone(grey, rng), ink, color, rng)


def stamps(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Rubber stamps and postage stamps."""
    picture = _any_tone(grey, rng).astype(np.float32)
    height, width = grey.shape
    for _ in range(rng.integers(1, 4)):
        color = _lab_color(rng.uniform(30, 60), rng.uniform(20, 65), rng.uniform(0, 360))
        half = int(rng.uniform(0.05, 0.12) * min(height, width))
        x, y = int(rng.integers(half, width - half)), int(rng.integers(half, height - half))
        if rng.random() < 0.5:
            ink = np.zeros(grey.shape, np.uint8)
            cv2.circle(ink, (x, y), 2 * half, 255, max(1, half // 6), cv2.LINE_AA)
            cv2.putText(ink, "POST", (x - half, y), 0, half / 25, 255, 2, cv2.LINE_AA)
            picture = _inked(picture, ink, color, rng)
        else:
            drawn = _blobs((2 * half, 2 * half), rng, 0.1)
            picture[y - half : y + half, x - half : x + half] = _curve(drawn, [color * 0.5, color, np.full(3, 240)])
    return picture


def color_target(grey: np.ndarray, rng: Random) -> np.ndarray:
    """A print scanned with a row or a chart of colour patches beside it, on a white, grey or black bed."""
    height, width = grey.shape
    bed = _paper(grey.shape, np.full(3, rng.choice([20, 120, 200, 250]), np.float32), rng, 1)
    picture = _placed(_any_tone(grey, rng), bed, rng, 0.1) if rng.random() < 0.7 else _any_tone(grey, rng)
    share, rows = rng.uniform(0.06, 0.25), int(rng.choice([1, 1, 2, 4]))
    columns = int(rng.integers(4, 9))
    chart = rng.uniform(10, 245, (rows, columns, 3)).astype(np.float32)
    chart[rng.integers(rows)] = np.linspace(20, 240, columns)[:, None] if rows > 1 else chart[0]
    long = rng.random() < 0.5
    size = (
        (round(share * width), round(rng.uniform(0.4, 1) * height))
        if long
        else (round(rng.uniform(0.4, 1) * width), round(share * height))
    )
    chart = chart.transpose(1, 0, 2) if long else chart
    chart = cv2.resize(np.ascontiguousarray(chart), size, interpolation=cv2.INTER_NEAREST)
    if long:
        chart = (
            np.pad(chart, ((0, height - size[1]), (0, 0), (0, 0)), mode="edge")[:height] if size[1] > height else chart
        )
        whole = np.concatenate([np.full((height, size[0], 3), bed[0, 0]), picture], axis=1)
    else:
        whole = np.concatenate([np.full((size[1], width, 3), bed[0, 0]), picture], axis=0)
    whole[: size[1], : size[0]] = chart
    return np.ascontiguousarray(whole[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]).astype(np.float32)


def tape(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Strips of yellow, brown or masking tape, over edges and tears."""
    picture = _any_tone(grey, rng)
    height, width = grey.shape
    for _ in range(rng.integers(1, 5)):
        mask = np.zeros(grey.shape, np.float32)
        center = (rng.uniform(0, 1) * width, rng.choice([0, 1, rng.uniform(0, 1)]) * height)
        box = (
            center,
            (rng.uniform(0.15, 0.8) * width, rng.uniform(0.03, 0.1) * height),
            rng.choice([0, 90, rng.uniform(0, 180)]),
        )
        cv2.fillPoly(mask, [cv2.boxPoints(box).astype(np.int32)], 1.0, cv2.LINE_AA)
        color = _lab_color(rng.uniform(60, 88), rng.uniform(10, 50), rng.choice([80, 65, 90, rng.uniform(0, 360)]))
        mask = mask[..., None] * rng.uniform(0.5, 1)
        over = picture * color / 255 if rng.random() < 0.7 else np.broadcast_to(color, picture.shape)
        picture = picture + mask * (over - picture)
    return picture


def mixed_light(grey: np.ndarray, rng: Random) -> np.ndarray:
    """A photograph of a print: lamp from one side, window from the other, a reflection, askew on a table."""
    picture = _any_tone(grey, rng)
    height, width = grey.shape
    if rng.random() < 0.7:
        hue, chroma = rng.choice([[60, 30], [50, 40], [80, 15], [0, 0], [rng.uniform(0, 360), 30]])
        table = _paper(grey.shape, _lab_color(rng.uniform(20, 80), chroma, hue), rng)
        if rng.random() < 0.5:  # wood
            rings = np.sin(_blobs(grey.shape, rng, 0.5) * 60 + np.linspace(0, 40, height)[:, None]) * rng.uniform(0, 14)
            table = table + rings[..., None].astype(np.float32)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
        inset = rng.uniform(0, 0.14, (4, 2)).astype(np.float32)
        there = corners + np.where(corners > 0.5, -inset, inset)
        size = np.array([width, height], np.float32)
        turn = cv2.getPerspectiveTransform(corners * size, there * size)
        picture = cv2.warpPerspective(picture.astype(np.float32), turn, (width, height), flags=cv2.INTER_AREA)
        mask = cv2.warpPerspective(np.ones(grey.shape, np.float32), turn, (width, height))[..., None]
        picture = table + mask * (picture - table)
    lights = [_lab_color(90, rng.uniform(0, 25), hue) / 240 for hue in (rng.uniform(50, 90), rng.uniform(220, 290))]
    angle, y_x = rng.uniform(0, 2 * np.pi), np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
    ramp = np.clip(0.5 + rng.uniform(0.3, 1) * (np.sin(angle) * y_x[0] + np.cos(angle) * y_x[1]), 0, 1)[..., None]
    picture = picture * (lights[0] * (1 - ramp) + lights[1] * ramp)
    if rng.random() < 0.4:
        glare = np.exp(
            -(((y_x[0] - rng.uniform(-0.4, 0.4)) / 0.15) ** 2 + ((y_x[1] - rng.uniform(-0.4, 0.4)) / 0.2) ** 2)
        )
        picture = picture + (glare * rng.uniform(20, 120))[..., None] * lights[1]
    return picture.astype(np.float32)


def misregistered(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Red and blue off by up to two pixels, as three passes of a scanner leave them, over any tone."""
    picture = _any_tone(grey, rng)
    height, width = grey.shape
    for channel in (0, 2):
        shift = np.float32([[1, 0, rng.uniform(-1.7, 1.7)], [0, 1, rng.uniform(-1.7, 1.7)]])
        turned = cv2.warpAffine(np.ascontiguousarray(picture[..., channel]), shift, (width, height), borderMode=1)
        picture[..., channel] = turned
    return picture


def lightly_tinted(grey: np.ndarray, rng: Random) -> np.ndarray:
    """Cheeks, lips and a dress painted on by hand, a few per cent of the area."""
    picture = _any_tone(grey, rng)
    height, width = grey.shape
    for _ in range(rng.integers(1, 4)):
        mask = np.zeros(grey.shape, np.float32)
        at = (int(rng.uniform(0.2, 0.8) * width), int(rng.uniform(0.2, 0.8) * height))
        axes = (int(rng.uniform(0.02, 0.09) * width), int(rng.uniform(0.02, 0.09) * height))
        cv2.ellipse(mask, at, axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 6))[..., None] * rng.uniform(0.3, 1)
        paint = _lab_color(rng.uniform(65, 85), rng.uniform(15, 45), rng.choice([20, 40, 270, 140])) / 200
        picture = picture * (1 - mask + mask * paint)
    return picture


def several(grey: np.ndarray, rng: Random) -> np.ndarray:
    """A tone, then two harms at once: what albums are really like."""
    first = rng.choice([stained, foxing_and_mirror, lightly_tinted, red_ink, stamps, tape])(grey, rng)
    second = rng.choice([_on_ground, _under_warm_light, _shifted])
    return second(np.clip(first, 0, 255).astype(np.float32), rng)


def _on_ground(picture: np.ndarray, rng: Random) -> np.ndarray:
    page = _lab_color(rng.uniform(20, 94), rng.uniform(0, 25), rng.uniform(40, 110))
    return _placed(picture, _paper(picture.shape[:2], page, rng), rng)


def _under_warm_light(picture: np.ndarray, rng: Random) -> np.ndarray:
    light = _lab_color(90, rng.uniform(3, 22), rng.uniform(40, 100)) / 240
    return picture * light * (0.7 + 0.4 * _blobs(picture.shape[:2], rng, 0.6)[..., None])


def _shifted(picture: np.ndarray, rng: Random) -> np.ndarray:
    picture[..., 2] = np.roll(picture[..., 2], rng.integers(-1, 2, 2), axis=(0, 1))
    return picture


def held_out(grey: np.ndarray, rng: Random) -> np.ndarray:
    """What no other kind has: stereo cards, grease pencil, ribbons, barcodes, gilt frames, fingers, glass on a light
    table."""
    made = [_stereo_card, _retouched_press_print, _ribboned, _framed, _held, _glass_plate]
    return rng.choice(made)(grey, rng)


def _stereo_card(grey: np.ndarray, rng: Random) -> np.ndarray:
    card = _paper(grey.shape, _lab_color(rng.uniform(55, 85), rng.uniform(20, 65), rng.uniform(30, 100)), rng)
    height, width = grey.shape
    toned = albumen(grey, rng)
    half = cv2.resize(toned, (round(width * 0.45), round(height * 0.85)), interpolation=cv2.INTER_AREA)
    top = round(height * 0.08)
    for left in (round(width * 0.04), round(width * 0.51)):
        card[top : top + half.shape[0], left : left + half.shape[1]] = half
    return card


def _retouched_press_print(grey: np.ndarray, rng: Random) -> np.ndarray:
    picture = neutral(grey, rng) * (_lab_color(93, rng.uniform(0, 15), 90) / 245)
    height, width = grey.shape
    for color in ((200, 40, 40), (40, 70, 190)):
        ink = np.zeros(grey.shape, np.uint8)
        first, second = (rng.uniform(0.02, 0.3), rng.uniform(0.7, 0.98))
        ends = [(int(part * width), int(part * height)) for part in (first, second)]
        cv2.rectangle(ink, *ends, 255, 6)
        picture = _inked(picture, ink, np.array(color, np.float32), rng)
    return picture


def _ribboned(grey: np.ndarray, rng: Random) -> np.ndarray:
    picture = _any_tone(grey, rng)
    height, width = grey.shape
    color = _lab_color(rng.uniform(25, 60), rng.uniform(30, 70), rng.uniform(0, 360)).tolist()
    layer = np.ascontiguousarray(picture, np.float32).copy()
    wide = int(0.05 * width)
    cv2.line(layer, (0, int(rng.uniform(0.1, 0.4) * height)), (int(rng.uniform(0.2, 0.5) * width), 0), color, wide)
    label = np.full((height // 10, width // 4, 3), 245, np.float32)
    label[:, :: int(rng.integers(2, 5))] = 30
    layer[height - len(label) :, width - label.shape[1] :] = label
    return layer


def _framed(grey: np.ndarray, rng: Random) -> np.ndarray:
    height, width = grey.shape
    gold = _curve(
        _blobs(grey.shape, rng, 0.02), [_lab_color(25, 20, 70), _lab_color(60, 45, 80), _lab_color(90, 30, 90)]
    )
    wall = _paper(grey.shape, _lab_color(rng.uniform(40, 85), rng.uniform(5, 35), rng.uniform(0, 360)), rng)
    side = int(rng.uniform(0.05, 0.1) * width)
    gold[side:-side, side:-side] = cv2.resize(_any_tone(grey, rng), (width - 2 * side, height - 2 * side))
    inner = int(rng.uniform(0.02, 0.08) * width)
    wall[inner:-inner, inner:-inner] = cv2.resize(gold, (width - 2 * inner, height - 2 * inner))
    return wall


def _held(grey: np.ndarray, rng: Random) -> np.ndarray:
    picture = np.ascontiguousarray(_placed(_any_tone(grey, rng), _paper(grey.shape, np.full(3, 60.0), rng), rng, 0.1))
    height, width = grey.shape
    skin = _lab_color(rng.uniform(45, 75), rng.uniform(18, 32), rng.uniform(40, 65))
    mask = np.zeros(grey.shape, np.float32)
    for left in (0, width):
        at = (left, int(rng.uniform(0.6, 1) * height))
        cv2.ellipse(mask, at, (int(0.16 * width), int(0.07 * height)), rng.uniform(-40, 40), 0, 360, 1.0, -1)
    shade = 0.7 + 0.5 * _blobs(grey.shape, rng, 0.1)[..., None]
    return (picture + mask[..., None] * (skin * shade - picture)).astype(np.float32)


def _glass_plate(grey: np.ndarray, rng: Random) -> np.ndarray:
    height, width = grey.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    edge = (np.maximum(abs(x), abs(y)) ** 8).astype(np.float32)[..., None]
    table = _lab_color(95, rng.uniform(0, 12), rng.uniform(200, 290)) / 255
    picture = grey[..., None] * 255 * table
    glass = _lab_color(60, rng.uniform(10, 35), rng.uniform(150, 200))
    picture = picture + edge * rng.uniform(0.2, 0.8) * (glass - picture)
    return picture.astype(np.float32)


KINDS: dict[str, Callable[[np.ndarray, Random], np.ndarray]] = {
    kind.__name__: kind
    for kind in (
        neutral,
        albumen,
        sepia,
        cyanotype,
        other_tone,
        yellowed,
        stained,
        foxing_and_mirror,
        album_page,
        mount,
        red_ink,
        stamps,
        color_target,
        tape,
        mixed_light,
        misregistered,
        lightly_tinted,
        several,
    )
}


def made(kind: Callable[[np.ndarray, Random], np.ndarray], rgb: np.ndarray, rng: Random) -> bytes:
    """The JPEG of a print made of ``(H, W, 3)`` uint8: of 512 pixels, at a random quality."""
    scale = 512 / max(rgb.shape[:2])
    size = (max(16, round(rgb.shape[1] * scale)), max(16, round(rgb.shape[0] * scale)))
    grey = emulsion(cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC), rng)
    pixels = np.clip(kind(grey, rng), 0, 255).round().astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 97))]
    return cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), quality)[1].tobytes()
