"""Reed-Solomon codes by specification: over bytes, over other fields, and presets of standards."""

from __future__ import annotations

from netchat.coding.code import Code
from netchat.coding.galois_field import DEFAULT_GENERATOR, DEFAULT_POLYNOMIAL
from netchat.coding.reed_solomon.binary import BinaryReedSolomon
from netchat.coding.reed_solomon.ccsds import CCSDSReedSolomon
from netchat.coding.reed_solomon.code import ReedSolomon
from netchat.wording import cut

__all__ = ["create"]

#: n and k of DVB: ETSI EN 300 744, section 4.3.2, and EN 300 421.
_DVB = (204, 188)


def create(
    n: int | str = 255,
    k: int | None = None,
    fcr: int = 0,
    prim: int = 0,
    generator: int = 0,
    m: int = 0,
) -> Code:
    """Create the code of a specification that begins with `rs`.

    Args:
        n: Number of symbols in a codeword; or "ccsds" or "dvb".
        k: Number of symbols in a message; 223 by default.
        fcr: See `ReedSolomon`.
        prim: See `ReedSolomon`; 0 for the default.
        generator: See `ReedSolomon`; 0 for the default.
        m: Number of bits of a symbol, for a code over bits: see `BinaryReedSolomon`. 0 for one over bytes.

    Raises:
        TypeError: An argument is not an integer.
        ValueError: No such code exists.
    """
    if isinstance(n, str):
        if fcr or prim or generator or m or n not in ("ccsds", "dvb") or (n == "dvb" and k):
            raise ValueError(
                "Argument 'n' must be a number, or one of the presets ccsds, ccsds,239 and dvb without "
                f"options, got {cut(n)!r}."
            )
        if n == "ccsds":
            return CCSDSReedSolomon(223 if k is None else k)
        code = ReedSolomon(*_DVB)
        code.citation = "ETSI EN 300 744, section 4.3.2: digital television"
        return code
    if m:
        if generator:
            raise ValueError("Argument 'generator' must be omitted with 'm'.")
        return BinaryReedSolomon(n, 223 if k is None else k, m, fcr, prim)
    return ReedSolomon(
        n, 223 if k is None else k, fcr, prim or DEFAULT_POLYNOMIAL, generator or DEFAULT_GENERATOR
    )
