// Dynamic physical systems as training sees them: batches of tensors, and predictions to be read.

import Autodiff
import Learning
import NeuralNetworks
import Tensors

/// Dynamic physical systems and a model that answers one of the questions about them.
public struct PhysicalSystemsTask: LearningTask {
  private typealias Systems = PhysicalSystems

  /// What answers.
  public let model: PhysicalSystemsModel
  /// What is known without the data.
  public let facts: TaskFacts
  /// What is asked and how balls are described.
  let settings: PhysicalSystems.Settings
  /// The recorded motions that samples may be of.
  let sequences: [PhysicalSystems.MotionSequence]
  /// Where the samples come from.
  let source: any PhysicalSystems.Source

  /// The scenes of a draw, the balls of each in the order of their colours.
  ///
  /// A relation network knows no order of its objects: logit (i, j) is about the balls of colours i
  /// and j, and the colour is how it knows a ball. So that the perceptron is asked nothing harder,
  /// rows stand in that order.
  public func batch(_ draw: Draw) throws -> PhysicalSystemsBatch {
    var samples = try draw.samples.map { try source.sample($0, in: draw.split) }
    if draw.split == .training, settings.augmentation == .symmetries {
      for place in samples.indices {
        var random = draw.random(at: place)
        samples[place].vary(&random)
      }
    }
    let rowCount = Systems.ballCount * settings.featureCount
    let rows = Tensor(shape: [samples.count, Systems.ballCount, settings.featureCount]) {
      for (index, sample) in samples.enumerated() {
        let part = $0[index * rowCount..<(index + 1) * rowCount]
        settings.writeRows(of: sample, into: UnsafeMutableBufferPointer(rebasing: part))
      }
    }
    return PhysicalSystemsBatch(asked: asked(of: samples, rows), samples: samples)
  }

  private func asked(of samples: [PhysicalSystems.Sample], _ rows: Tensor) -> AnswerBatch {
    switch settings.task {
    case .connections:
      let kinds = samples.flatMap(\.kindsByColor)
      // A ball and itself are no pair.
      let categories = kinds.map { $0.map { Int($0.rawValue) } ?? -1 }
      let truths = categories.map { $0 > 0 ? 1 : 0 as Float }
      let shape: Shape = [samples.count, Systems.ballCount * Systems.ballCount]
      return AnswerBatch(
        scene: .objects(rows), question: .none, target: .truths(Tensor(truths, shape: shape)),
        categories: categories)
    case .counting:
      let labels = samples.map { Int32($0.links.systemCount - 1) }
      return AnswerBatch(
        scene: .objects(rows), question: .none, target: .labels(labels),
        categories: labels.map { Int($0) })
    }
  }

  /// Which balls are joined, by their colours or joints, or how many systems there are: the truth,
  /// and what the model thinks.
  public func exhibits(
    _ prediction: AnswerPrediction, for batch: PhysicalSystemsBatch
  ) -> [[String: JSONValue]]? {
    switch settings.task {
    case .connections:
      let probabilities = prediction.logits.sigmoid().value
      let width = Systems.ballCount * Systems.ballCount
      return batch.samples.enumerated().map { number, sample in
        exhibit(
          sample, probabilities.window(from: number * width, shape: [width]).scalars)
      }
    case .counting: return countExhibits(prediction.logits, for: batch.samples)
    }
  }

  private func countExhibits(
    _ logits: Variable, for samples: [PhysicalSystems.Sample]
  ) -> [[String: JSONValue]] {
    let (probabilities, chosen) = (logits.softmax().value, logits.value.largestOfRows())
    let width = Systems.ballCount
    return samples.enumerated().map { number, sample in
      let shares = probabilities.window(from: number * width, shape: [width]).scalars
      return [
        "truth": .integer(sample.links.systemCount),
        "answer": chosen[number] < 0 ? .null : .integer(Int(chosen[number]) + 1),
        "probabilities": .object(
          Dictionary(
            uniqueKeysWithValues: shares.enumerated().map {
              ("\($0 + 1)", $1.isFinite ? .number(Double($1)) : .null)
            })),
      ]
    }
  }

  /// A scene and the pairs that are joined, each with what joins it, or said to be, each with what
  /// the model thinks of it from either side.
  private func exhibit(
    _ sample: PhysicalSystems.Sample, _ shares: [Float]
  ) -> [String: JSONValue] {
    let colors = sample.colors
    func share(_ first: Int, _ second: Int) -> Float {
      shares[colors[first] * Systems.ballCount + colors[second]]
    }
    func joined(_ isSaid: (Int, Int) -> Bool) -> [(Int, Int)] {
      (0..<Systems.ballCount).flatMap { first in
        (first + 1..<Systems.ballCount).filter { isSaid(first, $0) }.map { (first, $0) }
      }
    }
    let truth = sample.links.list.map { link in
      [name(link.first, in: sample), name(link.second, in: sample), .string(link.kind.name)]
    }
    // Both logits are about the same pair, and need not agree.
    let answer = joined { share($0, $1) > 0.5 || share($1, $0) > 0.5 }.map { first, second in
      [name(first, in: sample), name(second, in: sample)]
        + [share(first, second), share(second, first)].map { JSONValue.number(Double($0)) }
    }
    var members: [String: JSONValue] = [
      "truth": .array(truth.map { .array($0) }), "answer": .array(answer.map { .array($0) }),
      "right": .boolean(
        zip(sample.kindsByColor, shares).allSatisfy { kind, share in
          share.isFinite && (share > 0.5) == (kind.map { $0 != .none } ?? false)
        }),
    ]
    members["places"] = .array(
      (0..<Systems.ballCount).map { ball in
        .object(["name": name(ball, in: sample), "path": .array(sample.path(ofBall: ball))])
      })
    if let origin = sample.origin {
      members["sequence"] = .string(sequences[origin.sequence].name)
      members["start"] = .integer(origin.start)
    }
    return members
  }

  /// A ball by its joint, or by its colour.
  private func name(_ ball: Int, in sample: PhysicalSystems.Sample) -> JSONValue {
    guard let origin = sample.origin else { return .integer(sample.colors[ball]) }
    return .string(sequences[origin.sequence].joints[origin.joints[ball]])
  }
}

extension PhysicalSystems.Sample {
  /// What joins the balls of each two colours, row by row; `nil` for a ball and itself.
  fileprivate var kindsByColor: [PhysicalSystems.LinkKind?] {
    let balls = ballsByColor
    return balls.flatMap { first in
      balls.map { second in first == second ? nil : links[first, second] }
    }
  }

  /// The places of a ball, frame by frame.
  fileprivate func path(ofBall ball: Int) -> [JSONValue] {
    (0..<PhysicalSystems.frameCount).map { frame in
      .array(
        (0..<2).map { axis in
          .number(Double(position(ofBall: ball, at: frame, axis: axis)))
        })
    }
  }
}
