"""The bits of JPEG's scan from its codes: what its Huffman coder would write, with a gradient.

A code's bits depend on its neighbours: JPEG writes runs of zeros and the end of each block as
symbols of their own. So bits are counted as the coder does, over (run, size) symbols whose lengths
are those of the image's own Huffman code, and the gradient of a code is what one step up would add
to that count with its neighbours as they are.
"""

import heapq
from typing import NamedTuple

import numpy as np
import torch

from rdc.jpeg.differentiable import Blocks, rounded, threshold_slope

ZRL, EOB = 0xF0, 0x00  # sixteen zeros; nothing more in this block
SYMBOLS = 256
LARGEST_SIZE = 15  # of an amplitude, in bits
PRIOR = 0.01  # the share of symbols that an image has not, in what a first one costs


class Bits(NamedTuple):
    """Bits of each image, (n,): of the entropy-coded scan, and of the Huffman tables it needs.

    The gradient of both hangs on ``scan``.
    """

    scan: torch.Tensor
    huffman_tables: torch.Tensor


def run_length_bits(quotients: Blocks, subsampling: str, whole: bool = True) -> Bits:
    """Bits of each image's optimally Huffman-coded scan, estimated.

    Args:
        quotients: coefficients divided by their tables, not rounded (``quantize``'s first result).
        subsampling: decides the order in which DC codes follow each other.
        whole: whether these are whole images. Of crops of larger ones, Huffman tables are no bits.

    Returns:
        ``scan`` with the stuffed bytes to be expected; ``huffman_tables`` the DHT segments of the
        symbols that occur.
    """
    scan, tables = quotients.luma.new_zeros(2, len(quotients.luma))
    colour = quotients.chroma is not None
    for number, plane in enumerate(quotients.planes()):
        interleaved = number == 0 and colour and subsampling == "4:2:0"
        bits, kinds = _Scan.apply(plane, interleaved, whole)
        scan = scan + bits
        tables = tables + 8 * (2 * (2 + 2 + 17) + kinds) * whole
    return Bits(scan * (1 + 1 / 256), tables)  # one byte in 256 is stuffed


class _Scan(torch.autograd.Function):
    """Bits of the planes that share Huffman tables, and how many kinds of symbol those hold."""

    @staticmethod
    def forward(ctx, quotients, interleaved, whole):
        n = len(quotients)
        codes = rounded(quotients, "hard")
        slopes = torch.zeros_like(quotients) if ctx.needs_input_grad[0] else None
        padding = _padding(*codes.shape[2:4]) if interleaved else 0
        dc_bits, dc_kinds = _dc(codes[..., 0], interleaved, padding, whole, slopes)
        ac_bits, ac_kinds = _ac(
            codes.reshape(n, -1, 64), quotients.reshape(n, -1, 64), padding, whole, slopes
        )
        ctx.save_for_backward(slopes)
        kinds = dc_kinds + ac_kinds
        ctx.mark_non_differentiable(kinds)
        return dc_bits + ac_bits, kinds

    @staticmethod
    def backward(ctx, gradient, _):
        (slopes,) = ctx.saved_tensors
        return slopes * gradient.reshape(-1, 1, 1, 1, 1), None, None


def differences(codes: torch.Tensor, interleaved: bool) -> torch.Tensor:
    """DC codes (n, planes, rows, columns) less those coded before them, (n, planes, blocks)."""
    values = codes.flatten(2)[..., _coding_order(codes, interleaved)]
    return torch.diff(values, dim=-1, prepend=torch.zeros_like(values[..., :1]))


def _coding_order(codes: torch.Tensor, interleaved: bool) -> torch.Tensor:
    """Positions of blocks in the order of the scan."""
    rows, columns = codes.shape[-2:]
    order = _mcu_order(rows, columns) if interleaved else torch.arange(rows * columns)
    return order.to(codes.device)


def _padding(rows: int, columns: int) -> int:
    """Blocks that 4:2:0 codes beside those of the picture, since luma comes two by two.

    Each is as flat as the block before it: no difference, and nothing more.
    """
    return (rows + rows % 2) * (columns + columns % 2) - rows * columns


