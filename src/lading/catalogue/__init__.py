"""What searches have read, kept on this machine: safe to delete, rebuilt by itself.

Documents never change, so what one said is kept as rows that a filter can ask for. Which versions
a repository has and what its stages name is kept with a fingerprint, and is as old as the last look
at the registry. Nothing here asks a registry, and nothing here is the truth.
"""

from lading.catalogue.catalogue import Catalogue as Catalogue
from lading.catalogue.catalogue import using as using
from lading.catalogue.database import Damaged as Damaged
from lading.catalogue.flat import GROUPS as GROUPS
from lading.catalogue.flat import NAMES as NAMES
from lading.catalogue.flat import Facts as Facts
from lading.catalogue.flat import Measured as Measured
from lading.catalogue.flat import flatten as flatten
from lading.catalogue.flat import labels_in as labels_in
from lading.catalogue.flat import meant_in as meant_in
from lading.catalogue.flat import measured_in as measured_in
from lading.catalogue.state import KnownRepository as KnownRepository
from lading.catalogue.state import KnownVersion as KnownVersion
from lading.catalogue.state import Names as Names
from lading.catalogue.state import ReadVersion as ReadVersion
from lading.catalogue.state import RepositoryState as RepositoryState
from lading.catalogue.state import StagesKnown as StagesKnown
