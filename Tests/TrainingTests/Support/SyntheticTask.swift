// A task small enough to train in milliseconds: made-up points, and a model of two layers.

import Autodiff
import Learning
import NeuralNetworks
import Tensors
import Training

/// Points in three dimensions, to be told apart by their largest coordinate.
///
/// The model has parameters, statistics and, when it is wide, more scalars than fit into one chunk.
struct SyntheticModel: LearningModel {
  struct Batch: Sendable {
    let points: Tensor
    let labels: [Int32]
    let categories: [Int]
  }

  static let inputs = 3
  static let metrics: [Metric] = [
    .accuracy("easy", "near"), .accuracy("hard", "far"), .accuracy("hard", "farther"),
  ]

  let layout: ParameterLayout
  private let hidden: Linear
  private let normalization: BatchNormalization
  private let output: Linear

  init(width: Int = 4) {
    var layout = ParameterLayout()
    hidden = Linear("hidden", from: Self.inputs, to: width, in: &layout)
    normalization = BatchNormalization("normalization", channels: width, in: &layout)
    output = Linear("output", from: width, to: Self.inputs, in: &layout)
    self.layout = layout
  }

  func predict(_ batch: Batch, in pass: ForwardPass) -> Variable {
    let points = pass.tape.constant(batch.points)
    return output(normalization(hidden(points, in: pass), in: pass).relu(), in: pass)
  }

  func loss(of prediction: Variable, for batch: Batch, in pass: ForwardPass) -> Variable {
    prediction.crossEntropy(labels: batch.labels)
  }

  func measure(_ prediction: Variable, for batch: Batch) -> [Measurement] {
    var measurements = [Measurement](repeating: .nothing, count: Self.metrics.count)
    let scalars = prediction.value.scalars
    for (row, label) in batch.labels.enumerated() {
      let answer = Self.largest(of: scalars[row * Self.inputs..<(row + 1) * Self.inputs])
      measurements[batch.categories[row]] +=
        Measurement(sum: answer == label ? 1 : 0, weight: 1)
    }
    return measurements
  }

  static func largest(of scalars: ArraySlice<Float>) -> Int32 {
    var best = scalars.startIndex
    for i in scalars.indices where scalars[i] > scalars[best] { best = i }
    return Int32(best - scalars.startIndex)
  }
}

/// The model with points that are made up.
struct SyntheticTask: LearningTask {
  let model: SyntheticModel
  let facts: TaskFacts

  static let trainingCount = 60

  init(width: Int = 4, validationCount: Int = 450) {
    model = SyntheticModel(width: width)
    let guessing: [MetricPath: Measurement] = [
      "accuracy/easy/near": Measurement(sum: 1, weight: 4),
      "accuracy/hard/far": Measurement(sum: 2, weight: 4),
    ]
    facts = TaskFacts(
      layout: model.layout, metrics: SyntheticModel.metrics, selector: .accuracy,
      baselines: [Baseline("guessing", [.validation: guessing, .test: guessing])],
      sampleCounts: [
        .training: Self.trainingCount, .validation: validationCount, .test: 230,
      ])
  }

  var layout: ParameterLayout { model.layout }

  func batch(_ draw: Draw) -> SyntheticModel.Batch {
    let drawn = draw.samples.map { sample -> [Float] in
      let stream = (Split.allCases.firstIndex(of: draw.split) ?? 0) << 20 | sample
      var random = CounterRandom(seed: 11, purpose: .trial, index: UInt64(stream))
      return (0..<SyntheticModel.inputs).map { _ in random.uniform(in: -1..<1) }
    }
    return SyntheticModel.Batch(
      points: Tensor(
        drawn.flatMap { $0 }, shape: [draw.samples.count, SyntheticModel.inputs]),
      labels: drawn.map { SyntheticModel.largest(of: $0[...]) },
      categories: draw.samples.map { $0 % 3 })
  }
}

/// The choice of the synthetic task with a model of some width.
func syntheticChoice(width: Int = 4) -> TaskChoice {
  TaskChoice(
    family: "synthetic", preset: "small", settings: .object(["width": .integer(width)]))
}

/// A step of a few samples that anybody can compute.
func syntheticExperiment(
  steps: Int = 6, replicas: Int = 4, evaluationInterval: Int = 3, width: Int = 4,
  seed: UInt64 = 3, clipping: GradientClipping? = nil, frozen: [String] = []
) -> Experiment {
  Experiment(
    task: syntheticChoice(width: width), frozen: frozen, seed: seed, replicas: replicas,
    batchSize: 5, steps: steps, learningRate: .constant(rate: 0.01), clipping: clipping,
    evaluationInterval: evaluationInterval)
}

/// Builds the task that `syntheticExperiment` describes.
@Sendable func buildSyntheticTask(_ experiment: Experiment) throws -> any LearningTask {
  guard experiment.task.family == "synthetic",
    case .integer(let width)? = experiment.task.settings.value(at: ["width"])
  else { throw TrainingError("This is not the synthetic task.") }
  return SyntheticTask(width: width)
}
