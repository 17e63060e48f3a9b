"""Demo data: a year of believable expenses of one user."""


def load() -> None:
    """Create what is missing; safe to repeat after an interruption."""


if __name__ == "__main__":
    load()
