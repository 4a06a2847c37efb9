"""What the routes ask: one of each for the whole server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from fastapi import Request

from catalog.recently_used import RecentlyUsed
from catalog.runs.workspace import Workspace
from fusion.review.journal import Journal
from rayonnage.web.browsing.explanations import Explanations
from rayonnage.web.browsing.product_lists import ProductLists
from rayonnage.web.browsing.training_products import TrainingProducts
from rayonnage.web.browsing.tree_index import TreeIndex
from rayonnage.web.classifying.session_history import SessionHistories
from rayonnage.web.comparing.comparisons import Comparisons
from rayonnage.web.finding.similar_products import SimilarProducts
from rayonnage.web.fits.desk import FitDesk
from rayonnage.web.jobs.desk import JobDesk
from rayonnage.web.places import KnownPredictions
from rayonnage.web.reviewing.desks import Desks
from rayonnage.web.serving.served_model import ServedModel
from rayonnage.web.settings import ServerSettings

THUMBNAIL_BYTES = 64 * 2**20
"""Some five thousand photos of 480 pixels."""


@dataclass
class Services:
    """Everything that lives as long as the server.

    Attributes:
        model: what answers products.
    """

    settings: ServerSettings
    model: ServedModel

    @cached_property
    def predictions(self) -> KnownPredictions:
        """What was predicted, to be reviewed and looked through."""
        return KnownPredictions(self.workspace)

    @cached_property
    def thumbnails(self) -> RecentlyUsed[tuple[str, int], bytes]:
        """Photos that were made small before, by their MD5 and the longer side."""
        return RecentlyUsed(THUMBNAIL_BYTES, len)

    @cached_property
    def trees(self) -> TreeIndex:
        """The category tree, to be shown and searched."""
        return TreeIndex(self.workspace)

    @cached_property
    def product_lists(self) -> ProductLists:
        """Lists of predicted products, and what is counted in each place of the tree."""
        return ProductLists(self.workspace)

    @cached_property
    def explanations(self) -> Explanations:
        """Pictures of why a product is put where it is."""
        return Explanations()

    @cached_property
    def training_products(self) -> TrainingProducts:
        """The products that were learnt from."""
        return TrainingProducts(self.workspace)

    @cached_property
    def desks(self) -> Desks:
        """What waits for reviewers, and their answers."""
        return Desks(Journal(self.workspace))

    @cached_property
    def jobs(self) -> JobDesk:
        """Catalogues that were sent."""
        return JobDesk(self.workspace, self.model)

    @cached_property
    def fits(self) -> FitDesk:
        """Models that are trained from the page."""
        return FitDesk(self.workspace, self.jobs.store, self.model)

    @cached_property
    def histories(self) -> SessionHistories:
        """What each browser has classified."""
        return SessionHistories()

    @cached_property
    def comparisons(self) -> Comparisons:
        """Runs that were compared."""
        return Comparisons()

    @cached_property
    def similar(self) -> SimilarProducts:
        """The search for similar products."""
        return SimilarProducts(self.workspace, self.settings.limits, self.model.metrics)

    @classmethod
    def of(cls, settings: ServerSettings) -> Services:
        """All of them; nothing is loaded yet."""
        return cls(settings, ServedModel(settings))

    @cached_property
    def workspace(self) -> Workspace:
        """The folder that keeps plan, runs and reviews."""
        return Workspace(self.settings.workspace)

    def start(self) -> None:
        """Begin what takes time; the pages are shown meanwhile."""
        self.model.start()
        self.jobs.start()
        self.fits.start()

    def close(self) -> None:
        """End what was started."""
        self.fits.close()
        self.jobs.close()
        self.comparisons.close()
        self.similar.close()
        self.model.close()


async def services_of(request: Request) -> Services:
    """The server's services, for routes; not in a thread, which costs each request more than what is done here."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services
