#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes key.vec: keys and signatures with the verdicts that src/crypto/key.h promises.

Run once, with python-cryptography >= 48 (ML-DSA) and securesystemslib >= 1.4; the result is
committed. The private keys are made here and forgotten: these are test keys.
"""
import base64
import hashlib
import json
import secrets
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric import ed448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import SSlibKey

MESSAGE = b"Hallmark test message"
vectors = []


def der(tag, content):
    size = len(content)
    if size < 128:
        head = bytes([tag, size])
    elif size < 256:
        head = bytes([tag, 0x81, size])
    else:
        head = bytes([tag, 0x82]) + size.to_bytes(2, "big")
    return head + content


def integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def pem_of(data, width=64, label="PUBLIC KEY", end="\n"):
    text = base64.b64encode(data).decode()
    lines = [text[i : i + width] for i in range(0, len(text), width)]
    return f"-----BEGIN {label}-----{end}" + end.join(lines) + f"{end}-----END {label}-----{end}"


def spki(algorithm, raw):
    return der(0x30, algorithm + der(3, b"\0" + raw))


def der_of(public):
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pem(public):
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def point(public, form=PublicFormat.UncompressedPoint):
    return public.public_bytes(Encoding.X962, form)


def add(name, keytype, scheme, public, parse="HM_OK", sig=b"", verify=None, message=MESSAGE,
        keyid=None):
    entry = {"name": name, "keytype": keytype, "scheme": scheme, "public": public, "parse": parse}
    if parse in ("HM_OK", "ml-dsa"):
        key = SSlibKey("x", keytype, scheme, {"public": public})
        text = json.dumps(  # what securesystemslib hashes, for text without escapes
            {"keytype": keytype, "keyval": {"public": public}, "scheme": scheme},
            separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        entry["keyid"] = hashlib.sha256(text.replace("\\n", "\n").replace("\\r", "\r").encode()).hexdigest()
        from securesystemslib.signer._utils import compute_default_keyid
        assert entry["keyid"] == compute_default_keyid(keytype, scheme, {"public": public}), name
    if verify is not None:
        entry.update(message=message.hex(), signature=sig.hex(), verify=verify)
    vectors.append(entry)


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def bad_signatures(name, keytype, scheme, public, sig):
    add(name + ", first byte changed", keytype, scheme, public, sig=flip(sig, 0), verify="HM_ESIGNATURE")
    add(name + ", last byte changed", keytype, scheme, public, sig=flip(sig, -1 % len(sig)), verify="HM_ESIGNATURE")
    add(name + ", cut", keytype, scheme, public, sig=sig[:-1], verify="HM_ESIGNATURE")
    add(name + ", one byte more", keytype, scheme, public, sig=sig + b"\0", verify="HM_ESIGNATURE")
    add(name + ", one byte in front", keytype, scheme, public, sig=b"\0" + sig, verify="HM_ESIGNATURE")
    add(name + ", empty", keytype, scheme, public, verify="HM_ESIGNATURE")
    add(name + ", zeros", keytype, scheme, public, sig=bytes(len(sig)), verify="HM_ESIGNATURE")
    add(name + ", another message", keytype, scheme, public, sig=sig, message=MESSAGE + b"!", verify="HM_ESIGNATURE")


def ed25519_vectors():
    kind = ("ed25519", "ed25519")
    for number, (public, message, sig) in enumerate([
        ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
         "d25bf5f0595bbe24655141438e7a100b"),
        ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
         "387b2eaeb4302aeeb00d291612bb0c00"),
        ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
         "4a7c15e9716ed28dc027beceea1ec40a"),
    ], 1):
        add(f"RFC 8032 section 7.1 test {number}", *kind, public, sig=bytes.fromhex(sig),
            message=bytes.fromhex(message), verify="HM_OK")
    key = ed25519.Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    sig = key.sign(MESSAGE)
    add("ed25519", *kind, raw.hex(), sig=sig, verify="HM_OK")
    add("ed25519 in capitals", *kind, raw.hex().upper(), sig=sig, verify="HM_OK")
    bad_signatures("ed25519", *kind, raw.hex(), sig)
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(sig[32:], "little") + order
    add("ed25519, S + L", *kind, raw.hex(), sig=sig[:32] + s.to_bytes(32, "little"), verify="HM_ESIGNATURE")
    for text, name in [
        ("", "empty"), (raw.hex()[:-1], "63 digits"), (raw.hex()[:-2], "31 bytes"),
        (raw.hex() + "00", "33 bytes"), (raw.hex()[:-1] + "g", "no digit"), (raw.hex() + "\n", "newline"),
        (" " + raw.hex()[1:], "space"), ("0x" + raw.hex()[2:], "0x"), (pem(key.public_key()), "PEM"),
        (base64.b64encode(raw).decode(), "base64"), ("é" * 32, "not ASCII"),
    ]:
        add(f"ed25519 key: {name}", *kind, text, parse="HM_EFORMAT")
    p = 2**255 - 19
    sqrtm1 = pow(2, (p - 1) // 4, p)
    d = -121665 * pow(121666, -1, p) % p

    def decodes(y):  # on the curve
        u, v = (y * y - 1) % p, (d * y * y + 1) % p
        x2 = u * pow(v, -1, p) % p
        return x2 == 0 or pow(x2, (p - 1) // 2, p) == 1

    eights = ["26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
              "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"]
    assert sqrtm1 * sqrtm1 % p == p - 1
    for y in [0, 1, p - 1] + [int.from_bytes(bytes.fromhex(e), "little") for e in eights]:
        assert decodes(y)
        for sign in (0, 1):
            add("ed25519 key of small order", *kind,
                (y | sign << 255).to_bytes(32, "little").hex(), parse="HM_EFORMAT")
    for y in range(p, 2**255):
        for sign in (0, 1):
            add(f"ed25519 key with y = p + {y - p}", *kind,
                (y | sign << 255).to_bytes(32, "little").hex(), parse="HM_EFORMAT")
    # The largest canonical y that is on the curve, and small ones, are keys.
    high = next(y for y in range(p - 2, 0, -1) if decodes(y))
    low = next(y for y in range(2, p) if decodes(y))
    for y in (low, high):
        add("ed25519 key with extreme y", *kind, y.to_bytes(32, "little").hex(), sig=sig, verify="HM_ESIGNATURE")
    off = next(y for y in range(2, p) if not decodes(y))
    add("ed25519 key not on the curve", *kind, off.to_bytes(32, "little").hex(), sig=sig, verify="HM_ESIGNATURE")
    return pem(key.public_key())


def ecdsa_vectors(name, curve, digest, other_pem, order, prime, rfc):
    old = (f"ecdsa-sha2-{name}",) * 2
    kind = ("ecdsa", f"ecdsa-sha2-{name}")
    size = (curve.key_size + 7) // 8
    rx, ry, r, s = (int(v, 16) for v in rfc)
    add(f"RFC 6979 {name}", *old, "04" + rx.to_bytes(size, "big").hex() + ry.to_bytes(size, "big").hex(),
        sig=utils.encode_dss_signature(r, s), message=b"sample", verify="HM_OK")
    key = ec.generate_private_key(curve)
    public = key.public_key()
    sig = key.sign(MESSAGE, ec.ECDSA(digest))
    text = pem(public)
    add(name, *kind, text, sig=sig, verify="HM_OK")
    add(name + ", older spelling, PEM", *old, text, sig=sig, verify="HM_OK")
    add(name + ", older spelling, hex", *old, point(public).hex(), sig=sig, verify="HM_OK")
    add(name + ", hex in capitals", *old, point(public).hex().upper(), sig=sig, verify="HM_OK")
    add(name + ", no last newline", *kind, text.rstrip(), sig=sig, verify="HM_OK")
    add(name + ", lines of 76", *kind, pem_of(der_of(public), 76), sig=sig, verify="HM_OK")
    add(name + ", one line", *kind, pem_of(der_of(public), 9999), sig=sig, verify="HM_OK")
    add(name + ", CRLF", *kind, pem_of(der_of(public), end="\r\n"), sig=sig, verify="HM_OK")
    bad_signatures(name, *kind, text, sig)
    r, s = utils.decode_dss_signature(sig)
    add(name + ", n - s", *kind, text, sig=utils.encode_dss_signature(r, order - s), verify="HM_OK")
    body = sig[2:]
    rdata = integer(r)
    sdata = integer(s)
    for what, bad in [
        ("s + n", der(0x30, rdata + integer(s + order))), ("r + n", der(0x30, integer(r + order) + sdata)),
        ("r = 0", der(0x30, integer(0) + sdata)), ("s = 0", der(0x30, rdata + integer(0))),
        ("r = n", der(0x30, integer(order) + sdata)),
        ("-s", der(0x30, rdata + der(2, (2 ** (8 * size + 8) - s).to_bytes(size + 1, "big")))),
        ("BER length", b"\x30\x81" + sig[1:] if len(body) < 128 else b"\x30\x82\0" + sig[2:]),
        ("indefinite length", b"\x30\x80" + body + b"\0\0"),
        ("zero in front of r", der(0x30, der(2, b"\0" + rdata[2:]) + sdata)),
        ("zero in front of s", der(0x30, rdata + der(2, b"\0" + sdata[2:]))),
        ("element behind s", der(0x30, rdata + sdata + b"\x05\0")),
        ("raw r and s", r.to_bytes(size, "big") + s.to_bytes(size, "big")),
        ("SET", b"\x31" + sig[1:]),
    ]:
        add(f"{name} signature: {what}", *kind, text, sig=bad, verify="HM_ESIGNATURE")
    raw = point(public)
    algorithm = der_of(public)[2 : 2 + 2 + der_of(public)[3]]
    wrong = flip(raw, len(raw) - 1)
    compressed = point(public, PublicFormat.CompressedPoint)
    hybrid = bytes([6 + raw[-1] % 2]) + raw[1:]
    for what, bad in [
        ("empty", ""), ("hex", raw.hex()), ("of another curve", other_pem),
        ("not on the curve", pem_of(spki(algorithm, wrong))),
        ("compressed", pem_of(spki(algorithm, compressed))), ("hybrid", pem_of(spki(algorithm, hybrid))),
        ("infinity", pem_of(spki(algorithm, b"\0"))), ("no point", pem_of(spki(algorithm, b""))),
        ("zeros", pem_of(spki(algorithm, b"\x04" + bytes(2 * size)))),
        ("x = p", pem_of(spki(algorithm, b"\x04" + prime.to_bytes(size, "big") + raw[1 + size :]))),
        ("short", pem_of(spki(algorithm, raw[:-1]))), ("long", pem_of(spki(algorithm, raw + b"\0"))),
        ("trailing byte", pem_of(der_of(public) + b"\0")), ("cut", pem_of(der_of(public)[:-1])),
        ("unused bits", pem_of(der(0x30, algorithm + der(3, b"\1" + raw)))),
        ("BER length", pem_of(b"\x30\x81" + der_of(public)[1:])),
        ("element behind", pem_of(der(0x30, algorithm + der(3, b"\0" + raw) + b"\x05\0"))),
        ("algorithm without curve", pem_of(spki(algorithm[:1] + b"\x09" + algorithm[2:11], raw))),
        ("another label", pem_of(der_of(public), label="EC PUBLIC KEY")),
        ("certificate", pem_of(der_of(public), label="CERTIFICATE")),
        ("two blocks", text + text), ("text in front", "x\n" + text), ("text behind", text + "x\n"),
        ("base64 alone", base64.b64encode(der_of(public)).decode()),
    ]:
        add(f"{name} key: {what}", *kind, bad, parse="HM_EFORMAT")
    for what, bad in [
        ("compressed", compressed.hex()), ("hybrid", hybrid.hex()), ("not on the curve", wrong.hex()),
        ("infinity", "00"), ("without 04", raw[1:].hex()), ("one byte more", raw.hex() + "00"),
        ("odd", raw.hex()[1:]), ("DER", der_of(public).hex()),
    ]:
        add(f"{name} older spelling, key: {what}", *old, bad, parse="HM_EFORMAT")
    return text


def rsa_vectors(ec_pem):
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    big = None
    for bits in (2048, 3072, 4096, 8192):
        key = rsa.generate_private_key(65537, bits)
        public = pem(key.public_key())
        for digest in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
            kind = ("rsa", f"rsassa-pss-{digest.name}")
            if bits != 3072 and digest.name != "sha256":
                continue

            def sign(salt, mgf=digest, key=key, digest=digest):
                return key.sign(MESSAGE, padding.PSS(mgf=padding.MGF1(mgf), salt_length=salt), digest)

            add(f"rsa-{bits} {digest.name}, salt as digest", *kind, public, sig=sign(digest.digest_size), verify="HM_OK")
            add(f"rsa-{bits} {digest.name}, longest salt", *kind, public,
                sig=sign(padding.PSS.MAX_LENGTH), verify="HM_OK")
            add(f"rsa-{bits} {digest.name}, no salt", *kind, public, sig=sign(0), verify="HM_OK")
            other = hashes.SHA1() if digest.name != "sha1" else hashes.SHA256()
            add(f"rsa-{bits} {digest.name}, MGF1 with another digest", *kind, public,
                sig=sign(20, other), verify="HM_ESIGNATURE")
            add(f"rsa-{bits} {digest.name}, PKCS#1 v1.5", *kind, public,
                sig=key.sign(MESSAGE, padding.PKCS1v15(), digest), verify="HM_ESIGNATURE")
            if bits == 3072:
                bad_signatures(f"rsa-{bits} {digest.name}", *kind, public, sign(digest.digest_size))
        if bits == 2048:
            # A signature with a leading zero, written without it.
            while True:
                sig = key.sign(MESSAGE, padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32), hashes.SHA256())
                if sig[0] == 0:
                    break
            add("rsa-2048, leading zero", "rsa", "rsassa-pss-sha256", public, sig=sig, verify="HM_OK")
            add("rsa-2048, leading zero left out", "rsa", "rsassa-pss-sha256", public, sig=sig[1:], verify="HM_ESIGNATURE")
            n = key.public_key().public_numbers().n
            add("rsa-2048 sha512 key, sha256 signature", "rsa", "rsassa-pss-sha512", public, sig=sig, verify="HM_ESIGNATURE")
            good = public
        big = n

    def rsa_spki(n, e, algorithm=algorithm):
        return spki(algorithm, der(0x30, integer(n) + integer(e)))

    def odd(bits):
        return secrets.randbits(bits) | 1 << (bits - 1) | 1

    n_bytes = b"\0" + big.to_bytes(256, "big")
    e_data = integer(65537)
    for what, bad in [
        ("1024 bits", pem(rsa.generate_private_key(65537, 1024).public_key())),
        ("2047 bits", pem_of(rsa_spki(odd(2047), 65537))), ("8193 bits", pem_of(rsa_spki(odd(8193), 65537))),
        ("16384 bits", pem_of(rsa_spki(odd(16384), 65537))),
        ("exponent 1", pem_of(rsa_spki(big, 1))), ("exponent 3", pem_of(rsa_spki(big, 3))),
        ("exponent 65535", pem_of(rsa_spki(big, 65535))), ("exponent 65538", pem_of(rsa_spki(big, 65538))),
        ("exponent 2^31 + 1", pem_of(rsa_spki(big, 2**31 + 1))), ("exponent 2^64 + 65537", pem_of(rsa_spki(big, 2**64 + 65537))),
        ("exponent 0", pem_of(rsa_spki(big, 0))), ("even modulus", pem_of(rsa_spki(big - 1, 65537))),
        ("modulus 0", pem_of(rsa_spki(0, 65537))),
        ("negative modulus", pem_of(spki(algorithm, der(0x30, der(2, n_bytes[1:]) + e_data)))),
        ("zero in front of modulus", pem_of(spki(algorithm, der(0x30, der(2, b"\0" + n_bytes) + e_data)))),
        ("empty modulus", pem_of(spki(algorithm, der(0x30, der(2, b"") + e_data)))),
        ("no exponent", pem_of(spki(algorithm, der(0x30, integer(big))))),
        ("element behind", pem_of(spki(algorithm, der(0x30, integer(big) + e_data + integer(1))))),
        ("trailing byte", pem_of(spki(algorithm, der(0x30, integer(big) + e_data) + b"\0"))),
        ("no NULL", pem_of(rsa_spki(big, 65537, bytes.fromhex("300b06092a864886f70d010101")))),
        ("RSASSA-PSS algorithm", pem_of(rsa_spki(big, 65537, bytes.fromhex("300b06092a864886f70d01010a")))),
        ("PKCS#1", pem_of(der(0x30, integer(big) + e_data), label="RSA PUBLIC KEY")),
        ("PKCS#1 in PUBLIC KEY", pem_of(der(0x30, integer(big) + e_data))),
        ("an EC key", ec_pem), ("empty", ""), ("modulus in hex", f"{big:x}"),
        ("too long a text", good + " " * 16384),
    ]:
        add(f"rsa key: {what}", "rsa", "rsassa-pss-sha256", bad, parse="HM_EFORMAT")
    return good


def mldsa_vectors():
    for kind in (mldsa.MLDSA44PrivateKey, mldsa.MLDSA65PrivateKey, mldsa.MLDSA87PrivateKey):
        key = kind.generate()
        public = key.public_key()
        scheme = f"ml-dsa-{kind.__name__[5:7]}/1"
        sig = key.sign(b"tuf\x01" + hashlib.sha512(MESSAGE).digest())
        add(scheme, "ml-dsa", scheme, pem(public), parse="ml-dsa", sig=sig, verify="HM_OK")
        if kind is mldsa.MLDSA44PrivateKey:
            add(scheme + ", message without frame", "ml-dsa", scheme, pem(public), parse="ml-dsa",
                sig=key.sign(MESSAGE), verify="HM_ESIGNATURE")
            add(scheme + ", changed", "ml-dsa", scheme, pem(public), parse="ml-dsa",
                sig=flip(sig, 0), verify="HM_ESIGNATURE")


ed_pem = ed25519_vectors()
p521 = pem(ec.generate_private_key(ec.SECP521R1()).public_key())
p384_other = pem(ec.generate_private_key(ec.SECP384R1()).public_key())
p256 = ecdsa_vectors(
    "nistp256", ec.SECP256R1(), hashes.SHA256(), p384_other,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    2**256 - 2**224 + 2**192 + 2**96 - 1,
    ("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
     "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
     "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
     "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"))
p384 = ecdsa_vectors(
    "nistp384", ec.SECP384R1(), hashes.SHA384(), p256,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    2**384 - 2**128 - 2**96 + 2**32 - 1,
    ("EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13",
     "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
     "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
     "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8"))
rsa_pem = rsa_vectors(p256)
mldsa_vectors()
for keytype, scheme, public in [
    ("", "", ""), ("ed25519", "", ""), ("", "ed25519", ""), ("ED25519", "ed25519", ""),
    ("ed25519", "ed25519ph", "00"), ("ed25519 ", "ed25519", ""), ("ed25519\0", "ed25519", ""),
    ("ed25519", "ecdsa-sha2-nistp256", p256), ("ecdsa", "ed25519", p256), ("ecdsa", "ecdsa-sha2-nistp521", p521),
    ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", p521), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", p384),
    ("ecdsa", "rsassa-pss-sha256", rsa_pem), ("rsa", "ecdsa-sha2-nistp256", p256),
    ("rsa", "rsa-pkcs1v15-sha256", rsa_pem), ("rsa", "rsa-pkcs1v15-sha512", rsa_pem),
    ("rsa", "rsassa-pss-sha224", rsa_pem), ("rsa", "rsassa-pss-md5", rsa_pem),
    ("sigstore-oidc", "Fulcio", ""), ("ml-dsa", "ml-dsa-44", ""), ("ml-dsa-44", "ml-dsa-44/1", ""),
    ("x" * 2000, "y" * 2000, ""),
]:
    add("unknown", keytype, scheme, public, parse="HM_EUNKNOWN")

spkis = [{"name": name, "pem": text, "parse": parse} for name, text, parse in [
    ("ed25519", ed_pem, "HM_OK"), ("p256", p256, "HM_OK"), ("p384", p384, "HM_OK"), ("rsa", rsa_pem, "HM_OK"),
    ("p521", p521, "HM_EUNKNOWN"),
    ("x25519", pem(x25519.X25519PrivateKey.generate().public_key()), "HM_EUNKNOWN"),
    ("ed448", pem(ed448.Ed448PrivateKey.generate().public_key()), "HM_EUNKNOWN"),
    ("secp256k1", pem(ec.generate_private_key(ec.SECP256K1()).public_key()), "HM_EUNKNOWN"),
    ("empty", "", "HM_EFORMAT"), ("hex", "00" * 32, "HM_EFORMAT"),
    ("small order", pem_of(bytes.fromhex("302a300506032b6570032100") + bytes(32)), "HM_EFORMAT"),
    ("ed25519 with parameters", pem_of(spki(bytes.fromhex("300706032b65700500"), bytes(range(32)))), "HM_EUNKNOWN"),
    ("ed25519 short", pem_of(spki(bytes.fromhex("300506032b6570"), bytes(range(31)))), "HM_EFORMAT"),
    ("not DER", pem_of(b"hello"), "HM_EFORMAT"), ("empty sequence", pem_of(b"\x30\0"), "HM_EFORMAT"),
    ("private key", pem_of(b"\x30\0", label="PRIVATE KEY"), "HM_EFORMAT"),
    ("long", ed_pem + "\n" * 16384, "HM_EFORMAT"),
]]
# EC with explicit parameters, as 'openssl ecparam -param_enc explicit' makes them.
if len(sys.argv) > 2:
    spkis.append({"name": "explicit curve", "pem": open(sys.argv[2]).read(), "parse": "HM_EUNKNOWN"})
    vectors.append({"name": "nistp256 key: explicit curve", "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256",
                    "public": open(sys.argv[2]).read(), "parse": "HM_EFORMAT"})
with open(sys.argv[1], "w") as out:
    out.write('{"comment": "Test keys. Made by make-key-vec.py.",\n"keys": [\n')
    out.write(",\n".join(json.dumps(v) for v in vectors))
    out.write('\n],\n"pems": [\n' + ",\n".join(json.dumps(v) for v in spkis) + "\n]}\n")
