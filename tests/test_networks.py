"""The networks: shapes and sizes of the papers' tables, fast layers against the plain ones."""

import numpy as np
import pytest
import pywt
import torch
from torch import nn

from rdc.networks import haar
from rdc.networks.classifiers import ARCHITECTURES, LeClassifier, NguyenClassifier, ZhangClassifier
from rdc.networks.codec import Codec
from rdc.networks.convolution import TransposedConvolution
from rdc.networks.critics import BANDS, band_of, critic_for


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def output_shapes(module, layer_types, inputs):
    """What the layers of these types put out, in order, without the batch axis."""
    shapes = []
    hooks = [
        layer.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
        for layer in module.modules()
        if isinstance(layer, layer_types)
    ]
    module(inputs)
    for hook in hooks:
        hook.remove()
    return shapes


def test_zhang_classifier_has_the_parameters_of_table_2():
    network = ZhangClassifier()
    layers = (network.first, network.second, network.hidden, network.last)
    assert [parameters(layer) for layer in layers] == [260, 5_020, 16_050, 510]
    assert parameters(network) == 21_840


def test_nguyens_classifier_has_the_layers_of_table_1_and_its_public_codes_lengths():
    network = NguyenClassifier().eval()
    shapes = output_shapes(network, (nn.Conv2d, nn.Linear), torch.rand(2, 1, 28, 28))
    assert shapes == [(10, 24, 24), (10, 8, 8), (100,), (10,)]
    assert parameters(network) == 260 + 2_510 + 16_100 + 1_010


