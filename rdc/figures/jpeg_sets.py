"""What sets of quantization tables are called in figures, and how their lines look."""

from collections.abc import Iterable

from rdc.figures.style import COLOURS

NAMES = {
    "annex_k": "Annex K",
    "flat": "flat 16",
    "ramp": "two-parameter ramp",
    "luo": "Luo's Table 1",
    "robidoux": "Robidoux (ImageMagick, mozjpeg)",
    "tuned": "tuned: one pair, scaled",
    "tuned_varying": "tuned: shape changes with quality",
    "tuned_accuracy": "tuned for the classifier",
    "tuned_accuracy_varying": "tuned for the classifier, shape changes",
    "sorted_random": "sorted random search",
    "mssim": "mozjpeg, MS-SSIM",
    "psnr_hvs_m": "mozjpeg, PSNR-HVS-M",
    "klein": "Klein et al.",
    "watson": "Watson et al.",
    "ahumada": "Ahumada et al.",
    "peterson": "Peterson et al.",
    "luo_loss_tenth": "Luo's loss, rate weight 0.1",
    "luo_loss": "Luo's loss, rate weight 1",
    "luo_loss_ten": "Luo's loss, rate weight 10",
    "tuned_cubic": "tuned, cubic rounding",
    "tuned_straight": "tuned, straight through",
    "luo_accuracy": "Luo's loss for the classifier",
    "luo_accuracy_ten": "Luo's loss for the classifier, rate x 10",
    "tuned_own": "tuned: each picture's own",
    "tuned_accuracy_own": "each picture's own (knows the label)",
    "coordinate_descent": "coordinate descent, as SJPEG",
    "webp": "WebP (another format)",
    "jpegli": "jpegli (another encoder)",
    "sjpeg": "SJPEG's tables",
}

BLUE, RED, GREEN, PINK, YELLOW, SKY = COLOURS
# The same in every panel: black for Annex K, solid for tuned ones, broken for what they are held
# against, grey for pairs that other encoders ship.
LOOKS = {
    "annex_k": ("black", "-"),
    "flat": (SKY, "--"),
    "ramp": (YELLOW, "--"),
    "luo": (RED, "--"),
    "tuned": (BLUE, "-"),
    "tuned_varying": (GREEN, "-"),
    "tuned_own": (PINK, "-"),
    "tuned_accuracy": (RED, "-"),
    "tuned_accuracy_varying": (YELLOW, "-"),
    "tuned_accuracy_own": (PINK, "-"),
    "sorted_random": (RED, ":"),
    "coordinate_descent": (RED, ":"),
    "webp": (PINK, "-."),
    "jpegli": (YELLOW, "-."),
    "sjpeg": (SKY, "-."),
    "luo_loss_tenth": (BLUE, "-."),
    "luo_loss": (RED, "-."),
    "luo_loss_ten": (GREEN, "-."),
    "luo_accuracy": (GREEN, "-."),
    "luo_accuracy_ten": (SKY, "-."),
    "tuned_cubic": (YELLOW, "-"),
    "tuned_straight": (RED, "-"),
    "robidoux": ("#777777", "-"),
    "mssim": ("#777777", "--"),
    "psnr_hvs_m": ("#777777", ":"),
    "klein": ("#777777", "-."),
    "watson": ("#b5b5b5", "-"),
    "ahumada": ("#b5b5b5", "--"),
    "peterson": ("#b5b5b5", "-."),
}
ALL_LOOKS = [(colour, line) for line in ("-", "--", ":", "-.") for colour in COLOURS]


def title(tables: str) -> str:
    return NAMES.get(tables, tables)


def looks(sets: Iterable[str]) -> dict[str, tuple[str, str]]:
    """A colour and a line for each, no pair twice until all are taken.

    A user's own sets, and a known one whose look another has, take what the known ones leave.
    """
    names = list(sets)
    found = {}
    for name in names:
        if name in LOOKS and LOOKS[name] not in found.values():
            found[name] = LOOKS[name]
    for place, name in enumerate(name for name in names if name not in found):
        free = [look for look in ALL_LOOKS if look not in found.values()]
        found[name] = free[0] if free else ALL_LOOKS[place % len(ALL_LOOKS)]
    return {name: found[name] for name in names}
