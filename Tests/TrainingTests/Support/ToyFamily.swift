// A family with all that the synthetic task lacks: data on disk, ragged sets, augmentation, a
// metric that is no accuracy, and an inner loop along a gradient.

import Autodiff
import Files
import Foundation
import Learning
import NeuralNetworks
import Tensors

import struct Learning.Measurement

/// Sets of points in the plane, as a file holds them: from three to seven of them, and where their
/// farthest corner is.
struct ToyData: Codable, Hashable, Sendable {
  /// The points of each sample of a split, by the split's name.
  var sets: [String: [[[Float]]]]

  /// Made-up sets.
  init(seed: UInt64, counts: [Split: Int] = [.training: 40, .validation: 23, .test: 12]) {
    sets = [:]
    for (split, count) in counts {
      sets[split.rawValue] = (0..<count).map { sample in
        var random = CounterRandom(
          seed: seed, purpose: .generation, index: UInt64(split.code) << 32 | UInt64(sample))
        return (0..<3 + Int(random.integer(below: 5))).map { _ in
          [random.uniform(in: -1..<1), random.uniform(in: -1..<1)]
        }
      }
    }
  }

  /// Writes the file of a place, which is a directory of its own.
  func write(to place: DataPlace) throws {
    try FileManager.default.createDirectory(
      atPath: place.path, withIntermediateDirectories: true)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try encoder.encode(self).write(to: Self.file(in: place))
  }

  /// What the file of a place is.
  static func identity(of place: DataPlace) throws -> DataSetIdentity {
    let content = try Data(contentsOf: file(in: place))
    let data = try JSONDecoder().decode(ToyData.self, from: content)
    return DataSetIdentity(
      name: "toy", version: "1", counts: data.sets.mapValues(\.count),
      fingerprint: Digest(of: content))
  }

  static func file(in place: DataPlace) -> URL {
    URL(fileURLWithPath: place.path + "/sets.json")
  }
}

/// The settings of the toy family.
struct ToySettings: Codable, Hashable, Sendable {
  /// The features of a set.
  var width = 8
  /// The steps of the inner loop.
  var innerSteps = 2
}

/// Guesses a point from a set, and moves it until it has the features of the set.
struct ToyModel: LearningModel {
  struct Batch: Sendable {
    /// `[batch, n, 2]`, zero beyond a set's end.
    let points: Tensor
    /// The points of each set.
    let counts: [Int]
    /// `[batch, 2]`: the greatest coordinates, before augmentation moved the points.
    let targets: Tensor
  }

  let layout: ParameterLayout
  private let settings: ToySettings
  private let encoder: Linear
  private let guess: Linear
  private let energy: Linear

  init(_ settings: ToySettings) {
    self.settings = settings
    var layout = ParameterLayout()
    encoder = Linear("encoder", from: 2, to: settings.width, in: &layout)
    guess = Linear("guess", from: settings.width, to: 2, in: &layout)
    energy = Linear("energy", from: 2, to: settings.width, in: &layout)
    self.layout = layout
  }

  func predict(_ batch: Batch, in pass: ForwardPass) -> Variable {
    let (count, length) = (batch.counts.count, batch.points.shape[1])
    let shares = batch.counts.flatMap { size in
      (0..<length).map { $0 < size ? 1 / Float(size) : 0 }
    }
    let encoded = encoder(pass.tape.constant(batch.points), in: pass).tanh()
    let features = (encoded * pass.tape.constant(Tensor(shares, shape: [count, length, 1])))
      .sum(axes: [1])
    var point = guess(features, in: pass)
    for _ in 0..<settings.innerSteps {
      point = point.innerStep(recording: pass.isTraining) { point in
        let distance = energy(point, in: pass).tanh().squaredErrorSum(features)
        let slope = gradient(
          of: distance, withRespectTo: [point], recording: pass.isTraining)
        return point - 0.2 * slope[0]
      }
    }
    return point
  }

  func loss(of prediction: Variable, for batch: Batch, in pass: ForwardPass) -> Variable {
    prediction.squaredErrorMean(pass.tape.constant(batch.targets))
  }

  func measure(_ prediction: Variable, for batch: Batch) -> [Measurement] {
    let errors = zip(prediction.value.scalars, batch.targets.scalars).map {
      Double(($0 - $1) * ($0 - $1))
    }
    return [
      Measurement(sum: errors.reduce(0, +), weight: Double(errors.count)),
      Measurement(sum: Double(batch.counts.reduce(0, +)), weight: Double(batch.counts.count)),
    ]
  }
}

