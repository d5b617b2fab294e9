"""`application`, for WSGI servers that import their target: built from the ini file that `OWA_INI` names, with its
filters."""

import os

from pyramid.paster import get_app, setup_logging

from owa.app import INI
from owa.files import root_folder

_ini = str(root_folder() / os.environ.get(INI.environment_name, INI.default))
setup_logging(_ini)
application = get_app(_ini)