def test_le_classifier_has_the_parameters_and_shapes_of_table_2():
    network = LeClassifier().eval()
    layers = (network.first, network.second, network.hidden, network.last)
    assert [parameters(layer) for layer in layers] == [320, 18_496, 401_536, 1_290]
    shapes = output_shapes(network, (nn.Conv2d, nn.Linear), torch.rand(2, 1, 28, 28))
    assert shapes == [(32, 28, 28), (64, 14, 14), (128,), (10,)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("classes", [2, 10])
def test_classifiers_give_log_probabilities(architecture, classes):
    scores = ARCHITECTURES[architecture](classes).eval()(torch.rand(3, 1, 28, 28))
    assert scores.shape == (3, classes)
    torch.testing.assert_close(scores.exp().sum(dim=1), torch.ones(3))


def test_the_papers_codec_has_911_562_parameters():
    """Dim 3 at full width; one more dimension brings 128 + 1 + 2 in the encoder, 128 behind it."""
    assert parameters(Codec(3, 3, dither=True)) == 911_562
    assert parameters(Codec(4, 3, dither=True)) == 911_562 + 259


def test_codec_has_the_shapes_of_table_1():
    codec = Codec(3, 4, dither=True).eval()
    encoder = output_shapes(codec.encoder, nn.Linear, torch.rand(2, 1, 28, 28))
    assert encoder == [(512,), (256,), (128,), (128,), (3,)]
    decoder = output_shapes(codec.decoder, (nn.Linear, nn.ConvTranspose2d), torch.rand(2, 3))
    assert decoder == [(128,), (512,), (64, 11, 11), (128, 25, 25), (1, 28, 28)]


def test_codec_stays_in_its_ranges():
    torch.manual_seed(0)
    codec = Codec(3, 4, dither=True, width=0.1)
    features = codec.encoder(torch.rand(50, 1, 28, 28))
    assert features.abs().max() <= 1
    images = codec(torch.rand(50, 1, 28, 28), torch.rand(50, 3))
    assert images.shape == (50, 1, 28, 28)
    assert images.min() > 0 and images.max() < 1


def test_output_norm_adds_one_batch_norm_before_the_sigmoid():
    with_norm = Codec(3, 3, dither=True, output_norm=True)
    assert parameters(with_norm) == 911_562 + 2
    kinds = [type(layer) for layer in with_norm.decoder.output]
    assert kinds == [nn.BatchNorm2d, nn.Sigmoid]


@pytest.mark.parametrize("width, hidden", [(0.25, [128, 64, 32, 32]), (0.01, [5, 4, 4, 4])])
def test_width_scales_hidden_layers_but_leaves_at_least_four(width, hidden):
    codec = Codec(3, 3, dither=True, width=width).eval()
    encoder = output_shapes(codec.encoder, nn.Linear, torch.rand(2, 1, 28, 28))
    assert [shape[0] for shape in encoder] == [*hidden, 3]
    assert codec(torch.rand(2, 1, 28, 28), torch.rand(2, 3)).shape == (2, 1, 28, 28)
    critic = critic_for("pixels", width)
    first = output_shapes(critic, nn.Conv2d, torch.rand(2, 1, 28, 28))[0]
    assert first == (max(4, round(64 * width)), 14, 14)


def test_pixel_critic_has_the_shapes_of_le_table_1():
    critic = critic_for("pixels")
    shapes = output_shapes(critic, (nn.Conv2d, nn.Linear), torch.rand(2, 1, 28, 28))
    assert shapes == [(64, 14, 14), (128, 7, 7), (256, 4, 4), (1,)]
    assert critic.last.in_features == 4096


@pytest.mark.parametrize("band", haar.BANDS)
def test_subband_critics_read_subbands(band):
    critic = critic_for(band)
    read = band_of(torch.rand(2, 1, 28, 28), band)
    shapes = output_shapes(critic, (nn.Conv2d, nn.Linear), read)
    assert shapes == [(64, 7, 7), (128, 4, 4), (256, 2, 2), (1,)]
    assert critic(read).shape == (2,)


def test_an_unknown_band_is_refused():
    with pytest.raises(ValueError, match="found 'lll', allowed are pixels, ll, lh, hl, hh"):
        critic_for("lll")
    assert set(BANDS) == {"pixels", *haar.BANDS}


@pytest.mark.parametrize(
    "fan_in, fan_out, kernel, stride",
    [(5, 7, 5, 2), (4, 3, 3, 1), (6, 1, 5, 2), (6, 1, 4, 1), (6, 1, (2, 3), 1)],
)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_transposed_convolution_equals_torchs(fan_in, fan_out, kernel, stride, memory_format):
    """Forward and all gradients; one output channel at stride 1 takes the overlap-add path."""
    torch.manual_seed(0)
    plain = nn.ConvTranspose2d(fan_in, fan_out, kernel, stride).double()
    fast = TransposedConvolution(fan_in, fan_out, kernel, stride).double()
    fast.load_state_dict(plain.state_dict())
    maps = torch.randn(3, fan_in, 6, 5, dtype=torch.float64).to(memory_format=memory_format)
    results = []
    for layer in (plain, fast):
        given = maps.clone().requires_grad_()
        out = layer(given)
        direction = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).view(out.shape)
        gradients = torch.autograd.grad(out, [given, layer.weight, layer.bias], direction)
        results.append([out, *gradients])
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_haar_equals_pywavelets():
    images = np.random.default_rng(0).random((4, 2, 28, 20))
    approximation, details = pywt.dwt2(images, "haar")
    expected = dict(zip(haar.BANDS, (approximation, *details), strict=True))
    for name, band in haar.subbands(torch.from_numpy(images)).items():
        np.testing.assert_allclose(band.numpy(), expected[name], atol=1e-6)


def test_haar_is_orthonormal_and_inverts():
    images = torch.rand(3, 2, 28, 20, dtype=torch.float64)
    bands = haar.subbands(images)
    energy = sum(band.square().sum() for band in bands.values())
    torch.testing.assert_close(energy, images.square().sum())
    torch.testing.assert_close(haar.inverse(bands), images, rtol=0, atol=1e-14)
    other = torch.rand_like(images)
    product = sum((bands[name] * band).sum() for name, band in haar.subbands(other).items())
    torch.testing.assert_close(product, (images * other).sum())


@pytest.mark.parametrize("shape", [(1, 1, 27, 28), (1, 1, 28, 27)])
def test_haar_refuses_odd_sides(shape):
    with pytest.raises(ValueError, match=f"found {shape[2]} x {shape[3]}, needs an even"):
        haar.subbands(torch.zeros(shape))
