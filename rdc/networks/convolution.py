"""A transposed convolution that a CPU computes quickly; same weights, same result."""

import torch
from torch import nn
from torch.nn import functional as F


class TransposedConvolution(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` (no padding), computed as the processor likes it.

    Most of a codec's training time on a CPU goes into the decoder's transposed convolutions, and
    two habits of oneDNN's kernels cost half of it (measured at the papers' width, batch 64):

    - with one output channel and stride 1, one matrix product followed by an overlap-add takes
      3.7 ms where the library's kernel takes 12;
    - a bias sends the kernel down a slower path: 28 ms instead of 17. Added afterwards it is free.

    A GPU runs the library's kernel as it is. Input and output are (n, channels, height, width).
    """

    bias: torch.Tensor  # never without

    def forward(self, input: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        if input.is_cuda:
            return super().forward(input, output_size)
        if self.out_channels == 1 and self.stride == (1, 1):
            return self._overlap_add(input) + self.bias.to(input.dtype)
        product = F.conv_transpose2d(input, self.weight, stride=self.stride)
        return product.add_(self.bias.to(product.dtype).view(-1, 1, 1))

    def _overlap_add(self, input: torch.Tensor) -> torch.Tensor:
        n, channels, height, width = input.shape
        rows, columns = self.kernel_size
        patches = input.permute(0, 2, 3, 1).reshape(n, height * width, channels)
        patches = patches @ self.weight.view(channels, rows * columns)
        size = (height + rows - 1, width + columns - 1)
        return F.fold(patches.transpose(1, 2), size, self.kernel_size)
