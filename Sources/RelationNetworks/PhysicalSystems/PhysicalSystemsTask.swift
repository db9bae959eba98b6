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
  /// Where the samples come from.
  let source: any PhysicalSystems.Source

  /// The scenes of a draw, the balls of each in the order of their colours.
  ///
  /// A relation network knows no order of its objects: logit (i, j) is about the balls of colours i
  /// and j, and the colour is how it knows a ball. So that the perceptron is asked nothing harder,
  /// rows stand in that order.
  public func batch(_ draw: Draw) throws -> AnswerBatch {
    let samples = try draw.samples.map { try source.sample($0, in: draw.split) }
    let rowCount = Systems.ballCount * settings.featureCount
    let rows = Tensor(shape: [samples.count, Systems.ballCount, settings.featureCount]) {
      for (index, sample) in samples.enumerated() {
        let part = $0[index * rowCount..<(index + 1) * rowCount]
        settings.writeRows(of: sample, into: UnsafeMutableBufferPointer(rebasing: part))
      }
    }
    switch settings.task {
    case .connections:
      let kinds = samples.flatMap(\.kindsByColor)
      // A ball and itself are no pair.
      let categories = kinds.map { $0.map { Int($0.rawValue) } ?? -1 }
      let truths = kinds.map { $0 == nil || $0 == PhysicalSystems.LinkKind.none ? 0 : 1 as Float }
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

  /// Which balls are joined, by their colours, or how many systems there are: the truth, and what
  /// the model thinks.
  public func exhibits(
    _ logits: Variable, for batch: AnswerBatch
  ) -> [[String: JSONValue]]? {
    switch batch.target {
    case .labels(let labels): exhibits(logits, counts: labels)
    case .truths(let truths): exhibits(logits, links: truths)
    }
  }

  private func exhibits(_ logits: Variable, counts: [Int32]) -> [[String: JSONValue]] {
    let (probabilities, chosen) = (logits.softmax().value, logits.value.largestOfRows())
    let width = Systems.ballCount
    return counts.indices.map { sample in
      let shares = probabilities.window(from: sample * width, shape: [width]).scalars
      return [
        "truth": .integer(Int(counts[sample]) + 1),
        "answer": chosen[sample] < 0 ? .null : .integer(Int(chosen[sample]) + 1),
        "probabilities": .object(
          Dictionary(
            uniqueKeysWithValues: shares.enumerated().map {
              ("\($0 + 1)", $1.isFinite ? .number(Double($1)) : .null)
            })),
      ]
    }
  }

  private func exhibits(_ logits: Variable, links truths: Tensor) -> [[String: JSONValue]] {
    let balls = Systems.ballCount
    let probabilities = logits.sigmoid().value
    return (0..<truths.shape[0]).map { sample in
      let rows = (sample * balls * balls, Shape([balls * balls]))
      let truth = truths.window(from: rows.0, shape: rows.1).scalars
      let shares = probabilities.window(from: rows.0, shape: rows.1).scalars
      var joined: [JSONValue] = []
      var answered: [JSONValue] = []
      for i in 0..<balls {
        for j in i + 1..<balls {
          let (there, back) = (shares[i * balls + j], shares[j * balls + i])
          let pair = [JSONValue.integer(i), .integer(j)]
          if truth[i * balls + j] > 0.5 { joined.append(.array(pair)) }
          guard there > 0.5 || back > 0.5 else { continue }
          // Both logits are about the same pair, and need not agree.
          answered.append(.array(pair + [.number(Double(there)), .number(Double(back))]))
        }
      }
      let isRight = zip(truth, shares).allSatisfy { $1.isFinite && ($0 > 0.5) == ($1 > 0.5) }
      return ["truth": .array(joined), "answer": .array(answered), "right": .boolean(isRight)]
    }
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
}
