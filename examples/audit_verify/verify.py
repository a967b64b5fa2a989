#!/usr/bin/env python3
"""Verifies an exported ledger of Guanxi with nothing but the standard library of Python 3.

It shares no code with the engine: the chain, the Merkle tree (RFC 9162), the commitments and Ed25519 (RFC 8032)
are worked out here from README.md beside this file. See there for the form of the lines.
"""

import argparse
import hashlib
import hmac
import json
import sys

CHAIN = b"guanxi.ledger.chain.v1"
CHECKPOINT = b"guanxi.ledger.checkpoint.v1"
FIELD = b"guanxi.ledger.commitment.field.2"
ROOT = b"guanxi.ledger.commitment.root.2"
FIRST_FORMAT = b"guanxi.ledger.commitment.v1"


class Broken(Exception):
    """Something does not hold; the text says what and where."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- Ed25519, after RFC 8032, section 5.1 and the sample code of section 6 -----------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - square) % P != 0:
        return None
    return P - x if (x & 1) != sign else x


def add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(number, point):
    result = (0, 1, 1, 0)
    while number > 0:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def same(one, other):
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def decompress(data):
    if len(data) != 32:
        return None
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)
NEUTRAL = (0, 1, 1, 0)


def ed25519_verify(key, message, signature):
    """Whether a signature is good. Keys and signatures of small order are refused, as the engine does."""
    if len(signature) != 64:
        return False
    public, commitment = decompress(key), decompress(signature[:32])
    if public is None or commitment is None:
        return False
    if same(multiply(8, public), NEUTRAL) or same(multiply(8, commitment), NEUTRAL):
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return same(multiply(s, BASE), add(commitment, multiply(challenge, public)))


# --- The Merkle tree of RFC 9162, section 2.1 ------------------------------------------------------------------


class Tree:
    """A tree that grows at its end, as the roots of its whole subtrees from the largest to the smallest."""

    def __init__(self, peaks):
        self.peaks = [(level, value) for level, value in peaks]

    def append(self, chained):
        level, value = 0, sha256(b"\x00", chained)
        while self.peaks and self.peaks[-1][0] == level:
            value = sha256(b"\x01", self.peaks.pop()[1], value)
            level += 1
        self.peaks.append((level, value))

    def root(self):
        if not self.peaks:
            return sha256()
        value = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            value = sha256(b"\x01", left, value)
        return value


# --- What the chain covers of an entry, as FORMAT.md says it ----------------------------------------------------


class Bytes:
    def __init__(self, data):
        self.data, self.place = data, 0

    def take(self, count):
        end = self.place + count
        if end > len(self.data):
            raise Broken("an entry ends too early")
        part, self.place = self.data[self.place : end], end
        return part

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 126:
                raise Broken("a number is too long")


def read_header(chained):
    """The form of an entry, and its fields with what commits to them."""
    data = Bytes(chained)
    form, _kind = data.take(1)[0], data.take(1)[0]
    if form == 1:
        data.take(8 + 4 + 16 * 3 + 4 + 4 + 16)
        data.take(data.varint())
        return form, [(data.varint(), data.take(32)) for _ in range(data.varint())], None
    if form != 2:
        raise Broken("an entry has a form that is newer than this program")
    flags = data.take(1)[0]
    data.take(12)
    data.varint()
    data.varint()
    data.take(32 + 16 * bin(flags & 0b101).count("1"))
    data.take(data.varint())
    fields = [(data.varint(), None) for _ in range(data.varint())]
    return form, fields, data.take(32)


def check_values(chained, salt, values):
    form, fields, root = read_header(chained)
    if [number for number, _ in fields] != [number for number, _, _ in values]:
        raise Broken("the values are of other fields than the entry")
    commitments = []
    for number, before, after in values:
        head, lengths = number.to_bytes(4, "big"), [len(part).to_bytes(8, "big") for part in (before, after)]
        if form == 1:
            text = FIRST_FORMAT + head + lengths[0] + before + lengths[1] + after
            commitments.append(hmac.new(salt, text, hashlib.sha256).digest())
        else:
            commitments.append(sha256(FIELD, salt, head, lengths[0], before, after))
    if form == 1:
        good = commitments == [commitment for _, commitment in fields]
    else:
        good = sha256(ROOT, *commitments) == root
    if not good:
        raise Broken("the values are not those that the entry commits to")


# --- The lines ---------------------------------------------------------------------------------------------------


def unhex(text, length=None):
    if not isinstance(text, str) or text != text.lower():
        raise Broken("not written in lower-case hexadecimal digits")
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise Broken("not hexadecimal digits") from error
    if length is not None and len(data) != length or len(data) * 2 != len(text):
        raise Broken("hexadecimal digits of another length")
    return data


def number(value):
    if isinstance(value, bool) or not isinstance(value, int):
        raise Broken("not a whole number")
    return value


class Verifier:
    """Takes the lines one after the other."""

    def __init__(self, keys, anchors):
        self.keys, self.anchors = keys, anchors
        self.digest = hashlib.sha256()
        self.opening = None
        self.ended = False
        self.entries = self.checkpoints = self.signed = self.with_values = self.held = 0
        self.previous_checkpoint = None

    def line(self, raw):
        if self.ended:
            raise Broken("lines behind the end")
        try:
            line = json.loads(raw.decode("utf-8"), object_pairs_hook=self.members)
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise Broken("not a line of JSON") from error
        if not isinstance(line, dict):
            raise Broken("not an object")
        kind = line.get("type")
        if (self.opening is None) != (kind == "ledger"):
            raise Broken("the first line, and no other, opens the ledger")
        takes = {"ledger": self.open, "entry": self.entry, "checkpoint": self.checkpoint, "end": self.end}
        if kind not in takes:
            raise Broken("a line of an unknown type")
        takes[kind](line)
        self.digest.update(raw)

    @staticmethod
    def members(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise Broken("a name stands twice in an object")
        return dict(pairs)

    @staticmethod
    def only(line, names):
        if set(line) != set(names.split()):
            raise Broken("other members than a line of its type has")

    def open(self, line):
        self.only(line, "type format origin first last before peaks")
        if number(line["format"]) != 1:
            raise Broken("a form of lines that is newer than this program")
        self.opening = line
        self.origin = unhex(line["origin"], 32)
        self.first, self.last = number(line["first"]), number(line["last"])
        self.hash, self.position = unhex(line["before"], 32), self.first - 1
        self.tree = Tree((number(level), unhex(value, 32)) for level, value in line["peaks"])
        if sum(1 << level for level, _ in self.tree.peaks) != self.position:
            raise Broken("the tree before the first entry has another size")
        if self.position == 0 and self.hash != bytes(32):
            raise Broken("something stands before the first entry")

    def entry(self, line):
        names = "type position chained hash"
        self.only(line, names + " salt values" if "salt" in line else names)
        position, chained = number(line["position"]), unhex(line["chained"])
        if position != self.position + 1 or position > self.last:
            raise Broken(f"entry {position} does not follow on entry {self.position}")
        value = sha256(CHAIN, self.hash, position.to_bytes(8, "big"), chained)
        if value != unhex(line["hash"], 32):
            raise Broken(f"entry {position} is not linked to the one before it")
        if position == 1 and value != self.origin:
            raise Broken("the ledger begins with another entry than it says")
        read_header(chained)
        if "salt" in line:
            values = [(number(field), unhex(old), unhex(new)) for field, old, new in line["values"]]
            check_values(chained, unhex(line["salt"], 32), values)
            self.with_values += 1
        self.hash, self.position = value, position
        self.tree.append(value)
        self.entries += 1
        for anchor, root in self.anchors.pop(position, []):
            if anchor != value or root is not None and root != self.tree.root():
                raise Broken(f"the anchor at entry {position} is of another ledger")
            self.held += 1

    def checkpoint(self, line):
        self.only(line, "type origin sequence position hash root at previous algorithm key signature")
        sequence, position = number(line["sequence"]), number(line["position"])
        if position != self.position or unhex(line["hash"], 32) != self.hash:
            raise Broken(f"checkpoint {sequence} is not of the entry before it")
        if unhex(line["root"], 32) != self.tree.root():
            raise Broken(f"checkpoint {sequence} has another tree")
        if unhex(line["origin"], 32) != self.origin:
            raise Broken(f"checkpoint {sequence} is of another ledger")
        statement = b"".join(
            [
                CHECKPOINT,
                self.origin,
                sequence.to_bytes(8, "big"),
                position.to_bytes(8, "big"),
                self.hash,
                self.tree.root(),
                number(line["at"]).to_bytes(8, "big", signed=True),
                unhex(line["previous"], 32),
            ]
        )
        self.succession(line, sequence)
        self.signature(line, sequence, statement)
        self.previous_checkpoint = (sequence, sha256(statement), line["at"])
        self.checkpoints += 1

    def succession(self, line, sequence):
        previous = unhex(line["previous"], 32)
        if self.previous_checkpoint is None:
            if (sequence == 1) != (previous == bytes(32)) or self.first == 1 and sequence != 1:
                raise Broken(f"checkpoint {sequence} is not the first one")
            return
        before, digest, at = self.previous_checkpoint
        if sequence != before + 1 or previous != digest or line["at"] < at:
            raise Broken(f"checkpoint {sequence} does not follow on checkpoint {before}")

    def signature(self, line, sequence, statement):
        key, signature = unhex(line["key"]), unhex(line["signature"])
        algorithm = line["algorithm"]
        if algorithm == "" and (key or signature):
            raise Broken(f"checkpoint {sequence} has a signature without an algorithm")
        if algorithm == "ed25519":
            if not ed25519_verify(key, statement, signature):
                raise Broken(f"the signature of checkpoint {sequence} is not good")
            self.signed += 1
        if self.keys and (algorithm != "ed25519" or key not in self.keys):
            raise Broken(f"checkpoint {sequence} is not signed by a key that is trusted")

    def end(self, line):
        self.only(line, "type entries checkpoints head sha256")
        if self.position != self.last:
            raise Broken(f"entries behind {self.position} are missing")
        if (number(line["entries"]), number(line["checkpoints"])) != (self.entries, self.checkpoints):
            raise Broken("other numbers of entries or checkpoints than the end says")
        if unhex(line["head"], 32) != self.hash:
            raise Broken("another head than the end says")
        if unhex(line["sha256"], 32) != self.digest.digest():
            raise Broken("the lines were altered")
        self.ended = True

    def finish(self):
        if not self.ended:
            raise Broken("the end is missing")
        left = sorted(self.anchors)
        if left:
            raise Broken(f"the ledger does not reach the anchor at entry {left[-1]}")


def read_anchors(path):
    """Anchors by position: what `ledger.heads` told, or a list of {position, hash, root}."""
    with open(path, encoding="utf-8") as file:
        said = json.load(file)
    anchors = {}
    heads = said if isinstance(said, list) else [said["head"], *said["checkpoints"]]
    for head in heads:
        root = unhex(head["root"], 32) if head.get("root") else None
        anchors.setdefault(number(head["position"]), []).append((unhex(head["hash"], 32), root))
    return anchors


def main():
    parser = argparse.ArgumentParser(description="Verifies an exported ledger of Guanxi.")
    parser.add_argument("file", help="what `guanxi audit export` wrote")
    parser.add_argument("--key", action="append", default=[], help="public key of Ed25519 that is trusted, in hex")
    parser.add_argument("--anchors", help="file with what `ledger.heads` told earlier")
    given = parser.parse_args()
    place = 0
    try:
        keys = [unhex(key, 32) for key in given.key]
        verifier = Verifier(keys, read_anchors(given.anchors) if given.anchors else {})
        with open(given.file, "rb") as file:
            for place, raw in enumerate(file, 1):
                if not raw.endswith(b"\n"):
                    raise Broken("the line does not end")
                verifier.line(raw)
        verifier.finish()
    except Broken as broken:
        print(f"broken: line {place}: {broken}")
        return 1
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        print(f"broken: line {place}: not as the form says ({error})")
        return 1
    print(
        f"holds: entries {verifier.first} to {verifier.last}, {verifier.with_values} with values; "
        f"checkpoints {verifier.checkpoints}, {verifier.signed} signed; anchors {verifier.held}"
    )
    if not verifier.signed and not verifier.held:
        print("no signature and no anchor: whoever has the key of the database could have written all of it anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
