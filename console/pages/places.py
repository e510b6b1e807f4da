"""Where somebody is led back to: never to another host, whatever a link or a form says. Pure."""


def place_of_ours(wanted: str, otherwise: str) -> str:
    """Give an address of ours that was asked for, or another where it is none."""
    # What begins with two slashes names another host.
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_ours else otherwise
