"""The pages' routes, gathered."""

from flask import Blueprint

from console.pages import login
from console.services import Services


def pages_blueprint(services: Services) -> Blueprint:
    """Make the routes of all pages."""
    blueprint = Blueprint("pages", __name__)
    for module in (login,):
        module.add_pages(blueprint, services)
    return blueprint
