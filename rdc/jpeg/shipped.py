"""Published pairs of quantization tables that come with this library, as text files. No NumPy."""

from pathlib import Path

FOLDER = Path(__file__).parent / "tables"
NAMES = sorted(path.stem for path in FOLDER.glob("*.qtables"))
