"""A queue of events in the files of a folder, for modules whose queue starts on this server's disk."""

from owa.queues.files.copied import COPIED, CopiedFile, open_copied_file
from owa.queues.files.folder import Folder
from owa.queues.files.queue import FileQueue, open_files

__all__ = ["COPIED", "CopiedFile", "FileQueue", "Folder", "open_copied_file", "open_files"]
