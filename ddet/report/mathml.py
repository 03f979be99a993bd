"""Formulas of the notebooks as MathML, which browsers set without a script: the part of TeX that the papers need."""

import re
from collections.abc import Sequence
from html import escape, unescape

from ddet.errors import InputError

GREEK = {
    **{"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "theta": "θ", "lambda": "λ", "mu": "μ"},
    **{"sigma": "σ", "tau": "τ", "phi": "ϕ", "partial": "∂", "ell": "ℓ"},
}
SIGNS = {
    **{"cdot": "⋅", "odot": "⊙", "times": "×", "le": "≤", "ge": "≥", "in": "∈", "notin": "∉", "to": "→", "mid": "|"},
    **{"exists": "∃", "lVert": "‖", "rVert": "‖", "{": "{", "}": "}", "|": "|"},
}
SPACES = {"quad": "1em", ";": ".28em", ",": ".17em"}
NAMES = ("log", "ln", "exp")
BELOW = {"sum": "∑", "max": "max", "min": "min"}  # limits stand below and above
ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~"}
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\.\d+|[A-Za-z]|\s+|.", re.DOTALL)
MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$([^$\n<]+?)\$(?![\w$])", re.DOTALL)
CODE = re.compile(r"(<pre.*?</pre>|<code.*?</code>|<script.*?</script>)", re.DOTALL)


def typeset(body: str) -> str:
    """Replace `$$…$$` and `$…$` in a page, outside code, by MathML.

    Raises:
        InputError: a formula with a command that is not known here.
    """

    def formula(found: re.Match) -> str:
        tex = unescape(found[1] or found[2])
        return convert(tex, display=found[1] is not None)

    parts = CODE.split(body)
    return "".join(part if i % 2 else MATH.sub(formula, part) for i, part in enumerate(parts))


def convert(tex: str, display: bool = False) -> str:
    """Return a formula as a `math` element; its TeX stays with it as the words for those who copy it."""
    inner = _Parser(TOKEN.findall(tex.strip())).row(until=())
    kind = ' display="block"' if display else ""
    note = f'<annotation encoding="application/x-tex">{escape(tex.strip())}</annotation>'
    return f"<math{kind}><semantics><mrow>{inner}</mrow>{note}</semantics></math>"


class _Parser:
    """Read tokens from left to right; each method returns the MathML of what it has read."""

    def __init__(self, tokens: list[str]):
        self.tokens, self.at = tokens, 0

    def peek(self) -> str:
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def row(self, until: Sequence[str]) -> str:
        parts = []
        while (token := self.peek()) and token not in until:
            parts.append(self.scripted())
        return "".join(parts)

    def scripted(self) -> str:
        limits = self.peek()[1:] in BELOW and self.peek()[:1] == "\\"
        base, low, high = self.atom(), "", ""
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                low = self.argument()
            else:
                high = self.argument()
        kind = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
        if low and high:
            return f"<{kind[2]}>{base}{low}{high}</{kind[2]}>"
        name = kind[0] if low else kind[1]
        return f"<{name}>{base}{low or high}</{name}>" if low or high else base

    def argument(self) -> str:
        if self.peek() != "{":
            return self.atom()
        self.take()
        inner = self.row(until=("}",))
        self.take()
        return f"<mrow>{inner}</mrow>"

    def atom(self) -> str:
        token = self.peek()
        if token == "{":
            return self.argument()
        token = self.take()
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            return f"<mn>{token}</mn>"
        return f"<mi>{token}</mi>" if token.isalpha() else f"<mo>{escape('−' if token == '-' else token)}</mo>"

    def command(self, name: str) -> str:
        if name in GREEK:
            return f"<mi>{GREEK[name]}</mi>"
        if name in BELOW:
            return f"<mo>{BELOW[name]}</mo>"
        if name in NAMES:
            return f'<mi mathvariant="normal">{name}</mi>'
        if name in ACCENTS:
            return f"<mover>{self.argument()}<mo>{ACCENTS[name]}</mo></mover>"
        if name == "frac":
            return f"<mfrac>{self.argument()}{self.argument()}</mfrac>"
        if name in ("text", "mathrm"):
            return f"<mtext>{escape(self.raw())}</mtext>"
        if name == "mathcal":
            return f'<mi mathvariant="script">{escape(self.raw())}</mi>'
        if name in ("left", "right"):
            return f"<mo>{escape(self.take().lstrip(chr(92)))}</mo>"
        if name == "begin":
            return self.cases(self.raw())
        if name in SPACES:
            return f'<mspace width="{SPACES[name]}"/>'
        if name in SIGNS:
            return f"<mo>{escape(SIGNS[name])}</mo>"
        raise InputError(f"\\{name}", "a formula uses a command that pages cannot set", "add it to ddet.report.mathml")

    def raw(self) -> str:
        """Return the text in braces as it stands, spaces included."""
        self.take()
        end = self.tokens.index("}", self.at)
        text, self.at = "".join(self.tokens[self.at : end]), end + 1
        return text

    def cases(self, name: str) -> str:
        if name != "cases":
            raise InputError(name, "a formula uses an environment that pages cannot set", "use cases")
        lines, cells = [], []
        while True:
            cells.append(f"<mtd>{self.row(until=('&', chr(92) * 2, chr(92) + 'end'))}</mtd>")
            end = self.take()
            if end == "&":
                continue
            lines.append(f"<mtr>{''.join(cells)}</mtr>")
            cells = []
            if end == "\\end" or not end:
                self.raw()
                return f'<mrow><mo>{{</mo><mtable columnalign="left">{"".join(lines)}</mtable></mrow>'
