"""Our systems of the benchmarks that run on a GPU."""

from binmorph.bench.workloads import kinds


def test_networks_layers_and_an_opening_take_part() -> None:
    for kind, work in (
        ("network", {"name": "BiSEL", "network": "bisel_classifier"}),
        ("binary_conv2d", {"name": "L", "channels": 64, "outputs": 32, "size": 6}),
        ("binary_dense", {"name": "L", "features": 100, "outputs": 64}),
        ("morphology", {"operation": "opening", "element": "cross3", "size": 70}),
    ):
        case = kinds()[kind](**work).case(1, 1)
        others = {other.name: other.why for other in case.others}
        assert "binmorph-cuda" in {system.name for system in case.systems}, others.get("binmorph-cuda")
