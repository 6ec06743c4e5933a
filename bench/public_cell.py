"""One cell of a grid as the field trains it: a process of its own, DataLoader, eager, two threads.

The loop is ``public_code``'s with the classifier's loss added, on the data, network width, batch and
number of steps that it is told. Like the library's loop it looks at the validation images after
each epoch, leaves out the incomplete last batch, and skips the classifier where its weight is 0.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from bench import public_code

# isort: split
from torchvision import transforms  # after public_code, which makes it importable


class Digits(torch.utils.data.Dataset):
    """Images as torchvision's MNIST gives them: through Pillow, one at a time."""

    transform = transforms.Compose([transforms.Resize(28), transforms.ToTensor()])

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


class Classifier(nn.Module):
    """Zhang, Table 2."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.hidden, self.last = nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.first(x), 2))
        x = F.relu(F.max_pool2d(self.second(x), 2))
        x = F.relu(self.hidden(x.view(-1, 320)))
        return F.log_softmax(self.last(F.dropout(x, training=self.training)), dim=1)


def train(args):
    with np.load(args.data) as arrays:
        images, labels = arrays["train_images"], arrays["train_labels"]
    kept = len(labels) - args.validation
    training = Digits(images[:kept], labels[:kept])
    validation = Digits(images[kept:], labels[kept:])
    train_loader = torch.utils.data.DataLoader(
        training, batch_size=args.batch, shuffle=True, drop_last=True
    )
    validation_loader = torch.utils.data.DataLoader(validation, batch_size=500)
    classifier = Classifier()
    classifier.load_state_dict(torch.load(args.classifier))
    classifier.eval().requires_grad_(False)
    encoder = public_code.Encoder(args.dim, args.levels, args.width)
    decoder = public_code.Decoder(args.dim, args.width)
    alpha = 2 / (args.levels - 1)
    optimizers = [torch.optim.Adam(m.parameters(), lr=0.01, betas=(0.5, 0.9))
                  for m in (encoder, decoder)]  # fmt: skip
    for epoch in range(1, args.epochs + 1):
        for x, y in train_loader:
            for optimizer in optimizers:
                optimizer.zero_grad()
            u = (torch.rand(x.size(0), args.dim) - 0.5) * alpha
            decoded = decoder(encoder(x, u), u)
            loss = F.mse_loss(decoded, x)
            if args.lam:
                loss = loss + args.lam * F.nll_loss(classifier(decoded), y)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
        with torch.no_grad():
            encoder.eval(), decoder.eval()
            mse = right = 0
            for x, y in validation_loader:
                u = (torch.rand(x.size(0), args.dim) - 0.5) * alpha
                decoded = decoder(encoder(x, u), u)
                mse += F.mse_loss(decoded, x).item() * len(y)
                right += (classifier(decoded).argmax(1) == y).sum().item()
            encoder.train(), decoder.train()
        print(epoch, mse / len(validation), right / len(validation))
    torch.save([encoder.state_dict(), decoder.state_dict()], args.out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=Path, help="a prepared dataset, .npz")
    parser.add_argument("--classifier", required=True, type=Path, help="its weights, .pt")
    parser.add_argument("--out", required=True, type=Path, help="weights to write")
    parser.add_argument("--validation", type=int, required=True)
    parser.add_argument("--lam", type=float, required=True)
    parser.add_argument("--dim", type=int, required=True)
    parser.add_argument("--levels", type=int, required=True)
    parser.add_argument("--width", type=float, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options)
