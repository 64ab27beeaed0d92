"""Convolutional codes and the Viterbi decoder."""
