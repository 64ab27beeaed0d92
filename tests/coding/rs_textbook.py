"""Textbook Reed-Solomon codec for single blocks: slow, short, and with other algorithms.

Products are made bit by bit, parity by long division, syndromes by Horner, and the key equation is
solved by Euclid's algorithm (Sugiyama et al. 1975) where the kernels use Berlekamp and Massey's.
Polynomials are lists of coefficients, lowest power first.
"""


class TextbookReedSolomon:
    def __init__(self, n, k, fcr=0, prim=0x11D, generator=2):
        self.n, self.k, self.fcr, self.prim, self.generator = n, k, fcr, prim, generator
        self.g = [1]
        for i in range(n - k):
            self.g = self.times(self.g, [self.power(fcr + i), 1])

    def mul(self, a, b):
        result = 0
        while b:
            if b & 1:
                result ^= a
            a = a << 1 ^ (self.prim if a & 0x80 else 0)
            b >>= 1
        return result

    def power(self, exponent):
        result = 1
        for _ in range(exponent % 255):
            result = self.mul(result, self.generator)
        return result

    def inverse(self, a):
        return next(b for b in range(1, 256) if self.mul(a, b) == 1)

    def times(self, p, q):
        result = [0] * (len(p) + len(q) - 1)
        for i, a in enumerate(p):
            for j, b in enumerate(q):
                result[i + j] ^= self.mul(a, b)
        return result

    def at(self, p, x):
        result = 0
        for coefficient in reversed(p):
            result = self.mul(result, x) ^ coefficient
        return result

    def divide(self, p, q):
        """Return quotient and remainder."""
        remainder, quotient = list(p), [0] * max(1, len(p) - len(q) + 1)
        lead = self.inverse(q[-1])
        for shift in range(len(p) - len(q), -1, -1):
            factor = self.mul(remainder[shift + len(q) - 1], lead)
            quotient[shift] = factor
            for i, a in enumerate(q):
                remainder[shift + i] ^= self.mul(a, factor)
        return quotient, trimmed(remainder)

    def encode(self, message):
        shifted = [0] * (self.n - self.k) + list(reversed(message))
        _, parity = self.divide(shifted, self.g)
        parity += [0] * (self.n - self.k - len(parity))
        return list(message) + list(reversed(parity))

    def syndromes(self, word):
        p = list(reversed(word))
        return [self.at(p, self.power(self.fcr + i)) for i in range(self.n - self.k)]

    def decode(self, word, erased=()):
        """Return (message, errors + erasures), or None if no codeword is close enough."""
        parity = self.n - self.k
        if len(erased) > parity:
            return None
        syndromes = self.syndromes(word)
        if not any(syndromes):
            return list(word[: self.k]), len(erased)
        gamma = [1]
        for position in erased:
            gamma = self.times(gamma, [1, self.power(self.n - 1 - position)])
        # Euclid on x^parity and the modified syndromes, until the remainder is small enough.
        before, now = [0] * parity + [1], trimmed(self.times(syndromes, gamma)[:parity])
        v_before, v_now = [0], [1]
        while 2 * (len(now) - 1) >= parity + len(erased) and any(now):
            quotient, rest = self.divide(before, now)
            before, now = now, rest
            v_before, v_now = v_now, plus(v_before, self.times(quotient, v_now))
        if not v_now[0]:
            return None
        scale = self.inverse(v_now[0])
        locator = trimmed(self.times([self.mul(scale, a) for a in v_now], gamma))
        omega = [self.mul(scale, a) for a in now]
        wrong = len(locator) - 1
        slope = [a if i % 2 == 0 else 0 for i, a in enumerate(locator[1:])]
        places = [e for e in range(self.n) if not self.at(locator, self.power(-e))]
        if len(places) != wrong or 2 * wrong - len(erased) > parity:
            return None
        fixed = list(word)
        for e in places:
            x = self.power(-e)
            value = self.mul(self.at(omega, x), self.inverse(self.at(slope, x)))
            fixed[self.n - 1 - e] ^= self.mul(value, self.power(e * (1 - self.fcr)))
        if any(self.syndromes(fixed)):
            return None
        return fixed[: self.k], wrong


def trimmed(p):
    p = list(p)
    while len(p) > 1 and not p[-1]:
        p.pop()
    return p


def plus(p, q):
    size = max(len(p), len(q))
    p, q = p + [0] * (size - len(p)), q + [0] * (size - len(q))
    return trimmed([a ^ b for a, b in zip(p, q, strict=True)])
