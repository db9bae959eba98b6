// Parts of a model by the beginnings of their names: what is taken over and what stays as it is.

import Learning
import NeuralNetworks
import Tensors

extension LayoutEntry {
  /// Whether the name is a prefix or goes on with a dot after it: `conv.0.weight` is under `conv`.
  func isUnder(_ prefix: String) -> Bool { FrozenParameters([prefix]).contains(name) }
}

/// The parts of a model that training changes, as ranges of the flat vector of its values:
/// parameters, then statistics.
struct Trained: Hashable, Sendable {
  /// The positions of the parameters that gradients move, in order.
  let parameters: [Range<Int>]
  /// The positions of the other parameters.
  let frozenParameters: [Range<Int>]
  /// The positions of the statistics that are averaged.
  let statistics: [Range<Int>]

  /// All but what is under some prefixes.
  ///
  /// Throws if a prefix names nothing, or nothing is left to train.
  init(of layout: ParameterLayout, frozen prefixes: [String]) throws(TrainingError) {
    let all = layout.entries
    for prefix in prefixes where !all.contains(where: { $0.isUnder(prefix) }) {
      throw TrainingError(
        "Nothing in the model begins with \"\(prefix)\", which is to be frozen; there are "
          + "\(layout.firstNames).")
    }
    func isFrozen(_ entry: some LayoutEntry) -> Bool { prefixes.contains(where: entry.isUnder) }
    parameters = Self.joined(layout.parameters.filter { !isFrozen($0) }.map(\.range))
    frozenParameters = Self.joined(layout.parameters.filter { isFrozen($0) }.map(\.range))
    statistics = Self.joined(
      layout.statistics.filter { !isFrozen($0) }.map { statistic in
        let start = layout.parameterCount + statistic.range.lowerBound
        return start..<start + statistic.range.count
      })
    guard !parameters.isEmpty else {
      throw TrainingError("All parameters are frozen; leave some to train.")
    }
  }

  /// Ranges in order, those that touch made one.
  private static func joined(_ ranges: [Range<Int>]) -> [Range<Int>] {
    ranges.reduce(into: []) { joined, range in
      if let last = joined.last, last.upperBound == range.lowerBound {
        joined[joined.count - 1] = last.lowerBound..<range.upperBound
      } else {
        joined.append(range)
      }
    }
  }
}

extension ParameterLayout {
  /// The first parts of all names, once each, in words.
  fileprivate var firstNames: String {
    var names: [String] = []
    for parameter in parameters {
      let first = String(parameter.name.prefix { $0 != "." })
      if !names.contains(first) { names.append(first) }
    }
    return names.joined(separator: ", ")
  }
}

extension Origin {
  /// The origin of a run that takes over a version of another one.
  ///
  /// - Parameters:
  ///   - source: the version.
  ///   - layout: the model that begins with it.
  ///   - step: the step of the version in its run.
  ///   - prefix: the prefix of the names that are taken over; `nil` for all.
  /// - Throws: if there is nothing to take over, the model has something under the prefix that the
  ///   other one does not have, or a shape differs.
  public init(
    taking source: ParameterVector, into layout: ParameterLayout, step: Int, prefix: String? = nil
  ) throws(TrainingError) {
    let shared = try shared(source.layout, layout, under: prefix)
    try requireAll(source.layout, layout, under: prefix)
    self.init(digest: overlapDigest(of: shared, in: source), step: step, prefix: prefix)
  }
}

extension ParameterVector {
  /// Takes over what an origin names.
  mutating func take(_ origin: Origin, from source: ParameterVector?) throws(TrainingError) {
    guard let source else {
      throw TrainingError(
        "The experiment begins with step \(origin.step) of another run; say where that run is.")
    }
    let shared = try shared(source.layout, layout, under: origin.prefix)
    let found = overlapDigest(of: shared, in: source)
    guard found == origin.digest else {
      throw TrainingError(
        """
        The experiment begins with step \(origin.step) of another run, with the digest \
        \(origin.digest); what was found has other numbers (\(found)).
        """)
    }
    for pair in shared.parameters {
      parameters.copy(source.value(of: pair.theirs), to: pair.ours.range)
    }
    for pair in shared.statistics {
      statistics.copy(source.statistic(pair.theirs), to: pair.ours.range)
    }
  }
}

/// What two models have in common.
private struct Shared {
  var parameters: [(theirs: Parameter, ours: Parameter)] = []
  var statistics: [(theirs: Statistic, ours: Statistic)] = []
}

/// What of `theirs` is in `ours` under the same name, in our order.
private func shared(
  _ theirs: ParameterLayout, _ ours: ParameterLayout, under prefix: String?
) throws(TrainingError) -> Shared {
  func pairs<Entry: LayoutEntry>(
    _ theirs: [Entry], _ ours: [Entry]
  ) throws(TrainingError) -> [(theirs: Entry, ours: Entry)] {
    let named = Dictionary(uniqueKeysWithValues: theirs.map { ($0.name, $0) })
    var pairs: [(theirs: Entry, ours: Entry)] = []
    for own in ours where prefix.map(own.isUnder) ?? true {
      guard let their = named[own.name] else { continue }
      guard their.shape == own.shape else {
        throw TrainingError(
          """
          \(own.name) has the shape \(own.shape), but \(their.shape) in the run to begin with. \
          Name a prefix that leaves it out, or choose the same sizes.
          """)
      }
      pairs.append((their, own))
    }
    return pairs
  }
  let shared = Shared(
    parameters: try pairs(theirs.parameters, ours.parameters),
    statistics: try pairs(theirs.statistics, ours.statistics))
  guard !shared.parameters.isEmpty || !shared.statistics.isEmpty else {
    throw TrainingError(
      "The run to begin with has nothing that this model has"
        + (prefix.map { " under \"\($0)\"" } ?? "") + "; it has \(theirs.firstNames).")
  }
  return shared
}

/// Throws if `ours` has a parameter under the prefix that `theirs` does not have: it would begin
/// with random numbers, without a word.
private func requireAll(
  _ theirs: ParameterLayout, _ ours: ParameterLayout, under prefix: String?
) throws(TrainingError) {
  let known = Set(theirs.parameters.map(\.name))
  let missing = ours.parameters.filter { prefix.map($0.isUnder) ?? true }.map(\.name)
    .filter { !known.contains($0) }
  guard !missing.isEmpty else { return }
  let named = missing.prefix(4).joined(separator: ", ") + (missing.count > 4 ? ", …" : "")
  throw TrainingError(
    """
    The run to begin with does not have \(named). Choose the same layers (dropout counts as one), \
    or name with --take a prefix that both have; it has \(theirs.firstNames).
    """)
}

/// A hash of the names and numbers that are taken over.
private func overlapDigest(of shared: Shared, in source: ParameterVector) -> Digest {
  let names =
    shared.parameters.map { $0.ours.name + "\n" } + shared.statistics.map { $0.ours.name + "\n" }
  let start = Digest(of: names.joined().utf8)
  let parameters = shared.parameters.reduce(start) {
    $0.extended(by: source.value(of: $1.theirs))
  }
  return shared.statistics.reduce(parameters) { $0.extended(by: source.statistic($1.theirs)) }
}

extension Tensor {
  /// Copies another tensor's scalars over a range of this one's.
  fileprivate mutating func copy(_ source: Tensor, to range: Range<Int>) {
    withMutableScalars { scalars in
      source.withScalars {
        _ = UnsafeMutableBufferPointer(rebasing: scalars[range]).update(from: $0)
      }
    }
  }
}