def _dc(
    codes: torch.Tensor, interleaved: bool, padding: int, whole: bool, slopes: torch.Tensor | None
):
    """Bits and kinds of DC codes (n, planes, rows, columns): differences, each plane on its own."""
    n = len(codes)
    steps = differences(codes, interleaved)
    sizes = _size(steps.abs())
    counts = _count(sizes.reshape(n, -1))
    counts[:, 0] += padding
    lengths = _lengths(counts)
    amplitude_bits = torch.arange(SYMBOLS, device=codes.device)
    bits = (counts * (lengths + amplitude_bits)).sum(dim=1)
    if slopes is not None:
        # As all differences grow, their sizes shift together and the code with them: what a size
        # more costs is its bit of amplitude. Only the first one costs another symbol.
        first = (lengths[:, 1] + 1 - lengths[:, 0]).clamp(min=0)
        rise = 2.0 ** (1 - torch.arange(LARGEST_SIZE + 1, device=codes.device))
        rise = torch.cat([first[:, None], rise[1:].expand(n, -1)], dim=1)
        slope = rise.gather(1, sizes.reshape(n, -1)).reshape(steps.shape)
        if whole:
            slope = slope + _widening(steps, counts)
        slope = slope * steps.sign()
        own = slope.clone()
        own[..., :-1] -= slope[..., 1:]  # a code also is what the next one is told from
        flat = torch.zeros_like(own)
        flat[..., _coding_order(codes, interleaved)] = own
        slopes[..., 0] = flat.reshape(codes.shape)
    return bits, (counts > 0).sum(dim=1)


