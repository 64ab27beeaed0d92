"""Channels with a modulation: Gaussian noise, and Rayleigh fading with Gaussian noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from netchat.arguments import whole_number
from netchat.channels.awgn import checked_ebn0
from netchat.channels.channel import Channel, Received
from netchat.channels.gaussian import normal
from netchat.channels.modulation import modulation as modulation_of

__all__ = ["ModulatedAWGN", "ModulatedChannel", "Rayleigh"]

#: Largest number of symbols with the same gain.
_LONGEST_BLOCK = 1 << 20

#: Nodes of the quadrature over the gain of a fading channel.
_NODES = 96


class ModulatedChannel(Channel):
    """Channel that sends bits as symbols of a modulation with Gray labels, in Gaussian noise.

    Successive bits of a frame (the last axis of a block) form a symbol; zeros fill the last symbol.
    Hard decisions are the signs of the log-likelihood ratios.

    Args:
        name: Name shown in tables.
        ebn0_db: Eb/N0 in dB, per bit of information.
        modulation: bpsk, qpsk, qam16 or qam64.
        maxlog: Whether the demapper takes the nearest symbols instead of the sums over all.
        rate: Code rate.
    """

    ebn0_db: float
    """Eb/N0 in dB."""
    modulation: str
    """Name of the modulation."""
    maxlog: bool
    """Whether the ratios are those of the max-log approximation."""
    rate: float
    """Code rate."""
    is_soft = True

    def __init__(
        self, name: str, ebn0_db: float, modulation: str, *, maxlog: bool, rate: float
    ) -> None:
        self.ebn0_db, self.rate = checked_ebn0(ebn0_db, rate)
        self._modulation = modulation_of(modulation)
        self.modulation, self.maxlog = modulation, bool(maxlog)
        #: Energy per symbol over noise density.
        self._es_n0 = 10 ** (self.ebn0_db / 10) * self.rate * self._modulation.bits
        super().__init__(f"{name}, {self._modulation.title}, Eb/N0 = {self.ebn0_db:g} dB")

    @property
    def es_n0(self) -> float:
        """Mean energy per symbol over noise density, Es/N0."""
        return self._es_n0

    @property
    def has_independent_errors(self) -> bool:
        """Whether hard decisions are wrong independently of each other and of the bits."""
        return self._modulation.depth == 1

    @property
    def p(self) -> float:
        """Bit error rate of decisions for the nearest symbol.

        It is an upper bound for the exact demapper of QAM, and exact otherwise.
        """
        return self._modulation.bit_error_rate(self._es_n0)

    @property
    def p_is_exact(self) -> bool:
        """Whether `p` is exact, and not an upper bound."""
        return self.maxlog or self._modulation.depth == 1

    def _transmit(self, bits: NDArray[np.uint8], rng: np.random.Generator) -> Received:
        if not bits.size:
            return Received(bits, soft=np.zeros(bits.shape, np.float32))
        return self.observe(bits, rng)[0]

    def observe(
        self, bits: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[Received, NDArray[np.float32]]:
        """Transmit bits, and return what `transmit` does with the received amplitudes.

        Args:
            bits: Bits in any shape, at least one; they are not modified.
            rng: Random generator.

        Returns:
            The received bits, and the amplitudes (frames, symbols, dimensions) of their symbols.
        """
        frames = bits.reshape(-1, bits.shape[-1])
        width, each = frames.shape[1], self._modulation.bits
        if width % each:
            frames = np.pad(frames, ((0, 0), (0, -width % each)))
        sent = self._modulation.modulate(frames)
        gain = self._gains(sent.shape[0], sent.shape[1], rng)
        if gain is not None:
            sent *= gain[:, :, None]
        noise = normal(sent.shape, rng)
        noise *= np.float32(1 / math.sqrt(2 * self._es_n0))
        sent += noise
        ratios = self._ratios(sent, gain)[:, :width].reshape(bits.shape)
        soft = np.ascontiguousarray(ratios)
        return Received((ratios < 0).astype(np.uint8), soft=soft), sent

    def _gains(
        self,
        frames: int,  # noqa: ARG002
        symbols: int,  # noqa: ARG002
        rng: np.random.Generator,  # noqa: ARG002
    ) -> NDArray[np.float32] | None:
        """Draw the gains (frames, symbols) of a fading channel; None if there is no fading."""
        return None

    def _ratios(
        self, received: NDArray[np.float32], gain: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        return self._modulation.ratios(received, self._es_n0, gain, maxlog=self.maxlog)


class ModulatedAWGN(ModulatedChannel):
    """AWGN channel with QPSK, 16-QAM or 64-QAM; for BPSK, `AWGN` is faster.

    Args:
        ebn0_db: Eb/N0 in dB, per bit of information.
        modulation: bpsk, qpsk, qam16 or qam64.
        maxlog: Whether the demapper takes the nearest symbols instead of the sums over all.
        rate: Code rate.

    Raises:
        TypeError: An argument is not a number.
        ValueError: An argument is out of range.

    >>> f"{ModulatedAWGN(10, 'qam16').p:.6e}"
    '1.754151e-03'
    """

    sweep: ClassVar[Sequence[str]] = ()

    def __init__(
        self, ebn0_db: float, modulation: str = "qpsk", *, maxlog: bool = False, rate: float = 1.0
    ) -> None:
        super().__init__("AWGN", ebn0_db, modulation, maxlog=maxlog, rate=rate)
        self.capacity = float(self._modulation.information(np.array([self._es_n0]))[0])
        self.spec: str = f"awgn:{self.ebn0_db:g}dB,{modulation}" + (",maxlog" if maxlog else "")

    def at_rate(self, rate: float) -> ModulatedAWGN:
        """Return the channel with the same Eb/N0 for a code of this rate."""
        return ModulatedAWGN(self.ebn0_db, self.modulation, maxlog=self.maxlog, rate=rate)


class Rayleigh(ModulatedChannel):
    """Rayleigh fading channel with Gaussian noise and coherent detection.

    The energy of each symbol is multiplied by the square of a gain with mean 1. A gain holds for `block`
    symbols of a frame; each frame begins with a new one. The receiver knows the phase. It knows the
    gain too, unless `known` is false; without the gain, only BPSK and QPSK are possible, and the ratios
    are averages over the gain.

    Args:
        ebn0_db: Mean Eb/N0 in dB, per bit of information.
        modulation: bpsk, qpsk, qam16 or qam64.
        block: Number of symbols with the same gain: 1 for fast fading.
        known: Whether the receiver knows the gains.
        maxlog: Whether the demapper takes the nearest symbols instead of the sums over all.
        rate: Code rate.

    Raises:
        TypeError: An argument is not a number.
        ValueError: An argument is out of range, or the gains of QAM are not known.

    >>> f"{Rayleigh(10).p:.6e}"
    '2.326871e-02'
    """

    block: int
    """Number of symbols with the same gain."""
    known: bool
    """Whether the receiver knows the gains."""

    sweep: ClassVar[Sequence[str]] = (
        "0dB", "5dB", "10dB", "15dB", "20dB", "25dB", "30dB"
    )  # fmt: skip

    def __init__(
        self,
        ebn0_db: float,
        modulation: str = "bpsk",
        *,
        block: int = 1,
        known: bool = True,
        maxlog: bool = False,
        rate: float = 1.0,
    ) -> None:
        block = whole_number("block", block)
        if not 1 <= block <= _LONGEST_BLOCK:
            raise ValueError(f"Argument 'block' must be from 1 to {_LONGEST_BLOCK}, got {block}.")
        kind = "Rayleigh" if block == 1 else f"Rayleigh, blocks of {block}"
        super().__init__(kind, ebn0_db, modulation, maxlog=maxlog, rate=rate)
        if not known and self._modulation.depth > 1:
            raise ValueError(
                f"Argument 'modulation' must be bpsk or qpsk if the gain is unknown, got {modulation}."
            )
        self.block, self.known = block, bool(known)
        if not known:
            self.name += ", unknown gain"
        bits = block * self._modulation.bits
        self.memory = 0.0 if bits == 1 else float(bits)
        self.capacity = self._ergodic_capacity() if known else None
        options = [f"{self.ebn0_db:g}dB", *([modulation] if modulation != "bpsk" else [])]
        options += [f"block={block}"] if block > 1 else []
        options += [] if known else ["unknown"]
        self.spec: str = f"rayleigh:{','.join(options + (['maxlog'] if maxlog else []))}"

    def at_rate(self, rate: float) -> Rayleigh:
        """Return the channel with the same mean Eb/N0 for a code of this rate."""
        return Rayleigh(
            self.ebn0_db, self.modulation, block=self.block, known=self.known,
            maxlog=self.maxlog, rate=rate,
        )  # fmt: skip

    @property
    def has_independent_errors(self) -> bool:
        """Whether hard decisions are wrong independently of each other and of the bits."""
        return self.block == 1 and self._modulation.bits == 1

    @property
    def p(self) -> float:
        """Bit error rate of decisions for the nearest symbol; see `ModulatedChannel.p`."""
        return self._modulation.rayleigh_error_rate(self._es_n0)

    def _gains(self, frames: int, symbols: int, rng: np.random.Generator) -> NDArray[np.float32]:
        draws = -(-symbols // self.block)
        gain = np.sqrt(rng.standard_exponential((frames, draws), dtype=np.float32))
        if self.block == 1:
            return gain
        return np.ascontiguousarray(np.repeat(gain, self.block, axis=1)[:, :symbols])

    def _ratios(
        self, received: NDArray[np.float32], gain: NDArray[np.float32] | None
    ) -> NDArray[np.float32]:
        if self.known:
            return super()._ratios(received, gain)
        level = float(self._modulation.levels[0])
        return _ratios_of_unknown_gain(received, self._es_n0, level).reshape(len(received), -1)

    def _ergodic_capacity(self) -> float:
        # Substituting u = 1 - exp(-x) maps the exponential distribution of the energy to (0, 1).
        node, weight = np.polynomial.legendre.leggauss(_NODES)
        energy = -np.log1p(-(node + 1) / 2)
        return float(self._modulation.information(self._es_n0 * energy) @ weight / 2)


def _ratios_of_unknown_gain(
    received: NDArray[np.float32], es_n0: float, level: float
) -> NDArray[np.float32]:
    """Return the ratios of one bit per dimension, averaged over a Rayleigh gain.

    P(y | 0) is proportional to 1 + sqrt(pi) z exp(z^2) erfc(-z), where z is y scaled (Hagenauer,
    "Viterbi decoding of convolutional codes for fading- and burst-channels", 1980).
    """
    from scipy.special import erfcx  # type: ignore[import-untyped]

    z = np.abs(received.astype(np.float64)) * es_n0 * level / math.sqrt(1 + es_n0 * level**2)
    root = math.sqrt(math.pi)
    small = np.minimum(z, 6.0)
    against = np.where(z < 1e3, 1 - root * z * erfcx(z), 0.0)
    # 1 - sqrt(pi) z erfcx(z) = 1 / (2 z^2) - 3 / (4 z^4) + ... for large z
    against = np.where(z < 50, against, 0.5 / np.maximum(z, 50.0) ** 2)
    near = np.log1p(root * small * (2 * np.exp(small**2) - erfcx(small)))
    far = z**2 + np.log(2 * root * np.maximum(z, 6.0))
    ratio = np.where(z < 6, near, far) - np.log(against)
    ratios: NDArray[np.float32] = (np.sign(received) * ratio).astype(np.float32)
    return ratios
