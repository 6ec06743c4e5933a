"""TorchScript classifiers: programs, so that nothing of them runs before it was looked at."""

import io
import time
import zipfile

import pytest
import torch
from exported import CLASSES, SIDE, Flat, of_torchvision, pictures
from hypothesis import given, settings
from hypothesis import strategies as st
from test_jpeg_classifiers_onnx import damage, refused_or_harmless
from torch import nn

from rdc.jpeg import classifiers, torchscript
from rdc.jpeg.settings import Classifier
from rdc.jpeg.trial import Unfit
from rdc.networks.weights import WeightsError

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")


def load(path, side: int = SIDE, tunes: bool = False):
    return classifiers.load(Classifier(file=path, side=side), CLASSES, tunes)


def refused(path, message: str, **options) -> None:
    begun = time.process_time()
    with pytest.raises(WeightsError, match=rf"{path.name}: .*{message}"):
        load(path, **options)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("how, suffix", [("script", ".ts"), ("trace", ".torchscript")])
def test_scripted_and_traced_networks_are_read_as_they_were(tmp_path, how, suffix):
    network = of_torchvision("mobilenet_v3_small")
    scripted = (
        torch.jit.script(network) if how == "script" else torch.jit.trace(network, pictures(1))
    )
    scripted.save(str(tmp_path / f"net{suffix}"))
    images = pictures(3)
    found = load(tmp_path / f"net{suffix}", 64, tunes=True)(images)
    torch.testing.assert_close(found, network(images).log_softmax(1), rtol=1e-3, atol=1e-3)


class Written(Flat):
    """Overwrites a file of the user's when it is run."""

    def forward(self, images):
        victim = torch.from_file("victim.bin", shared=True, size=16).fill_(1.0)
        return self.linear(images.flatten(1)) + victim.sum()


class WrittenWhenLoaded(Flat):
    """The same, as soon as it is loaded."""

    def __init__(self):
        super().__init__()
        self.victim = torch.zeros(1)

    @torch.jit.export
    def __getstate__(self):
        return (self.training,)

    @torch.jit.export
    def __setstate__(self, state: tuple[bool]):
        self.training = state[0]
        self.victim = torch.from_file("victim.bin", shared=True, size=16).fill_(1.0)


class Endless(Flat):
    def forward(self, images):
        count = 0
        while count < 10:
            count = count - 1
        return self.linear(images.flatten(1))


class Long(Flat):
    def forward(self, images):
        count = 0
        for first in range(9999):
            for second in range(9999):
                count = count + first * second
        return self.linear(images.flatten(1)) + count


class Printing(Flat):
    def forward(self, images):
        print("read")
        return self.linear(images.flatten(1))


class Hoarding(Flat):
    def forward(self, images):
        return self.linear(images.flatten(1)) + len([0] * 1_000_000_000)


