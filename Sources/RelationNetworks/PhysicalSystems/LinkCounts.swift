// How often what is true of scenes, and what is reached by knowing no more than that.

import Learning

extension PhysicalSystems {
  /// Counts of links and systems in the scenes of a split.
  struct LinkCounts: Codable, Hashable, Sendable {
    /// The scenes.
    private(set) var scenes = 0
    /// Those without any link.
    private(set) var unlinkedScenes = 0
    /// The ordered pairs of different balls by what joins them: none, spring, rigid.
    private(set) var pairs = [Int](repeating: 0, count: LinkKind.allCases.count)
    /// The scenes with 1, 2, … systems.
    private(set) var systems = [Int](repeating: 0, count: ballCount)

    /// Counts another scene.
    mutating func add(_ links: Links) {
      let list = links.list
      scenes += 1
      if list.isEmpty { unlinkedScenes += 1 }
      for link in list { pairs[Int(link.kind.rawValue)] += 2 }
      pairs[0] += ballCount * (ballCount - 1) - 2 * list.count
      systems[links.systemCount - 1] += 1
    }

    /// Whether the counts can be those of any scenes.
    var isSound: Bool {
      pairs.count == LinkKind.allCases.count && systems.count == ballCount
        && (pairs + systems + [scenes, unlinkedScenes]).allSatisfy { (0...1 << 48).contains($0) }
    }

    /// What is reached by always giving the same answer to a task.
    func baseline(of task: TaskName) -> [MetricPath: Measurement] {
      switch task {
      case .connections:
        var measurements = [
          wholeScenes.path: Measurement(sum: Double(unlinkedScenes), weight: Double(scenes))
        ]
        for kind in LinkKind.allCases {
          let count = Double(pairs[Int(kind.rawValue)])
          measurements[kind.metric.path] = Measurement(
            sum: kind == .none ? count : 0, weight: count)
        }
        return measurements
      case .counting:
        let most = systems.max() ?? 0
        let commonest = systems.firstIndex(of: most) ?? 0
        return Dictionary(
          uniqueKeysWithValues: systems.enumerated().map { index, count in
            (
              countMetrics[index].path,
              Measurement(sum: index == commonest ? Double(count) : 0, weight: Double(count))
            )
          })
      }
    }

    /// What always the same answer to a task reaches on each split.
    static func baseline(of task: TaskName, _ counts: [Split: LinkCounts]) -> Baseline {
      Baseline(
        task == .connections ? "nothing is linked" : "always the commonest count",
        counts.mapValues { $0.baseline(of: task) })
    }
  }
}

extension PhysicalSystems.Settings {
  /// The counts of the generated scenes, without simulating them: over the first 1,000 of the
  /// training split, or the first 10,000 of another.
  var generatedCounts: [Split: PhysicalSystems.LinkCounts] {
    let counts = Split.allCases.map { split in
      var counts = PhysicalSystems.LinkCounts()
      for index in 0..<min(scenes[split], split == .training ? 1_000 : 10_000) {
        counts.add(PhysicalSystems.Scene(seed: dataSeed, split: split, index: index).links)
      }
      return (split, counts)
    }
    return Dictionary(uniqueKeysWithValues: counts)
  }
}
