// Sort-of-CLEVR as training sees it: batches of tensors, and what a model makes of them.

import Autodiff
import NeuralNetworks
import Tensors

/// Sort-of-CLEVR and a model that answers its questions (section 5.3 and appendix D).
public struct SortOfCLEVRTask: LearningTask {
  /// Some questions with their scenes, as the model sees them.
  public struct Batch: Sendable {
    /// Images `[batch, 3, 75, 75]` or state descriptions `[batch, 6, 10]`.
    public let scenes: Tensor
    /// The bits of the questions, `[batch, 11]`.
    public let questions: Tensor
    /// The right answers, by class.
    public let labels: [Int32]
    /// The kind of each question, by its position among the categories.
    public let categories: [Int]
  }

  /// Where samples come from.
  public let dataSet: SortOfCLEVR.DataSet
  /// What answers.
  public let model: AnswerModel
  /// The model's parameters and statistics.
  public let layout: ParameterLayout
  /// The six kinds of question, in two groups.
  public let categories = SortOfCLEVR.Kind.allCases.map(\.category)

  /// A task of a data set and a model with eleven bits of question and ten answers.
  public init(dataSet: SortOfCLEVR.DataSet, model configuration: AnswerModelConfiguration) {
    precondition(
      configuration.question == .bits(SortOfCLEVR.Question.bitCount)
        && configuration.answerCount == SortOfCLEVR.Answer.allCases.count,
      "Sort-of-CLEVR: a model for other questions or answers")
    var layout = ParameterLayout()
    self.dataSet = dataSet
    model = AnswerModel(configuration, in: &layout)
    self.layout = layout
  }

  /// Twenty questions for each image of the split.
  public func sampleCount(of split: Split) -> Int { dataSet.sampleCount(of: split) }

  /// The given questions and their scenes, drawn and rendered.
  public func batch(of samples: [Int], in split: Split) -> Batch {
    let drawn = samples.map { dataSet.sample($0, in: split) }
    let bitCount = SortOfCLEVR.Question.bitCount
    return Batch(
      scenes: scenes(drawn.map(\.scene)),
      questions: Tensor(shape: [drawn.count, bitCount]) { scalars in
        for (i, sample) in drawn.enumerated() {
          let row = scalars[i * bitCount..<(i + 1) * bitCount]
          sample.question.encode(into: UnsafeMutableBufferPointer(rebasing: row))
        }
      },
      labels: drawn.map { Int32($0.answer.rawValue) },
      categories: drawn.map(\.question.kind.rawValue))
  }

  private func scenes(_ scenes: [SortOfCLEVR.Scene]) -> Tensor {
    let shape: [Int]
    let write: (SortOfCLEVR.Scene, UnsafeMutableBufferPointer<Float>) -> Void
    if case .image = model.configuration.scene {
      shape = [3, SortOfCLEVR.imageExtent, SortOfCLEVR.imageExtent]
      write = { $0.render(into: $1) }
    } else {
      shape = [SortOfCLEVR.objectCount, SortOfCLEVR.featureCount]
      write = { $0.describeState(into: $1) }
    }
    let count = shape.reduce(1, *)
    return Tensor(shape: Shape([scenes.count] + shape)) { scalars in
      for (i, scene) in scenes.enumerated() {
        write(scene, UnsafeMutableBufferPointer(rebasing: scalars[i * count..<(i + 1) * count]))
      }
    }
  }

  /// The softmax cross-entropy of the ten answers, and how many were right.
  public func forward(_ batch: Batch, in pass: ForwardPass) -> Outcome {
    let inputs = AnswerModelInputs(
      scene: .numbers(batch.scenes), question: .bits(batch.questions))
    let logits = model(inputs, in: pass)
    var correct = [Int](repeating: 0, count: categories.count)
    var counted = correct
    for (i, answer) in logits.value.largestOfRows().enumerated() {
      counted[batch.categories[i]] += 1
      if answer == batch.labels[i] { correct[batch.categories[i]] += 1 }
    }
    return Outcome(
      loss: logits.crossEntropy(labels: batch.labels), logits: logits, correct: correct,
      counted: counted)
  }

  /// The accuracy of always giving the commonest answer of each kind of question.
  public func commonestAnswerAccuracy(in split: Split) -> [Double] {
    dataSet.commonestAnswerAccuracy(in: split)
  }
}

extension Tensor {
  /// The column of the largest scalar of each row of a matrix; of several, the first.
  func largestOfRows() -> [Int32] {
    precondition(shape.rank == 2 && shape[1] > 0, "largest of rows: shape \(shape)")
    let width = shape[1]
    return withScalars { scalars in
      (0..<shape[0]).map { row in
        var best = row * width
        for i in best..<(row + 1) * width where scalars[i] > scalars[best] { best = i }
        return Int32(best - row * width)
      }
    }
  }
}
