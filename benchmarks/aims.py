"""Compare measured figures with their aims."""


class Aims:
    """The aims of a measurement; a benchmark exits with `exit_code`."""

    def __init__(self) -> None:
        self.exit_code = 0

    def check(
        self, name: str, value: float, at_most: float, *, noise: float = 0
    ) -> None:
        """Print a figure beside its aim, and set the exit code if it misses it.

        noise: the part by which the figure differs between runs; a figure above the
        aim by no more than that passes.
        """
        verdict = "met"
        if value > at_most:
            verdict = "within noise"
        if value > at_most * (1 + noise):
            verdict, self.exit_code = "MISSED", 1
        print(f"{name:<50}{value:>9.2f}  aim {at_most:>6g} ± {noise:.0%}  {verdict}")
