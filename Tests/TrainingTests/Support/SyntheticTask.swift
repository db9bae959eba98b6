// A task small enough to train in milliseconds: made-up points, and a model of two layers.

import Autodiff
import Foundation
import NeuralNetworks
import Tensors
import Training

/// Points in three dimensions, to be told apart by their largest coordinate.
///
/// The model has parameters, statistics and, when it is wide, more scalars than fit into one chunk.
struct SyntheticTask: LearningTask {
  struct Batch: Sendable {
    let points: Tensor
    let labels: [Int32]
    let categories: [Int]
  }

  let layout: ParameterLayout
  let categories = [
    Category("near", in: "easy"), Category("far", in: "hard"), Category("farther", in: "hard"),
  ]
  private let hidden: Linear
  private let normalization: BatchNormalization
  private let output: Linear
  private let validationCount: Int

  static let trainingCount = 60
  static let inputs = 3

  init(width: Int = 4, validationCount: Int = 450) {
    var layout = ParameterLayout()
    hidden = Linear("hidden", from: Self.inputs, to: width, in: &layout)
    normalization = BatchNormalization("normalization", channels: width, in: &layout)
    output = Linear("output", from: width, to: Self.inputs, in: &layout)
    self.layout = layout
    self.validationCount = validationCount
  }

  func sampleCount(of split: Split) -> Int {
    switch split {
    case .training: Self.trainingCount
    case .validation: validationCount
    case .test: 230
    }
  }

  func batch(of samples: [Int], in split: Split) -> Batch {
    let drawn = samples.map { sample -> [Float] in
      let stream = (Split.allCases.firstIndex(of: split) ?? 0) << 20 | sample
      var random = CounterRandom(seed: 11, purpose: .trial, index: UInt64(stream))
      return (0..<Self.inputs).map { _ in random.uniform(in: -1..<1) }
    }
    return Batch(
      points: Tensor(drawn.flatMap { $0 }, shape: [samples.count, Self.inputs]),
      labels: drawn.map { largest(of: $0[...]) }, categories: samples.map { $0 % 3 })
  }

  func forward(_ batch: Batch, in pass: ForwardPass) -> Outcome {
    let points = pass.tape.constant(batch.points)
    let logits = output(normalization(hidden(points, in: pass), in: pass).relu(), in: pass)
    var correct = [0, 0, 0]
    var counted = [0, 0, 0]
    let scalars = logits.value.scalars
    for (row, label) in batch.labels.enumerated() {
      let answer = largest(of: scalars[row * Self.inputs..<(row + 1) * Self.inputs])
      counted[batch.categories[row]] += 1
      if answer == label { correct[batch.categories[row]] += 1 }
    }
    return Outcome(
      loss: logits.crossEntropy(labels: batch.labels), logits: logits, correct: correct,
      counted: counted)
  }

  func commonestAnswerAccuracy(in split: Split) -> [Double] { [0.25, 0.5, 0.375] }

  private func largest(of scalars: ArraySlice<Float>) -> Int32 {
    var best = scalars.startIndex
    for i in scalars.indices where scalars[i] > scalars[best] { best = i }
    return Int32(best - scalars.startIndex)
  }
}

/// A step of a few samples that anybody can compute.
func syntheticExperiment(
  steps: Int = 6, replicas: Int = 4, evaluationInterval: Int = 3, width: Int = 4,
  seed: UInt64 = 3, clipping: GradientClipping? = nil
) -> Experiment {
  Experiment(
    task: .object(["name": .string("synthetic"), "width": .integer(width)]), seed: seed,
    replicas: replicas, batchSize: 5, steps: steps, learningRate: .constant(rate: 0.01),
    clipping: clipping, evaluationInterval: evaluationInterval)
}

/// Builds the task that `syntheticExperiment` describes.
@Sendable func buildSyntheticTask(_ experiment: Experiment) throws -> any LearningTask {
  guard case .object(let fields) = experiment.task, case .integer(let width)? = fields["width"]
  else { throw TrainingError("This is not the synthetic task.") }
  return SyntheticTask(width: width)
}
