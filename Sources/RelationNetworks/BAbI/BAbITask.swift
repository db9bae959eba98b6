// bAbI as training sees it: ragged batches of words, and predictions that people can read.

import Autodiff
import Learning
import NeuralNetworks
import Tensors

/// Stories, questions about them, and a model that answers them.
public struct BAbITask: LearningTask {
  /// What answers.
  public let model: AnswerModel
  /// What is known without the data.
  public let facts: TaskFacts
  let settings: BAbI.Settings
  let details: BAbI.DataSetDetails
  let source: any BAbI.Source
  /// What each output stands for.
  private let outputs: [String]
  private let renaming: BAbI.Renaming?

  /// A task of the given parts.
  init(
    model: AnswerModel, facts: TaskFacts, settings: BAbI.Settings, details: BAbI.DataSetDetails,
    source: any BAbI.Source
  ) {
    self.model = model
    self.facts = facts
    self.settings = settings
    self.details = details
    self.source = source
    outputs = details.vocabulary.outputs(settings.answers)
    renaming = BAbI.Renaming(settings.augmentation, details.vocabulary, outputs: outputs)
  }

  /// The questions of a draw and what is told before them.
  public func batch(_ draw: Draw) throws -> AnswerBatch {
    var stories: [BAbI.Story] = []
    for (position, sample) in draw.samples.enumerated() {
      let row = self.row(of: sample, in: draw.split)
      var story = try source.story(row, in: draw.split, window: settings.window)
      if draw.split == .training, let renaming {
        var random = draw.random(at: position)
        story = renaming(story, random: &random)
      }
      // Tags count from the first.
      if settings.tags == .order { story.facts.reverse() }
      stories.append(story)
    }
    let categories = stories.map { story in settings.tasks.firstIndex(of: story.task) ?? 0 }
    return AnswerBatch(
      scene: BAbI.scene(of: stories),
      question: .words(WordIndices(filling: stories.map(\.question))),
      target: .labels(stories.map(\.answer)), categories: categories)
  }

  /// The place of a sample among all questions of its split, which may be of tasks that are not
  /// learnt.
  private func row(of sample: Int, in split: Split) -> Int {
    var rest = sample
    for task in settings.tasks {
      let count = details.questionCount(of: task, in: split)
      if rest < count {
        return rest + (1..<task).reduce(0) { $0 + details.questionCount(of: $1, in: split) }
      }
      rest -= count
    }
    preconditionFailure("bAbI: sample \(sample) of \(split.rawValue)")
  }

  /// The story as it was read, the question, the right answer, and the model's with its
  /// probability.
  public func exhibits(
    _ prediction: AnswerPrediction, for batch: AnswerBatch
  ) -> [[String: JSONValue]]? {
    guard case .story(let story, let counts?) = batch.scene,
      case .words(let asked) = batch.question,
      case .labels(let labels) = batch.target
    else { preconditionFailure("bAbI: a batch of another task") }
    let logits = prediction.logits
    let (probabilities, chosen) = (logits.softmax().value, logits.value.largestOfRows())
    let capacity = story.shape[1]
    return labels.indices.map { i in
      let sentences = (0..<counts[i]).map { text(of: i * capacity + $0, in: story) }
      let answer = Int(chosen[i])
      let share = answer < 0 ? .nan : probabilities.scalars[i * outputs.count + answer]
      return [
        "task": .string(BAbI.taskNames[settings.tasks[batch.categories[i]] - 1]),
        "story": .array(
          (settings.tags == .distance ? sentences.reversed() : sentences).map { .string($0) }),
        "question": .string(text(of: i, in: asked)),
        "truth": .string(outputs[Int(labels[i])]),
        "answer": answer < 0 ? .null : .string(outputs[answer]),
        "probability": share.isFinite ? .number(Double(share)) : .null,
      ]
    }
  }

  /// A sentence as people write it, up to capitals.
  private func text(of sentence: Int, in words: WordIndices) -> String {
    let start = sentence * words.shape[-1]
    let read = words.indices[start..<start + words.lengths[sentence]].map {
      $0 == 0 ? "(unknown)" : details.vocabulary.words[Int($0) - 1]
    }
    return read.enumerated().map { place, word in
      place == 0 || [".", "?", ","].contains(word) ? word : " " + word
    }.joined()
  }
}

extension BAbI {
  /// Stories side by side, `[batch, sentences, words]`, each with as many sentences as it has.
  static func scene(of stories: [Story]) -> AnswerBatch.Scene {
    let capacity = max(1, stories.map(\.facts.count).max() ?? 0)
    let words = WordIndices(
      filling: stories.flatMap { story in
        story.facts + [[Int32]](repeating: [], count: capacity - story.facts.count)
      })
    return .story(
      WordIndices(
        words.indices, shape: [stories.count, capacity, words.shape[1]], lengths: words.lengths),
      counts: stories.map(\.facts.count))
  }
}
