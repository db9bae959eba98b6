// CLEVR as training sees it: batches of tensors, and predictions that people can read.

import Autodiff
import Learning
import NeuralNetworks
import Tensors

/// CLEVR and a model that answers its questions.
public struct CLEVRTask: LearningTask {
  /// What answers.
  public let model: AnswerModel
  /// What is known without the data.
  public let facts: TaskFacts
  /// Where the samples come from.
  let source: any CLEVR.Source
  /// Whether training sees images moved and turned a little.
  let augments: Bool

  /// The questions of a draw and their scenes.
  public func batch(_ draw: Draw) throws -> AnswerBatch {
    let readsRows = if case .objects = model.configuration.scene { true } else { false }
    let isBlind = model.configuration.reasoning == .questionOnly
    let samples = try draw.samples.map {
      try source.sample($0, in: draw.split, withObjects: readsRows && !isBlind)
    }
    let scene =
      readsRows
      ? CLEVR.rows(of: samples.map(\.objects)) : try images(of: samples, draw)
    return AnswerBatch(
      scene: scene, question: .words(CLEVR.words(of: samples.map(\.words))),
      target: .labels(samples.map { Int32($0.answer) }),
      categories: samples.map(\.category.rawValue), names: samples.map(\.image))
  }

  /// The images of some samples, `[batch, 3, 128, 128]`, moved and turned if that is asked for.
  private func images(of samples: [CLEVR.Sample], _ draw: Draw) throws -> AnswerBatch.Scene {
    let extent = CLEVR.imageExtent
    let pictures = try samples.map { try source.picture(ofScene: $0.scene, in: draw.split) }
    let size = 3 * extent * extent
    return .image(
      Tensor(shape: [samples.count, 3, extent, extent]) { scalars in
        for (position, picture) in pictures.enumerated() {
          var movement = CLEVR.Movement.none
          if augments && draw.split == .training {
            var random = draw.random(at: position)
            movement = CLEVR.Movement(&random)
          }
          let part = scalars[position * size..<(position + 1) * size]
          movement.write(picture, into: UnsafeMutableBufferPointer(rebasing: part))
        }
      })
  }

  /// The question in words, the scene's image, the right answer, and what the model thinks of each
  /// answer.
  public func exhibits(
    _ prediction: AnswerPrediction, for batch: AnswerBatch
  ) -> [[String: JSONValue]]? {
    guard case .words(let words) = batch.question, case .labels(let labels) = batch.target else {
      preconditionFailure("CLEVR: a batch of another task")
    }
    let answers = CLEVR.Answer.all
    let logits = prediction.logits
    let (probabilities, chosen) = (logits.softmax().value, logits.value.largestOfRows())
    let (width, extent) = (CLEVR.answerCount, words.shape[1])
    return labels.indices.map { i in
      let shares = probabilities.window(from: i * width, shape: [width]).scalars
      let question = words.indices[i * extent..<i * extent + words.lengths[i]]
        .map { CLEVR.words[Int($0)] }
      // Nothing is ever answered by the spare output, but an untrained model may say it.
      let isAnswer = answers.indices.contains(Int(chosen[i]))
      return [
        "category": .string(CLEVR.Category.allCases[batch.categories[i]].name),
        "image": .string(batch.names[i]),
        "question": .string(question.joined(separator: " ")),
        "truth": .string(answers[Int(labels[i])].name),
        "answer": isAnswer ? .string(answers[Int(chosen[i])].name) : .null,
        "probabilities": .object(
          Dictionary(
            uniqueKeysWithValues: zip(answers, shares).map {
              ($0.name, $1.isFinite ? .number(Double($1)) : .null)
            })),
      ]
    }
  }
}

extension CLEVR {
  /// State descriptions, `[batch, objects, 18]`, as many objects as the largest scene has.
  fileprivate static func rows(of scenes: [[State]]) -> AnswerBatch.Scene {
    let counts = scenes.map(\.count)
    let extent = max(counts.max() ?? 0, 1)
    let rows = Tensor(shape: [scenes.count, extent, featureCount]) { scalars in
      scalars.update(repeating: 0)
      for (sample, objects) in scenes.enumerated() {
        for (position, object) in objects.enumerated() {
          let first = (sample * extent + position) * featureCount
          object.write(
            into: UnsafeMutableBufferPointer(rebasing: scalars[first..<first + featureCount]))
        }
      }
    }
    return .objects(rows, counts: counts)
  }

  /// Questions, `[batch, words]`, as many words as the longest has.
  fileprivate static func words(of questions: [[UInt8]]) -> WordIndices {
    let lengths = questions.map(\.count)
    let extent = max(lengths.max() ?? 0, 1)
    let indices = questions.flatMap { words in
      words.map { Int32($0) } + [Int32](repeating: 0, count: extent - words.count)
    }
    return WordIndices(indices, shape: [questions.count, extent], lengths: lengths)
  }
}
