// Where the two halves of the program meet: runs, and the papers' families of tasks.

import Learning
import RelationNetworks
import Training

/// Everything that this program can train or time.
let catalogue = Catalogue.relationNetworks
