"""The verbs: each is one plain function from a request to a report, usable without the command line."""

from migrator.commands.apply import apply
from migrator.commands.plan import plan
from migrator.commands.request import Request
from migrator.commands.scan import scan
from migrator.commands.verify import verify
from migrator.model.inventory import counts
from migrator.model.report import Report

__all__ = ["Report", "Request", "apply", "counts", "plan", "scan", "verify"]
