"""Explanations of decoders: the steps that lead from a received codeword to the decision."""

from netchat.channel_lab.explain.explain import explain

__all__ = ["explain"]
