// CLUTRR as training sees it: ragged batches of words, and answers that people can read.

import Autodiff
import Learning
import NeuralNetworks
import Tensors

/// Stories of families, and a model that says how two people of each are related.
public struct CLUTRRTask: LearningTask {
  /// What answers.
  public let model: CLUTRRModel
  /// What is known without the data.
  public let facts: TaskFacts
  private let relations: [String]
  private let stories: [Split: [NumberedStory]]

  /// A story in the model's numbers.
  private struct NumberedStory {
    /// The words of each sentence by number; people are below 0: the first is -1.
    let sentences: [[Int32]]
    let query: (first: Int, second: Int)
    let answer: Int32
    let category: Int
    let name: String
  }

  /// A task of the stories in a folder.
  ///
  /// Throws a `SampleFileError` that names the file and the line of a story that is none, or whose
  /// answer the model cannot give; a word that it has never seen is number 0.
  init(
    model: CLUTRRModel, facts: TaskFacts, details: CLUTRR.DataSetDetails,
    counts: [String: Int], folder: CLUTRR.Folder
  ) throws {
    self.model = model
    self.facts = facts
    relations = details.relations
    let (words, answers) = (Numbering(details.words), Numbering(details.relations))
    var stories: [Split: [NumberedStory]] = [:]
    for split in folder.splits {
      stories[split] = try folder.stories(of: split).map { file, story in
        guard let answer = answers[story.answer] else {
          throw SampleFileError(
            file, line: story.line,
            "the relation \(CLUTRR.shown(story.answer)) is none that the model can answer with")
        }
        return NumberedStory(
          sentences: story.sentences.map { sentence in
            sentence.map { token in
              switch token {
              case .word(let word): words[word].map { Int32($0 + 1) } ?? 0
              case .person(let number): Int32(-1 - number)
              }
            }
          }, query: story.query, answer: Int32(answer),
          category: story.length - CLUTRR.lengths.lowerBound, name: story.name)
      }
      let expected = counts[split.rawValue] ?? 0
      guard stories[split]?.count == expected else {
        throw SampleFileError(
          folder.path,
          "the \(split.rawValue) split has \(stories[split]?.count ?? 0) stories, but should have "
            + "\(expected)")
      }
    }
    self.stories = stories
  }

  /// The stories of a draw; who is which of the model's people is drawn for each.
  public func batch(_ draw: Draw) throws -> CLUTRR.Batch {
    let told = draw.samples.map { stories[draw.split]?[$0] }.compactMap(\.self)
    precondition(told.count == draw.samples.count, "clutrr: samples of \(draw.split.rawValue)")
    let firstPerson = model.wordCount - CLUTRR.personLimit
    let extent = told.map(\.sentences.count).max() ?? 1
    var (sentences, texts): ([[Int32]], [[Int32]]) = ([], [])
    for (position, story) in told.enumerated() {
      var random = draw.random(at: position)
      let people = random.shuffled(Array(0..<CLUTRR.personLimit))
      let read = story.sentences.map { sentence in
        sentence.map { $0 < 0 ? Int32(firstPerson + people[Int(-1 - $0)]) : $0 }
      }
      sentences += read + [[Int32]](repeating: [], count: extent - read.count)
      texts.append(read.flatMap(\.self))
    }
    let words = WordIndices(filling: sentences)
    return CLUTRR.Batch(
      sentences: WordIndices(
        words.indices, shape: [told.count, extent, words.shape[1]], lengths: words.lengths),
      counts: told.map(\.sentences.count), text: WordIndices(filling: texts),
      mentions: told.map { story in
        let text = story.sentences.flatMap(\.self)
        func places(_ person: Int) -> [Int] {
          text.indices.filter { text[$0] == Int32(-1 - person) }
        }
        return (places(story.query.first), places(story.query.second))
      }, labels: told.map(\.answer), categories: told.map(\.category), names: told.map(\.name))
  }

  /// The story's name, the right relation, and the model's with its probability.
  public func exhibits(
    _ prediction: AnswerPrediction, for batch: CLUTRR.Batch
  ) -> [[String: JSONValue]]? {
    let probabilities = prediction.logits.softmax().value
    return prediction.logits.value.largestOfRows().enumerated().map { story, answer in
      let share =
        answer < 0 ? .nan : probabilities.scalars[story * relations.count + Int(answer)]
      return [
        "story": .string(batch.names[story]),
        "k": .integer(batch.categories[story] + CLUTRR.lengths.lowerBound),
        "truth": .string(relations[Int(batch.labels[story])]),
        "answer": answer < 0 ? .null : .string(relations[Int(answer)]),
        "probability": share.isFinite ? .number(Double(share)) : .null,
      ]
    }
  }
}
