// From what is seen and asked to objects and features.

import Autodiff
import NeuralNetworks
import Tensors

/// How a model sees a scene.
public enum Perception: Sendable {
  /// An image becomes the cells of its last feature map.
  case pixels(ConvolutionalEncoder)
  /// Rows of features are objects as they are.
  case rows
  /// Each sentence of a story becomes the state after its last word, with what an LSTM over the
  /// sentences makes of it, if there is one, and its position, one of `positions`.
  case sentences(SentenceReader, context: LSTM?, positions: Int)

  /// The objects of a batch of scenes.
  func objects(of scene: AnswerBatch.Scene, in pass: ForwardPass) -> ObjectSet {
    switch (self, scene) {
    case (.pixels(let encoder), .image(let images)):
      return ObjectSet(encoder(pass.tape.constant(images), in: pass))
    case (.rows, .objects(let rows, let counts)):
      return ObjectSet(pass.tape.constant(rows), counts: counts)
    case (.sentences(let reader, let context, let positions), .story(let story, let counts)):
      let (batch, sentences) = (story.shape[0], story.shape[1])
      precondition(sentences <= positions, "\(sentences) sentences for \(positions) positions")
      let tags = pass.tape.constant(Self.positionTags(sentences, of: positions))
        .broadcast(to: [batch, sentences, positions])
      let states = reader(story, in: pass)
      let lengths = counts ?? [Int](repeating: sentences, count: batch)
      let contexts = context.map { [$0.outputs(states, lengths: lengths, in: pass)] } ?? []
      return ObjectSet(
        .concatenate([states] + contexts + [tags], axis: 2), counts: counts)
    default:
      preconditionFailure("a scene of another kind than the model sees")
    }
  }

  /// A batch of scenes as rows of features, of which each has the same place in every scene:
  /// `[batch, features]`.
  ///
  /// There are at most `capacity` objects. The channels of an image come first and without
  /// coordinates.
  func features(
    of scene: AnswerBatch.Scene, capacity: Int, in pass: ForwardPass
  ) -> Variable {
    guard case .pixels(let encoder) = self, case .image(let images) = scene else {
      return objects(of: scene, in: pass).flattened(capacity: capacity)
    }
    let map = encoder.featureMap(pass.tape.constant(images), in: pass)
    return map.reshaped(to: [map.shape[0], map.shape.count / max(map.shape[0], 1)])
  }

  /// One-hot rows, `[sentences, positions]`.
  private static func positionTags(_ sentences: Int, of positions: Int) -> Tensor {
    Tensor(shape: [sentences, positions]) { scalars in
      scalars.initialize(repeating: 0)
      for i in 0..<sentences { scalars[i * positions + i] = 1 }
    }
  }
}

/// How a model takes a question.
enum QuestionReading: Sendable {
  /// The same is asked of every scene.
  case none
  /// Numbers are taken as they are.
  case bits
  /// Words become the state after the last.
  case words(SentenceReader)

  /// The features of a batch of questions, `[batch, features]`; `nil` if nothing is asked.
  func features(of question: AnswerBatch.Question, in pass: ForwardPass) -> Variable? {
    switch (self, question) {
    case (.none, .none): nil
    case (.bits, .bits(let bits)): pass.tape.constant(bits)
    case (.words(let reader), .words(let words)): reader(words, in: pass)
    default: preconditionFailure("a question of another kind than the model takes")
    }
  }
}