@pytest.mark.parametrize(
    "network, message",
    [
        (Written, "uses torch.from_file; TorchScript is a program.*export the model to ONNX"),
        (WrittenWhenLoaded, r"runs code when it is loaded"),
        (Endless, "loops while a condition holds"),
        (Long, "loops more than 100 times"),
        (Printing, "uses print"),
        (Hoarding, "asks for more than .* GB of memory"),
    ],
)
def test_a_program_that_does_more_is_not_run(tmp_path, monkeypatch, network, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim.bin").write_bytes(64 * b"A")
    torch.jit.script(network()).save("net.pt")
    refused(tmp_path / "net.pt", message)
    assert (tmp_path / "victim.bin").read_bytes() == 64 * b"A"


BODY = "class Net(Module):\n  __parameters__ = []\n  def forward(self: __torch__.Net, x: Tensor) -> Tensor:\n"


@pytest.mark.parametrize(
    "line",
    [
        '_0 = torch.from_file; _1 = _0("victim.bin", True, 16)',
        '_0 = torch; _1 = _0.from_file("victim.bin", True, 16)',
        '_0 = ops.aten; _1 = _0.from_file("victim.bin", True, 16)',
        '_0 = ("victim.bin").from_file(True, 16)',
        '_0 = getattr(torch, "from_file")("victim.bin", True, 16)',
        '_0 = getattr(x, "from_file")',
        '_0 = ops.aten.save(x, "victim.bin")',
        '_0 = torch.save(x, "victim.bin")',
        'torch.relu(x); ops.mine.run("rm")',
        "_0 = __torch__.torch.classes.mine.Opened()",
        "_0 = fork(x)",
        "_0 = torch.as_strided(x, [1000000], [1], 0)",
        "import os",
        "_0 = [torch.relu(y) for y in [x]]",
        "_0 = (lambda y: y)(x)",
        '_0 = f"{x}"',
        "del x",
        "exec(x)",
    ],
)
def test_no_spelling_gets_by(line):
    code = f"{BODY}    {line}\n    return torch.relu(x)\n".encode()
    with pytest.raises(Unfit):
        torchscript.inspect({"code/__torch__.PY": code})
    torchscript.inspect({"code/__torch__.py": f"{BODY}    return torch.relu_(x)\n".encode()})


class Read(nn.Module):
    """One convolution's means, of an input that somebody else's tools wanted otherwise."""

    def __init__(self, channels: int = 3):
        super().__init__()
        self.read = nn.Conv2d(channels, 3, 3)

    def forward(self, images):
        return self.read(images).mean((2, 3))


class ChannelsLast(Read):
    def forward(self, images):
        return self.read(images.permute(0, 3, 1, 2)).mean((2, 3))


class WritesOver(Read):
    def forward(self, images):
        return self.read(images.relu_()).mean((2, 3))


class Named(Read):
    def forward(self, images):
        return {"logits": self.read(images).mean((2, 3))}


class Two(Read):
    def forward(self, images):
        return self.read(images).mean((2, 3)), images


class Still(Read):
    def forward(self, images):
        with torch.no_grad():
            return self.read(images).mean((2, 3))


class Sigmoids(Read):
    def forward(self, images):
        return torch.sigmoid(self.read(images).mean((2, 3)))


class Dropping(Read):
    def forward(self, images):
        return torch.dropout(self.read(images).mean((2, 3)), 0.5, True)


class Batchwise(Read):
    def forward(self, images):
        scores = self.read(images).mean((2, 3))
        return scores - scores.mean(0)


class Nothing(Read):
    def forward(self, images):
        return self.read(images).mean((2, 3)) * float("nan")


class Chosen(Read):
    def forward(self, images):
        return self.read(images).mean((2, 3)).argmax(1)


class Unpooled(Read):
    def forward(self, images):
        return self.read(images).mean((2, 3), keepdim=True)


@pytest.mark.parametrize(
    "network, message",
    [
        (Read(1), r"takes pictures of one channel \(grey\).*mean\(1, keepdim=True\)"),
        (ChannelsLast(), r"takes channels last.*permute\(0, 2, 3, 1\)"),
        (Named(), r"returns a dictionary \('logits'\).*model\(x\)\['logits'\]"),
        (Two(), r"returns 2 outputs \(tuple\).*model\(x\)\[0\]"),
        (Still(), "no gradient of its outputs reaches the picture.*no_grad.*'judge'"),
        (Sigmoids(), "between 0 and 1 that do not sum to 1 .*export the scores before the sigmoid"),
        (Dropping(), r"other outputs of the same picture at a second call.*model\.eval\(\)"),
        (Batchwise(), r"otherwise beside others than alone: it was exported in training mode"),
        (Nothing(), "no numbers"),
        (Chosen(), "returns whole numbers"),
        (Unpooled(), r"found outputs \(2, 3, 1, 1\).*flatten\(1\)"),
        (Flat(1), "found 1 outputs for 3 class folders"),
    ],
)
def test_every_fault_has_its_own_cause(tmp_path, network, message):
    torch.jit.script(network).save(str(tmp_path / "net.pt"))
    refused(tmp_path / "net.pt", message, tunes=True)


def test_a_judge_needs_no_gradient_and_half_precision_is_read(tmp_path):
    torch.jit.script(Still()).save(str(tmp_path / "still.pt"))
    assert not load(tmp_path / "still.pt").found.sloped
    network = Read()
    torch.jit.script(network.half()).save(str(tmp_path / "half.pt"))
    images = pictures(3, SIDE)
    expected = network.float()(images).log_softmax(1)
    torch.testing.assert_close(load(tmp_path / "half.pt")(images), expected)


def test_a_network_may_write_over_its_input(tmp_path):
    torch.jit.script(WritesOver()).save(str(tmp_path / "net.pt"))
    reader, images = load(tmp_path / "net.pt", tunes=True), pictures(3, SIDE) - 0.5
    torch.testing.assert_close(reader(images), reader(images))


def test_one_score_for_two_classes_is_told_how_to_be_two(tmp_path):
    torch.jit.script(Flat(1)).save(str(tmp_path / "net.pt"))
    with pytest.raises(WeightsError, match=r"one output for two classes.*'dogs'.*torch\.cat\("):
        classifiers.load(Classifier(file=tmp_path / "net.pt", side=SIDE), ("cats", "dogs"))


def bomb(text: str, members: int = 1) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", b"")
        for number in range(members):
            archive.writestr(f"net/code/{number}.py", text)
    return packed.getvalue()


def test_other_files_are_named_for_what_they_are(tmp_path):
    path = tmp_path / "net.pth"
    torch.save(Flat().state_dict(), path)
    refused(path, r"holds a state dict .*'torchvision'.*'weights'.*torch\.onnx\.export")
    torch.save(Flat(), path)
    refused(path, "pickled by torch.save.*never loaded")
    torch.save(Flat(), path, _use_new_zipfile_serialization=False)
    refused(path, "holds a pickle of torch.save.*never loaded")
    for content, message in (
        (b"", "is empty"),
        (b"junk", "damaged, or no such file"),
        (bomb(20_000_000 * " "), "unpacks to more than 12 MB"),
        (bomb(900_000 * " "), "holds more than 768 kB of code"),
        (bomb("x = " + 100_000 * "("), "too many nested parentheses"),
        (bomb("x = " + 500_000 * "-" + "1"), "is damaged"),
    ):
        path.write_bytes(content)
        refused(path, message)
    for suffix in (".pt2", ".safetensors", ".pkl", ".zip"):
        path.rename(path := path.with_suffix(suffix))
        refused(path, r"needs an ONNX file \(\.onnx\)")


@settings(max_examples=120)
@given(st.data())
def test_damaged_files_are_refused_or_harmless(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    if not (folder / "whole.pt").exists():
        torch.jit.script(Read()).save(str(folder / "whole.pt"))
    damaged = folder / "net.pt"
    damaged.write_bytes(data.draw(damage((folder / "whole.pt").read_bytes())))
    refused_or_harmless(damaged)


def test_a_field_that_is_called_as_an_operator_is_a_field(tmp_path):
    """As torchvision's blocks have a stride; called, it would be the operator."""

    class Strided(Flat):
        def __init__(self):
            super().__init__()
            self.stride = 2

        def forward(self, images):
            return self.linear(images.flatten(1)) * self.stride

    torch.jit.script(Strided().eval()).save(str(tmp_path / "net.pt"))
    found = classifiers.load(Classifier(file=tmp_path / "net.pt", side=SIDE), CLASSES, True)
    assert found(torch.rand(3, 3, SIDE, SIDE)).shape == (3, 3)
