// Sort-of-CLEVR as training sees it: batches of tensors, and predictions that people can read.

import Autodiff
import Learning
import NeuralNetworks
import Pictures
import Tensors

extension SortOfCLEVR {
  /// A question and what it is about.
  struct AskedScene: Sendable {
    /// What a model is shown.
    enum View: Sendable {
      /// Objects whose features are known.
      case objects([Object])
      /// A picture of 75 x 75 pixels.
      case picture(RGBImage)
    }

    /// What is seen.
    let view: View
    /// What is asked about it.
    let question: Question
    /// The right answer.
    let answer: Answer
  }

  /// Where samples come from.
  protocol Source: Sendable {
    /// A sample of a split, for a model that sees pixels or for one that reads state descriptions.
    func askedScene(_ sample: Int, in split: Split, asPixels: Bool) throws -> AskedScene
  }
}

extension SortOfCLEVR.DataSet: SortOfCLEVR.Source {
  func askedScene(
    _ sample: Int, in split: Split, asPixels: Bool
  ) -> SortOfCLEVR.AskedScene {
    let sample = self.sample(sample, in: split)
    return SortOfCLEVR.AskedScene(
      view: .objects(sample.scene.objects), question: sample.question, answer: sample.answer)
  }
}

/// Sort-of-CLEVR and a model that answers its questions.
public struct SortOfCLEVRTask: LearningTask {
  /// What answers.
  public let model: AnswerModel
  /// What is known without the data.
  public let facts: TaskFacts
  /// Where the samples come from.
  let source: any SortOfCLEVR.Source

  /// The questions of a draw and their scenes.
  public func batch(_ draw: Draw) throws -> AnswerBatch {
    let pixels = if case .image = model.configuration.scene { true } else { false }
    let asked = try draw.samples.map {
      try source.askedScene($0, in: draw.split, asPixels: pixels)
    }
    let views = asked.map(\.view)
    return AnswerBatch(
      scene: pixels ? SortOfCLEVR.images(of: views) : SortOfCLEVR.states(of: views),
      question: .bits(
        SortOfCLEVR.rows(of: asked, shape: [SortOfCLEVR.Question.bitCount]) {
          $0.question.encode(into: $1)
        }),
      target: .labels(asked.map { Int32($0.answer.rawValue) }),
      categories: asked.map(\.question.kind.rawValue))
  }

  /// The question in words, the right answer, and what the model thinks of each answer.
  public func exhibits(
    _ prediction: AnswerPrediction, for batch: AnswerBatch
  ) -> [[String: JSONValue]]? {
    guard case .bits(let bits) = batch.question, case .labels(let labels) = batch.target else {
      preconditionFailure("Sort-of-CLEVR: a batch of another task")
    }
    let answers = SortOfCLEVR.Answer.allCases
    let logits = prediction.logits
    let (probabilities, chosen) = (logits.softmax().value, logits.value.largestOfRows())
    let (width, bitCount) = (answers.count, SortOfCLEVR.Question.bitCount)
    return labels.indices.map { i in
      let shares = probabilities.window(from: i * width, shape: [width]).scalars
      let question = SortOfCLEVR.Question(
        bits: bits.window(from: i * bitCount, shape: [bitCount]).scalars)
      return [
        "category": .string(SortOfCLEVR.Kind.allCases[batch.categories[i]].name),
        "question": question.map { .string($0.text) } ?? .null,
        "truth": .string(answers[Int(labels[i])].name),
        "answer": chosen[i] < 0 ? .null : .string(answers[Int(chosen[i])].name),
        "probabilities": .object(
          Dictionary(
            uniqueKeysWithValues: zip(answers, shares).map {
              ($0.name, $1.isFinite ? .number(Double($1)) : .null)
            })),
      ]
    }
  }
}

extension SortOfCLEVR {
  /// A tensor with a part of the given shape for each of several things.
  fileprivate static func rows<Element>(
    of elements: [Element], shape: Shape,
    write: (Element, UnsafeMutableBufferPointer<Float>) -> Void
  ) -> Tensor {
    Tensor(shape: Shape([elements.count] + shape.dimensions)) { scalars in
      for (i, element) in elements.enumerated() {
        let part = scalars[i * shape.count..<(i + 1) * shape.count]
        write(element, UnsafeMutableBufferPointer(rebasing: part))
      }
    }
  }

  /// Images, `[batch, 3, 75, 75]`.
  fileprivate static func images(of views: [AskedScene.View]) -> AnswerBatch.Scene {
    .image(
      rows(of: views, shape: [3, imageExtent, imageExtent]) { view, pixels in
        switch view {
        case .objects(let objects): render(objects, into: pixels)
        case .picture(let picture): render(picture, into: pixels)
        }
      })
  }

  /// State descriptions, `[batch, 6, 10]`, and how many of the six objects each scene has.
  fileprivate static func states(of views: [AskedScene.View]) -> AnswerBatch.Scene {
    let sets = views.map { view -> [Object] in
      guard case .objects(let objects) = view else {
        preconditionFailure("Sort-of-CLEVR: a picture for a model that reads states")
      }
      return objects
    }
    let counts = sets.map(\.count)
    return .objects(
      rows(of: sets, shape: [objectCount, featureCount]) { describe($0, into: $1) },
      counts: counts.allSatisfy { $0 == objectCount } ? nil : counts)
  }
}
