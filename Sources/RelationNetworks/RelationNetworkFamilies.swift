// Everything of the papers that can be trained or timed: the one list of all families.

import Learning

extension Catalogue {
  /// The families of the relation network's papers.
  public static let relationNetworks = Catalogue([
    SortOfCLEVRFamily.self, CLEVRFamily.self, BAbIFamily.self, PhysicalSystemsFamily.self,
    CLUTRRFamily.self,
  ])
}
