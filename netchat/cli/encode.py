"""`netchat encode` and `netchat decode`: encode and decode a text, bit by bit."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from typing import TYPE_CHECKING, Any

import click

from netchat.cli.codes import CodeSpec
from netchat.cli.render.codeword import (
    BlockStages,
    blocks_of,
    print_blocks,
    print_text,
    symbols_text,
)
from netchat.exit_codes import FAILED
from netchat.wording import cut, many

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netchat.channels import Channel
    from netchat.coding import Code

__all__ = ["decode", "encode"]

#: Maximum bytes of text, and characters of the command, for which `encode` prints a decode command.
_SHORT, _LONGEST_LINE = 64, 4000


class _ChannelSpec(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    """Channel, by its spec."""

    name = "spec"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Channel:
        from netchat.channels import Channel, get

        if isinstance(value, Channel):
            return value
        try:
            return get(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Positions(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    """Positions and ranges: `0,2-5`."""

    name = "positions"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[range]:
        if isinstance(value, list):
            return value
        found = []
        for item in str(value).split(","):
            match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", item, re.ASCII)
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
            if last < first:
                self.fail(
                    f"must be a position or range such as 3 or 3-5, got {item!r}.", param, ctx
                )
            found.append(range(first, last + 1))
        return found


class _Ratios(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    """Numbers: `1.5,-0.3,inf`."""

    name = "ratios"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[float]:
        if isinstance(value, list):
            return value
        found = []
        for item in str(value).split(","):
            try:
                found.append(float(item))
            except ValueError:
                found.append(math.nan)
            if math.isnan(found[-1]):
                self.fail(f"must be numbers, got {cut(item)!r}.", param, ctx)
        return found


_code = click.option(
    "--code", type=CodeSpec(), default="hamming:7,4", show_default=True,
    help="Code; netchat codes lists them.",
)  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="Print the blocks as JSON.")


@click.command(short_help="Send a text through encoder, channel and decoder, bit by bit.")
@click.argument("text")
@_code
@click.option("--flip", type=click.IntRange(0), metavar="N", help="Flip N random bits.")
@click.option(
    "--channel", type=_ChannelSpec(),
    help="Channel: bsc:P, bec:P, awgn:4dB, awgn:8dB,qam16, rayleigh:10dB, gilbert-elliott:...",
)  # fmt: skip
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Random seed of the errors.",
)
@_json
@click.pass_context
def encode(
    ctx: click.Context,
    text: str,
    code: Code,
    flip: int | None,
    channel: Channel | None,
    seed: int,
    as_json: bool,
) -> None:
    """Send TEXT through an encoder, a channel and the decoder, and show every bit.

    \b
    Examples:
      netchat encode Hi                                     data and parity
      netchat encode Hi --flip 2                            with two flipped bits
      netchat encode Hi --code hamming:8,4 --channel bsc:0.1 --seed 3
      netchat encode Hi --code rs:32,16 --channel gilbert-elliott:0.01,0.2,0,0.5

    The exit code is 1 if the decoded text differs.
    """
    if flip is not None and channel is not None:
        raise click.UsageError("--flip and --channel cannot be combined.")
    import numpy as np

    from netchat.coding.framing import decoded_bytes, joined, split_messages

    data = os.fsencode(text)
    if data != text.encode(errors="replace"):
        click.echo("netchat: TEXT is not UTF-8; its bytes are sent unchanged.", err=True)
    parts = [(part, part.encode(message)) for part, message in split_messages(code, data)]
    sent = np.concatenate([word.ravel() for _, word in parts] or [np.zeros(0, np.uint8)])
    rng = np.random.Generator(np.random.SFC64(seed))
    received, lost, soft = sent.copy(), None, None
    if flip:
        coded_bits = sent.size * code.bits_per_symbol
        if flip > coded_bits:
            raise click.UsageError(
                f"--flip must be at most {coded_bits}, the number of coded bits, got {flip}."
            )
        bits = np.unpackbits(sent) if code.bits_per_symbol == 8 else received
        bits[rng.choice(bits.size, flip, replace=False)] ^= 1
        received = np.packbits(bits) if code.bits_per_symbol == 8 else bits
    elif channel is not None:
        out = channel.at_rate(code.rate).transmit(sent, rng, code.alphabet)
        received, lost = out.block, out.erasures
        uses_ratios = code.soft and code.alphabet == "bit"
        soft = _rounded(channel.ratios(out) if uses_ratios else out.soft)
    blocks, results, start = [], [], 0
    for part, word in parts:
        stop = start + word.size
        came = received[start:stop].reshape(word.shape)
        gone, ratios = (
            None if what is None else what[start:stop].reshape(word.shape) for what in (lost, soft)
        )
        results.append(part.decode(came, gone, ratios))
        blocks += blocks_of(part, word, came, gone, results[-1])
        start = stop
    result = decoded_bytes(code, results)
    if as_json:
        _print_json(code, blocks, result.data, data)
    else:
        print_blocks(code, blocks)
        print_text("sent", data)
        print_text("decoded", result.data, good=result.data == data and not result.failed)
        command = f"netchat decode {joined(code, [received]).hex()} --code {shlex.quote(code.spec)}"
        if lost is not None and lost.any():
            command += f" --erased {_ranges(np.flatnonzero(lost).tolist())}"
        if soft is not None:
            command += f" --soft={','.join(map(_ratio, soft))}"
        if 0 < len(data) <= _SHORT and len(command) <= _LONGEST_LINE:
            click.echo(f"\nTo decode the received bytes again:\n{command}")
    if result.data != data or result.failed:
        ctx.exit(FAILED)


@click.command(short_help="Decode coded bytes, bit by bit.")
@click.argument("coded", metavar="HEX")
@_code
@click.option(
    "--erased", type=_Positions(), metavar="N,N-N",
    help="Positions of erased symbols from 0: bits, or bytes for a code over bytes.",
)  # fmt: skip
@click.option(
    "--soft",
    type=_Ratios(),
    metavar="X,X",
    help="Log-likelihood ratios ln P(0)/P(1) of all bits, for a soft-decision decoder.",
)
@_json
@click.pass_context
def decode(
    ctx: click.Context,
    coded: str,
    code: Code,
    erased: list[range] | None,
    soft: list[float] | None,
    as_json: bool,
) -> None:
    """Decode HEX, coded bytes in hexadecimal, and show the corrections.

    \b
    Examples:
      netchat decode 4a5e1e2d --code hamming:7,4
      netchat decode 4a5e1e2d --code hamming:7,4 --erased 0,9-10

    The exit code is 1 if a block cannot be decoded.
    """
    import numpy as np

    from netchat.coding.framing import decoded_bytes, split_codewords

    try:
        parts = split_codewords(code, bytes.fromhex(coded))
    except ValueError as error:
        raise click.UsageError(f"HEX: {error}") from error
    size = sum(word.size for _, word in parts)
    lost = None if erased is None else _mask(erased, size)
    ratios = None if soft is None else np.array(soft, np.float32)
    if ratios is not None and (code.bits_per_symbol != 1 or ratios.size != size):
        expected = f"must have {many(size, 'value')}, got {ratios.size:,}"
        raise click.BadParameter(
            f"{expected if code.bits_per_symbol == 1 else 'soft values need a code over bits'}.",
            param_hint="--soft",
        )
    blocks, results, start = [], [], 0
    for part, word in parts:
        stop = start + word.size
        gone, likely = (
            None if what is None else what[start:stop].reshape(word.shape)
            for what in (lost, ratios)
        )
        results.append(part.decode(word, gone, likely))
        blocks += blocks_of(part, None, word, gone, results[-1])
        start = stop
    result = decoded_bytes(code, results)
    if as_json:
        _print_json(code, blocks, result.data, None)
    else:
        print_blocks(code, blocks)
        print_text("decoded", result.data, good=not result.failed)
    if result.failed:
        ctx.exit(FAILED)


def _rounded(soft: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    """Round ratios as the decode command prints them, so that both give the same result."""
    if soft is None or soft.size > _LONGEST_LINE:  # too long to print
        return soft
    import numpy as np

    return np.array([float(_ratio(value)) for value in soft], np.float32)


def _ratio(value: float) -> str:
    return f"{value:.4g}"


def _ranges(positions: list[int]) -> str:
    """Return sorted positions with consecutive ones as a range: `0,2-5`."""
    found: list[list[int]] = []
    for position in positions:
        if found and position == found[-1][1] + 1:
            found[-1][1] = position
        else:
            found.append([position, position])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def _mask(positions: list[range], size: int) -> NDArray[np.bool_]:
    import numpy as np

    mask = np.zeros(size, np.bool_)
    for some in positions:
        if some.stop > size:
            raise click.BadParameter(
                f"positions must be below {size}, the number of symbols, got {some.stop - 1}.",
                param_hint="--erased",
            )
        mask[some.start : some.stop] = True
    return mask


def _print_json(code: Code, blocks: list[BlockStages], decoded: bytes, sent: bytes | None) -> None:
    click.echo(
        json.dumps(
            {
                "code": code.spec,
                "blocks": [
                    {
                        "sent": symbols_text(block, block.sent),
                        "received": symbols_text(block, block.received),
                        "erased": [i for i, lost in enumerate(block.lost) if lost],
                        "decoded": symbols_text(block, block.decided),
                        "corrected": block.corrected,
                        "verdict": block.verdict,
                    }
                    for block in blocks
                ],
                "sent": None if sent is None else sent.hex(),
                "decoded": decoded.hex(),
            },
            indent=2,
        )
    )
