"""The end-to-end run of SkyPilot is a target of its own."""


def pytest_collection_modifyitems(config, items):
    """Leave the tests marked `skypilot` out unless `-m` asks for them by that name."""
    if "skypilot" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("skypilot")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
