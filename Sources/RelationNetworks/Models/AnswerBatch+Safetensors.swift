// A batch from a file that another program may have written.

import Files
import NeuralNetworks
import Tensors

extension AnswerModel {
  /// The tensors of a batch, under `prefix`: `image` or `objects`, `question` if the model takes
  /// one, and `target`.
  ///
  /// `image` is `[batch, 3, h, w]` and `objects` `[batch, n, features]`, floating point; a story's
  /// `objects` are word indices `[batch, sentences, words]`. `question` is `[batch, bits]`,
  /// floating point, or word indices `[batch, words]`. `target` is `[batch]` classes, or `[batch,
  /// answers]` numbers from 0 to 1. Any number of words or objects that the model can take is
  /// allowed. Throws a `SafetensorsError` naming the tensor that is missing or does not fit.
  public func batch(
    from file: Safetensors, prefix: String = ""
  ) throws(SafetensorsError) -> AnswerBatch {
    let reader = BatchReader(file: file, prefix: prefix)
    let scene: AnswerBatch.Scene
    let batch: Int
    switch configuration.scene {
    case .image(let extent, _):
      let image = try reader.numbers("image", [nil, 3, extent, extent])
      (scene, batch) = (.image(image), image.shape[0])
    case .objects(let count, let features):
      let isFixed = configuration.reasoning == .perceptron
      let objects = try reader.numbers("objects", [nil, isFixed ? count : nil, features])
      (scene, batch) = (.objects(objects), objects.shape[0])
    case .story(let sentences, _, let language, _):
      let story = try reader.words(
        "objects", [nil, sentences, nil], below: language.vocabulary)
      (scene, batch) = (.story(story), story.shape[0])
    }
    let question: AnswerBatch.Question =
      switch configuration.question {
      case .none: .none
      case .bits(let count): .bits(try reader.numbers("question", [batch, count]))
      case .words(_, let language):
        .words(try reader.words("question", [batch, nil], below: language.vocabulary))
      }
    let target: AnswerBatch.Target =
      switch configuration.answers {
      case .labels(let count, _):
        .labels(try reader.words("target", [batch], below: count).indices)
      case .truths(let count, _, _): .truths(try reader.numbers("target", [batch, count]))
      }
    return AnswerBatch(scene: scene, question: question, target: target)
  }
}

/// Reads tensors of expected shapes; nil stands for any extent from 1 on.
struct BatchReader {
  let file: Safetensors
  let prefix: String

  func numbers(_ name: String, _ shape: [Int?]) throws(SafetensorsError) -> Tensor {
    try requireShape(name, shape)
    return try file.finiteTensor(prefix + name)
  }

  func words(
    _ name: String, _ shape: [Int?], below bound: Int
  ) throws(SafetensorsError) -> WordIndices {
    let found = try requireShape(name, shape)
    let indices = try file.integers(prefix + name)
    if let index = indices.first(where: { $0 < 0 || $0 >= bound }) {
      throw SafetensorsError(
        file: file.file, tensor: prefix + name, "it holds \(index), but must be below \(bound)")
    }
    return WordIndices(indices.map { Int32($0) }, shape: found)
  }

  @discardableResult
  private func requireShape(_ name: String, _ shape: [Int?]) throws(SafetensorsError) -> Shape {
    let name = prefix + name
    guard let found = file.entry(name)?.shape else {
      throw SafetensorsError(file: file.file, tensor: name, "the file has no tensor of this name")
    }
    let fits =
      found.rank == shape.count
      && zip(found.dimensions, shape).allSatisfy { $0 >= 1 && ($1 == nil || $0 == $1) }
    guard fits else {
      let expected = shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
      throw SafetensorsError(
        file: file.file, tensor: name, "its shape is \(found), but must be [\(expected)]")
    }
    return found
  }
}
