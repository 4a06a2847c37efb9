"""What reading and predicting need of a workspace and of a text run: the reader, its cache, the expert."""

import logging

import numpy as np

from catalog.files.arrays import ArraySpec, load_arrays
from catalog.files.gpu import gpus_are_hidden, has_nvidia_gpu
from catalog.probabilities import Probabilities
from catalog.runs.run import Run
from catalog.runs.training_data import TrainingData
from catalog.runs.workspace import Workspace
from catalog.tree.taxonomy import Taxonomy
from ocr.cache import TranscriptCache
from ocr.config import OcrConfig
from ocr.details import OcrDetails
from ocr.engines.registry import make_engine
from ocr.expert import TextBranch, TextExpert
from ocr.host_cache import transcripts_of
from ocr.reader import PhotoReader
from ocr.route import Route, category_leaves
from text.model import TextModel

log = logging.getLogger(__name__)


def config_here(run: Run) -> OcrConfig:
    """A text run's configuration, on whichever machine it is used: `cuda` is the training machine's where none is here.

    The networks that read are the same.
    """
    config = run.config(OcrConfig)
    if config.engine.backend != "cuda" or (has_nvidia_gpu() and not gpus_are_hidden()):
        return config
    log.warning("%s was trained where a GPU reads, and there is none here: the processor reads", run.folder)
    return config.model_copy(update={"engine": config.engine.model_copy(update={"backend": "auto"})})


def labelled_data(workspace: Workspace, photo: Probabilities) -> TrainingData:
    """What the text branch learns from under the workspace's plan, routed by the image branch's held-out probabilities.

    Raises:
        ValueError: `photo` of another plan or tree.
    """
    data = TrainingData.of(workspace)
    if (photo.plan, photo.taxonomy) != (data.plan.plan_id, data.tree.fingerprint):
        raise ValueError("the photo probabilities were made under another plan or tree: run `mosaic train` again")
    return data


def make_reader(config: OcrConfig, workspace: Workspace) -> PhotoReader:
    """A reader with the workspace's transcript cache, which is made when something is first read.

    Raises:
        EngineMissing: the engine is not installed.
    """
    # what one command has read, the others need not read again
    cache = transcripts_of(workspace.folder)
    return PhotoReader(make_engine(config.engine), cache, batch_size=config.batch_size)


def existing_cache(config: OcrConfig, workspace: Workspace) -> tuple[TranscriptCache, str]:
    """The workspace's transcript cache, and the settings under which the configured engine keeps its transcripts.

    Raises:
        FileNotFoundError: nothing was read in this workspace yet.
    """
    cache = transcripts_of(workspace.folder)
    if not any(file.path.is_file() for file in (cache, *cache.others)):
        raise FileNotFoundError(f"{cache.path} does not exist: nothing was read in this workspace yet")
    return cache, make_engine(config.engine).settings


def load_branch(run: Run, reader: PhotoReader) -> TextBranch:
    """The deployed text branch of a run folder.

    Raises:
        ValueError: damaged files. EncoderMissing: it was trained with an encoder that is not installed here.
    """
    model = TextModel.load(run.folder / "text-model")
    frequency = load_arrays(
        run.folder / "frequency.safetensors",
        {"frequency": ArraySpec(np.float64, (len(model.classes_),), finite=True)},
        what="frequencies", remedy="run `ocr train` again", misfit="does not fit the text model beside it",
    )["frequency"]  # fmt: skip
    tree = run.taxonomy().fingerprint
    return TextBranch(model, reader, frequency, run.details_as(OcrDetails).k, tree, run.plan)


def load_expert(run: Run, tree: Taxonomy, workspace: Workspace) -> TextExpert:
    """The deployed text branch of a run folder as an expert; `workspace` holds what was read before."""
    config = config_here(run)
    route = Route(category_leaves(tree, config.categories), tree, run.details_as(OcrDetails).route_threshold)
    return TextExpert(load_branch(run, make_reader(config, workspace)), route)
