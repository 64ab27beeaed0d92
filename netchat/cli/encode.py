"""`netchat encode` and `netchat decode`: a message through a code, bit by bit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from netchat.cli.codes import CodeSpec
from netchat.cli.codewords import Block, blocks_of, print_blocks, print_text, symbols_text
from netchat.cli.exits import FAILED
from netchat.wording import many

if TYPE_CHECKING:
    from netchat.channels import Channel
    from netchat.coding import Code

__all__ = ["decode", "encode"]

#: Bytes of text up to which the line that decodes them is worth printing.
_SHORT = 64


class _ChannelSpec(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    """A channel, by its spec."""

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


_code = click.option(
    "--code", type=CodeSpec(), default="hamming:7,4", show_default=True,
    help="The code; netchat codes lists them.",
)  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="Print the blocks as JSON.")


@click.command(short_help="Send a text through code, channel and decoder, bit by bit.")
@click.argument("text")
@_code
@click.option("--flip", type=click.IntRange(0), metavar="N", help="Turn N bits over.")
@click.option(
    "--channel", type=_ChannelSpec(),
    help="Send it through a channel: bsc:P, bec:P, awgn:4dB, gilbert-elliott:...",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of what goes wrong."
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
    """Send TEXT through a code, a channel and the decoder, and show every bit.

    \b
    Examples:
      netchat encode Hi                                     data and parity
      netchat encode Hi --flip 2                            and two bits turned over
      netchat encode Hi --code hamming:8,4 --channel bsc:0.1 --seed 3
      netchat encode Hi --code rs:32,16 --channel gilbert-elliott:0.01,0.2,0,0.5

    Exit code 1 if the text does not come back.
    """
    if flip is not None and channel is not None:
        raise click.UsageError("--flip and --channel go one at a time.")
    import numpy as np

    from netchat.coding.framing import decoded_bytes, joined, messages_of

    data = text.encode()
    parts = [(part, part.encode(message)) for part, message in messages_of(code, data)]
    sent = np.concatenate([word.ravel() for _, word in parts] or [np.zeros(0, np.uint8)])
    rng = np.random.Generator(np.random.SFC64(seed))
    received, lost, soft = sent.copy(), None, None
    if flip:
        if flip > sent.size * code.bits:
            raise click.UsageError(
                f"There are only {many(sent.size * code.bits, 'bit')} to turn over."
            )
        bits = np.unpackbits(sent) if code.bits == 8 else received
        bits[rng.choice(bits.size, flip, replace=False)] ^= 1
        received = np.packbits(bits) if code.bits == 8 else bits
    elif channel is not None:
        out = channel.at_rate(code.rate).transmit(sent, rng, code.alphabet)
        received, lost, soft = out.block, out.erasures, out.soft
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
        if 0 < len(data) <= _SHORT and lost is None:
            again = f"netchat decode {joined(code, [received]).hex()} --code {code.spec}"
            click.echo(f"\n{again}\ndecodes what was received.")
    if result.data != data or result.failed:
        ctx.exit(FAILED)


@click.command(short_help="Decode coded bytes, bit by bit.")
@click.argument("coded", metavar="HEX")
@_code
@_json
@click.pass_context
def decode(ctx: click.Context, coded: str, code: Code, as_json: bool) -> None:
    """Decode HEX, coded bytes in hexadecimal, and show what the decoder changed.

    \b
    Example:
      netchat decode 4a5e1e2d --code hamming:7,4

    Exit code 1 if a block cannot be decoded.
    """
    from netchat.coding.framing import decoded_bytes, words_of

    try:
        received = bytes.fromhex(coded)
        parts = words_of(code, received)
    except ValueError as error:
        raise click.UsageError(f"HEX: {error}") from error
    blocks, results = [], []
    for part, word in parts:
        results.append(part.decode(word))
        blocks += blocks_of(part, None, word, None, results[-1])
    result = decoded_bytes(code, results)
    if as_json:
        _print_json(code, blocks, result.data, None)
    else:
        print_blocks(code, blocks)
        print_text("decoded", result.data, good=not result.failed)
    if result.failed:
        ctx.exit(FAILED)


def _print_json(code: Code, blocks: list[Block], decoded: bytes, sent: bytes | None) -> None:
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