/// The model with the sets of a file.
struct ToyTask: LearningTask {
  let model: ToyModel
  let facts: TaskFacts
  private let data: ToyData

  fileprivate init(_ settings: ToySettings, _ identity: DataSetIdentity, _ data: ToyData)
    throws(CatalogueError)
  {
    model = try ToyFamily.model(settings, data: identity)
    facts = try ToyFamily.facts(settings, data: identity)
    self.data = data
  }

  func batch(_ draw: Draw) throws -> ToyModel.Batch {
    let sets = draw.samples.map { data.sets[draw.split.rawValue]?[$0] ?? [] }
    let length = sets.map(\.count).max() ?? 0
    let points = sets.enumerated().flatMap { position, set -> [Float] in
      var random = draw.random(at: position)
      let moved = set.joined().map { coordinate in
        draw.split == .training ? coordinate + 0.05 * random.normal() : coordinate
      }
      return moved + [Float](repeating: 0, count: 2 * (length - set.count))
    }
    let targets = sets.flatMap { set in
      (0..<2).map { axis in set.map { $0[axis] }.max() ?? 0 }
    }
    return ToyModel.Batch(
      points: Tensor(points, shape: [sets.count, length, 2]), counts: sets.map(\.count),
      targets: Tensor(targets, shape: [sets.count, 2]))
  }
}

/// A real family, as small as one can be.
enum ToyFamily: TaskFamily {
  static let name = "toy"
  static let summary = "Find the farthest corner of a set of points."
  static let models: [CatalogueEntry] = []
  static let presets = [
    Preset(
      "small", "a moment", settings: ToySettings(),
      plan: TrainingPlan(
        steps: 60, learningRate: .constant(rate: 0.02), batchSize: 5, replicas: 3,
        evaluationInterval: 20))
  ]
  static let evaluationSettings = ["innerSteps"]

  static func model(
    _ settings: ToySettings, data: DataSetIdentity?
  ) throws(CatalogueError) -> ToyModel {
    guard (1...512).contains(settings.width) else {
      throw CatalogueError("width must be from 1 to 512, not \(settings.width)")
    }
    return ToyModel(settings)
  }

  static func facts(
    _ settings: ToySettings, data: DataSetIdentity?
  ) throws(CatalogueError) -> TaskFacts {
    guard let data else { throw CatalogueError("the toy family learns from a file") }
    return TaskFacts(
      layout: try model(settings, data: data).layout,
      metrics: [
        Metric("error", better: .lower, unit: .number),
        Metric("points", better: .higher, unit: .number),
      ], selector: "error",
      sampleCounts: Dictionary(
        uniqueKeysWithValues: Split.allCases.map { ($0, data.sampleCount(of: $0)) }),
      evaluationPartSize: 9)
  }

  static func open(
    _ settings: ToySettings, data identity: DataSetIdentity?, at place: DataPlace?
  ) throws -> ToyTask {
    guard let identity, let place else { throw CatalogueError("say where the toy data is") }
    let content = try Data(contentsOf: ToyData.file(in: place))
    guard Digest(of: content) == identity.fingerprint else {
      throw CatalogueError(
        "\(place.path) holds another \(identity.name) than version \(identity.version)")
    }
    return try ToyTask(
      settings, identity, try JSONDecoder().decode(ToyData.self, from: content))
  }

  static func trialBatch(
    for model: ToyModel, count: Int, random: inout CounterRandom
  ) -> ToyModel.Batch {
    ToyModel.Batch(
      points: .zeros([count, 3, 2]), counts: Array(repeating: 3, count: count),
      targets: .zeros([count, 2]))
  }

  static func batch(
    for model: ToyModel, from file: Safetensors, prefix: String
  ) throws(SafetensorsError) -> ToyModel.Batch {
    throw SafetensorsError(file: file.file, tensor: prefix, "nobody writes toy batches")
  }
}

/// A data set of the toy family in a directory that vanishes with the test.
final class ToyPlace: Sendable {
  let place: DataPlace
  let identity: DataSetIdentity

  init(seed: UInt64 = 1) throws {
    place = DataPlace(path: NSTemporaryDirectory() + "toy-" + UUID().uuidString)
    try ToyData(seed: seed).write(to: place)
    identity = try ToyData.identity(of: place)
  }

  deinit { try? FileManager.default.removeItem(atPath: place.path) }
}