def _widening(differences: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """What growing differences add to the DC table, as a slope of the largest one.

    Where some stay 0, the range of sizes widens: one more byte each time that the largest doubles.
    """
    largest = differences.abs().flatten(1).max(dim=1)
    slope = (counts[:, 0] > 0) * 8 / np.log(2) / largest.values.clamp(min=1)
    spread = torch.zeros_like(differences).flatten(1)
    return spread.scatter_(1, largest.indices[:, None], slope[:, None]).reshape(differences.shape)


def _ac(
    codes: torch.Tensor,
    quotients: torch.Tensor,
    padding: int,
    whole: bool,
    slopes: torch.Tensor | None,
):
    """Bits and kinds of AC codes (n, blocks, 64), the DC in front unread."""
    n = len(codes)
    amplitudes = codes[..., 1:].abs()
    sizes = _size(amplitudes)
    position = torch.arange(1, 64, device=codes.device)
    there = torch.where(sizes > 0, position, 0)
    reached = there.cummax(dim=-1).values
    before = torch.nn.functional.pad(reached[..., :-1], (1, 0))  # the last nonzero one's position
    runs = position - before - 1

    counts = _count_runs(sizes, runs, reached[..., -1])
    counts[:, EOB] += padding
    lengths = _lengths(counts)
    amplitude_bits = torch.arange(SYMBOLS, device=codes.device) % 16
    bits = (counts * (lengths + amplitude_bits)).sum(dim=1)
    if slopes is not None:
        slopes.reshape(n, -1, 64)[..., 1:] = _ac_slopes(
            quotients[..., 1:], sizes, runs, there, lengths + _listed(counts, whole)
        )
    return bits, (counts > 0).sum(dim=1)


def _count_runs(sizes: torch.Tensor, runs: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """How often each image (n, blocks, 63) uses each of the 256 symbols, (n, 256)."""
    n, device = len(sizes), sizes.device
    image, block, at = (sizes > 0).nonzero(as_tuple=True)
    run, size = runs[image, block, at], sizes[image, block, at]
    symbols = image * SYMBOLS + (run % 16) * 16 + size
    counts = torch.bincount(symbols, minlength=n * SYMBOLS).reshape(n, SYMBOLS).float()
    counts[:, ZRL] = torch.zeros(n, device=device).index_add_(0, image, (run // 16).float())
    counts[:, EOB] = (last < 63).sum(dim=1).float()
    return counts


def _ac_slopes(quotients, sizes, runs, there, lengths) -> torch.Tensor:
    """What one step away from zero adds to the bits, where rounding has a slope."""
    weights = threshold_slope(quotients)
    image, block, at = weights.nonzero(as_tuple=True)
    lower = torch.floor(quotients[image, block, at].abs())
    size_below, size_above = _size(lower), _size(lower + 1)
    run = runs[image, block, at]

    # The next nonzero code after each position, 64 where there is none.
    shifted = torch.nn.functional.pad(torch.where(there > 0, there, 64)[..., 1:], (0, 1), value=64)
    following = shifted.flip(-1).cummin(dim=-1).values.flip(-1)[image, block, at]
    followed = following < 64
    next_size = sizes[image, block, (following - 1).clamp(max=62)]
    next_run = following - (at + 1) - 1

    def cost(run, size):
        """Of a nonzero code after a run of zeros, its amplitude's bits included."""
        return (run // 16) * lengths[image, ZRL] + lengths[image, (run % 16) * 16 + size] + size

    end = lengths[image, EOB]
    as_zero = torch.where(followed, cost(run + next_run + 1, next_size), end)
    after = torch.where(followed, cost(next_run, next_size), end * (at < 62))
    below = torch.where(size_below > 0, cost(run, size_below) + after, as_zero)
    rise = cost(run, size_above) + after - below
    slopes = torch.zeros_like(quotients)
    slopes[image, block, at] = rise * weights[image, block, at] * quotients[image, block, at].sign()
    return slopes


def _lengths(counts: torch.Tensor) -> torch.Tensor:
    """Bits of each symbol in each image's own Huffman code, (n, 256).

    Symbols that an image lacks get what a small share, spread as its batch uses them, would cost,
    so that a first one is dear but not infinitely so. (Their tables' bytes are counted apart.)
    """
    batch = counts.sum(dim=0) + 1 / SYMBOLS
    absent = -torch.log2(PRIOR * batch / batch.sum())
    codes = torch.from_numpy(np.stack([_huffman(row) for row in counts.cpu().numpy()]))
    return torch.where(counts > 0, codes.to(counts), absent)


def _listed(counts: torch.Tensor, whole: bool) -> torch.Tensor:
    """What each use of a symbol bears of the byte that lists it in the Huffman table."""
    return 8 * whole / counts.clamp(min=1)


def _huffman(counts: np.ndarray) -> np.ndarray:
    """Code lengths of a Huffman code for (256,) counts, 0 where a count is 0.

    One code of the longest length stays unused, as the standard wants it (T.81, K.2).
    """
    present = np.flatnonzero(counts)
    groups = [(float(counts[symbol]), index, [index]) for index, symbol in enumerate(present)]
    groups.append((0.5, len(present), []))  # the unused code
    heapq.heapify(groups)
    lengths = np.zeros(len(present))
    while len(groups) > 1:
        lighter, heavier = heapq.heappop(groups), heapq.heappop(groups)
        members = lighter[2] + heavier[2]
        lengths[members] += 1
        heapq.heappush(groups, (lighter[0] + heavier[0], lighter[1], members))
    result = np.zeros(SYMBOLS, dtype=np.float32)
    result[present] = lengths
    return result


def _count(symbols: torch.Tensor) -> torch.Tensor:
    """(n, m) symbols to (n, 256) counts."""
    n = len(symbols)
    offset = torch.arange(n, device=symbols.device)[:, None] * SYMBOLS
    counts = torch.bincount((symbols + offset).ravel(), minlength=n * SYMBOLS)
    return counts.reshape(n, SYMBOLS).float()


def _size(amplitudes: torch.Tensor) -> torch.Tensor:
    """Bits that an amplitude takes: 0 for 0, 1 for 1, 2 for 2 and 3, ..."""
    return torch.frexp(amplitudes).exponent.long().clamp(min=0, max=LARGEST_SIZE)


def _mcu_order(rows: int, columns: int) -> torch.Tensor:
    """Positions of luma blocks in the order of 2 x 2 units, as 4:2:0 interleaves them."""
    index = torch.arange(rows * columns).reshape(rows, columns)
    index = torch.nn.functional.pad(index, (0, columns % 2, 0, rows % 2), value=-1)
    index = index.reshape(index.shape[0] // 2, 2, -1, 2).transpose(1, 2).ravel()
    return index[index >= 0]
