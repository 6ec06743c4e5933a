"""Reads Thrift's compact protocol, in which Parquet keeps its footer and its pages' headers.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

MOST_FIELDS = 200_000
MOST_DEPTH = 12


class ThriftError(ValueError):
    """Bytes that are no struct, or one of more fields or levels than any that is read here."""


class Reader:
    """A place in some bytes, and how many more fields may be read from them."""

    def __init__(self, content: bytes, at: int = 0):
        self.content, self.at, self.left = content, at, MOST_FIELDS

    def struct(self, depth: int = 0) -> dict:
        """The fields of a struct by their numbers: whole numbers, bytes, lists and structs."""
        fields: dict = {}
        number = 0
        while head := self._byte():
            step, kind = divmod(head, 16)
            number = number + step if step else self._integer()
            fields[number] = self._value(kind, depth + 1)
        return fields

    def _value(self, kind: int, depth: int, listed: bool = False):
        self.left -= 1
        if self.left < 0 or depth > MOST_DEPTH:
            raise ThriftError(f"more than {MOST_FIELDS} fields or {MOST_DEPTH} levels")
        if kind in (1, 2) and not listed:  # a field's kind is its truth value
            return kind == 1
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._integer()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._varint())
        if kind in (9, 10):
            length, kind = divmod(self._byte(), 16)
            length = self._varint() if length == 15 else length
            return [self._value(kind, depth + 1, True) for _ in range(length)]
        if kind == 12:
            return self.struct(depth + 1)
        raise ThriftError(f"a field of kind {kind}")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, length: int) -> bytes:
        found = self.content[self.at : self.at + length]
        if len(found) < length:
            raise ThriftError("it ends too early")
        self.at += length
        return found

    def _integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ThriftError("a number of more than 64 bits")
