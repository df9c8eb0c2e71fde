"""Which carrier of a route takes a chunk: a weighted choice, and who stands in for it."""

from outreach.settings import RouteSettings


def preference(route: RouteSettings, fraction: float) -> list[str]:
    """The route's carriers in the order to try; ``fraction`` in [0, 1) makes the choice.

    First one chosen by weight, then the others with weight, the heaviest first, then those of
    weight 0 as they are configured.
    """
    # sorting is stable: among equals the order of the configuration stands
    order = sorted(route.carriers, key=lambda name: -route.carriers[name])
    left = fraction * sum(route.carriers.values())
    for name, weight in route.carriers.items():
        if left < weight:
            order.remove(name)
            return [name, *order]
        left -= weight
    return order
