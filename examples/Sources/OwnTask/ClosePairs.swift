// A task of one's own: how many pairs of points are close to one another?
//
// One sample: the points (0.10, 0.20), (0.15, 0.30), (0.90, 0.80), (0.85, 0.75), (0.40, 0.95), of
// which two pairs are closer than 0.2, so the answer is 2.

import Autodiff
import Files
import Learning
import NeuralNetworks
import RelationNetworks
import Tensors

/// Sets of three to eight points in the unit square, and the number of close pairs, at most five.
enum ClosePairs: TaskFamily {
  struct Settings: Codable, Hashable, Sendable {
    var pairWidths = [32, 32]
    var readoutWidths = [32]
    var trainingSamples = 20_000
    var dataSeed: UInt64 = 1
  }

  struct Batch: Sendable {
    /// `[batch, 8, 2]`; what lies beyond a set's count is zero.
    let points: Tensor
    let counts: [Int]
    let labels: [Int32]
  }

  struct Model: LearningModel {
    let layout: ParameterLayout
    private let network: RelationNetwork

    init(_ settings: Settings) {
      var layout = ParameterLayout()
      network = RelationNetwork(
        "rn", objectFeatures: 2, questionFeatures: 0, pairWidths: settings.pairWidths,
        readoutWidths: settings.readoutWidths + [answerCount], in: &layout)
      self.layout = layout
    }

    func predict(_ batch: Batch, in pass: ForwardPass) -> Variable {
      let objects = ObjectSet(pass.tape.constant(batch.points), counts: batch.counts)
      return network(objects, question: nil, in: pass)
    }

    func loss(of logits: Variable, for batch: Batch, in pass: ForwardPass) -> Variable {
      logits.crossEntropy(labels: batch.labels)
    }

    func measure(_ logits: Variable, for batch: Batch) -> [Measurement] {
      let right = zip(logits.value.largestOfRows(), batch.labels).count { $0 == $1 }
      return [Measurement(sum: Double(right), weight: Double(batch.labels.count))]
    }
  }

  struct Task: LearningTask {
    let model: Model
    let facts: TaskFacts
    let dataSeed: UInt64

    /// A sample is a function of its number, so nothing is stored.
    func batch(_ draw: Draw) -> Batch {
      let sets = draw.samples.map { sample in
        var random = CounterRandom(
          seed: dataSeed, purpose: .generation,
          index: UInt64(draw.split.code) << 48 | UInt64(sample))
        let count = 3 + Int(random.integer(below: UInt32(capacity) - 2))
        return (0..<count).map { _ in (random.uniform(), random.uniform()) }
      }
      return Batch(
        points: Tensor(
          sets.flatMap { set in
            set.flatMap { [$0.0, $0.1] } + [Float](repeating: 0, count: 2 * (capacity - set.count))
          }, shape: [sets.count, capacity, 2]),
        counts: sets.map(\.count), labels: sets.map(closePairs))
    }
  }

  static let name = "close-pairs"
  static let summary = "How many pairs of points are close to one another?"
  static let models: [CatalogueEntry] = []
  static let presets = [
    Preset(
      "small", "Seconds on one core.", settings: Settings(),
      plan: TrainingPlan(
        steps: 400,
        learningRate: .cosine(rate: 3e-3, warmUpSteps: 20, totalSteps: 400, finalFraction: 0),
        batchSize: 64, replicas: 2, evaluationInterval: 200))
  ]
  static let capacity = 8
  static let answerCount = 6

  static func model(_ settings: Settings, data: DataSetIdentity?) -> Model { Model(settings) }

  static func facts(_ settings: Settings, data: DataSetIdentity?) -> TaskFacts {
    TaskFacts(
      layout: Model(settings).layout, metrics: [.accuracy()], selector: "accuracy",
      sampleCounts: [.training: settings.trainingSamples, .validation: 1_000, .test: 1_000])
  }

  static func open(_ settings: Settings, data: DataSetIdentity?, at place: DataPlace?) -> Task {
    Task(
      model: Model(settings), facts: facts(settings, data: data), dataSeed: settings.dataSeed)
  }

  static func trialBatch(for model: Model, count: Int, random: inout CounterRandom) -> Batch {
    let points = (0..<count * capacity * 2).map { _ in random.uniform() }
    return Batch(
      points: Tensor(points, shape: [count, capacity, 2]),
      counts: [Int](repeating: capacity, count: count),
      labels: (0..<count).map { _ in Int32(random.integer(below: UInt32(answerCount))) })
  }

  static func batch(
    for model: Model, from file: Safetensors, prefix: String
  ) throws(SafetensorsError) -> Batch {
    let points = try file.finiteTensor(prefix + "points")
    let labels = try file.integers(prefix + "target")
    return Batch(
      points: points, counts: [Int](repeating: points.shape[1], count: points.shape[0]),
      labels: labels.map { Int32($0) })
  }

  private static func closePairs(_ set: [(Float, Float)]) -> Int32 {
    var count = 0
    for (i, a) in set.enumerated() {
      for b in set[..<i] where (a.0 - b.0) * (a.0 - b.0) + (a.1 - b.1) * (a.1 - b.1) < 0.04 {
        count += 1
      }
    }
    return Int32(min(count, answerCount - 1))
  }
}
