// bAbI as training sees it.

import Foundation
import Learning
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct BAbITaskTests {
  private func withTask(
    _ change: (inout BAbI.Settings) -> Void = { _ in }, _ body: (BAbITask) throws -> Void
  ) throws {
    try withDirectory { folder in
      try StoryFiles.write(to: folder.path)
      let place = DataPlace(path: folder.path)
      var settings = BAbI.Settings(pairWidths: [8], readoutWidths: [8])
      change(&settings)
      let data = try BAbIFamily.identity(of: place)
      try body(try BAbIFamily.open(settings, data: data, at: place))
    }
  }

  private func draw(_ samples: [Int], step: Int = 1) -> Draw {
    Draw(training: samples, seed: 1, step: step, replica: 0)
  }

  @Test func batchesAreAsLongAsTheirStories() throws {
    try withTask { task in
      let batch = try task.batch(draw([0, 1, 80, 160]))
      guard case .story(let story, let counts?) = batch.scene,
        case .words(let question) = batch.question, case .labels(let labels) = batch.target
      else { throw CatalogueError("a batch of another kind") }
      #expect(counts == [2, 3, 1, 5])
      #expect(story.shape == [4, 5, 6] && question.shape == [4, 5])
      #expect(story.lengths[0..<3] == [6, 6, 0] && question.lengths == [4, 4, 5, 5])
      #expect(batch.categories == [0, 0, 7, 15])
      let outputs = task.details.vocabulary.outputs(.vocabulary)
      #expect(labels.map { outputs[Int($0)] }.count == 4)
      #expect(outputs[Int(labels[2])] == "milk")
    }
  }

  @Test func factsNeedNoDataButItsIdentity() throws {
    try withTask { task in
      let facts = task.facts
      #expect(facts.metrics.count == 21)
      #expect(facts.metrics[1].path == "accuracy/single-supporting-fact")
      #expect(facts.metrics[20].path == "accuracy/agents-motivations")
      #expect(facts.sampleCounts == [.training: 200, .validation: 50, .test: 50])
      #expect(facts.derived.map(\.path.description) == ["tasks_passed", "mean_error"])
      let baseline = try #require(facts.baselines.first)
      let share = try #require(baseline.value(of: "accuracy/lists-sets", on: .training))
      #expect(share > 0.1 && share < 0.5)
      #expect(baseline.value(of: "accuracy/two-supporting-facts", on: .training) == nil)
    }
    let error = #expect(throws: CatalogueError.self) {
      try BAbIFamily.facts(BAbI.Settings(), data: nil)
    }
    #expect(error?.description.contains("relate data import babi FROM --to DIR") == true)
  }

  @Test func someTasksAreLearntInTheOrderThatIsGiven() throws {
    try withTask({
      $0.tasks = [16, 8]
      $0.answers = .whole
    }) { task in
      #expect(task.facts.sampleCounts == [.training: 120, .validation: 30, .test: 30])
      #expect(task.facts.metrics.map(\.path.names.last)[1...] == ["basic-induction", "lists-sets"])
      let batch = try task.batch(draw([0, 39, 40, 119]))
      #expect(batch.categories == [0, 0, 1, 1])
    }
  }

  @Test func tagsCountFromTheQuestionOrFromTheBeginning() throws {
    func firstWords(_ tags: BAbI.TagForm, window: Int) throws -> [Int32] {
      var first: [Int32] = []
      try withTask({
        $0.tags = tags
        $0.window = window
      }) { task in
        guard case .story(let story, _) = try task.batch(draw([160])).scene else { return }
        first = (0..<story.shape[1]).map { story.indices[$0 * story.shape[2]] }
      }
      return first
    }
    let distance = try firstWords(.distance, window: 20)
    #expect(distance.count == 5 && Set(distance).count == 3)
    #expect(try firstWords(.order, window: 20) == distance.reversed())
    #expect(try firstWords(.distance, window: 2) == Array(distance.prefix(2)))
    #expect(try firstWords(.order, window: 2) == distance.prefix(2).reversed())
  }

  @Test func wordsThatNobodyLearntAreOneAndAnswersAreNamed() throws {
    try withDirectory { folder in
      try StoryFiles.write(to: folder.path)
      let place = DataPlace(path: folder.path)
      let trained = try BAbIFamily.identity(of: place)
      let other = DataPlace(path: folder.path + "/other")
      try StoryFiles.write(to: other.path, tasks: [1], splits: ["test"])
      let path = other.path + "/qa1_of-some-kind_test.txt"
      var text = try String(contentsOfFile: path, encoding: .utf8)
      text = text.replacing("moved", with: "teleported")
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      func opened() throws -> BAbITask {
        let found = try BAbIFamily.identity(of: other)
        let data = try BAbIFamily.evaluationIdentity(of: found, for: trained)
        #expect(data.counts == ["test": 20])
        return try BAbIFamily.open(BAbI.Settings(), data: data, at: other)
      }
      let task = try opened()
      #expect(task.facts.layout == (try BAbIFamily.facts(BAbI.Settings(), data: trained)).layout)
      let draw = Draw(evaluating: [0, 1], of: .test, seed: 1, part: 0)
      let batch = try task.batch(draw)
      let shown = try exhibits(task, batch)
      #expect(shown[0]["story"]?.text.contains("(unknown) to the") == true)
      text = text.replacing(/\t\w+\t1/, with: "\tattic\t1", maxReplacements: 1)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      let error = #expect(throws: SampleFileError.self) { try opened().batch(draw) }
      #expect(
        error?.description
          == "\(path), line 3: the answer \"attic\" is none that the model can give")
    }
  }

  private func exhibits(_ task: BAbITask, _ batch: AnswerBatch) throws -> [[String: JSONValue]] {
    let pass = ForwardPass(
      ParameterVector(initializing: task.facts.layout, seed: 1), mode: .evaluation,
      context: try ComputeContext())
    return try #require(task.exhibits(task.model.predict(batch, in: pass), for: batch))
  }

  @Test func peopleSeeWhatWasReadAskedAndAnswered() throws {
    try withTask { task in
      let shown = try exhibits(task, try task.batch(draw([0, 81])))
      #expect(shown[0]["question"] == "where is mary?" && shown[0]["truth"] == "bathroom")
      #expect(
        shown[0]["story"]
          == .array(["mary moved to the bathroom.", "john went to the hallway."]))
      #expect(shown[0]["task"] == "single-supporting-fact")
      #expect(shown[1]["truth"] == "milk,football")
      guard case .number(let share)? = shown[1]["probability"] else {
        Issue.record("no probability")
        return
      }
      #expect(share > 0 && share < 1)
    }
  }

  @Test func outputsAreWordsOrWholeAnswers() {
    let vocabulary = BAbI.Vocabulary(
      words: [",", ".", "apple", "milk", "where"], answers: ["apple", "apple,milk", "milk"])
    #expect(vocabulary.outputs(.whole) == vocabulary.answers)
    #expect(vocabulary.outputs(.vocabulary) == ["apple,milk", ".", "apple", "milk", "where"])
    let crowded = BAbI.Vocabulary(words: ["a", "b"], answers: ["a", "a,b", "b"])
    #expect(crowded.outputs(.vocabulary) == ["a", "b", "a,b"])
  }

  @Test func settingsThatCannotBeBuilt() {
    func message(_ change: (inout BAbI.Settings) -> Void) -> String {
      var settings = BAbI.Settings()
      change(&settings)
      do { _ = try BAbIFamily.model(settings, data: nil) } catch { return error.description }
      return "no error"
    }
    #expect(message { _ in } == "no error")
    #expect(message { $0.tasks = [] }.contains("give some of 1 to 20, each once"))
    #expect(message { $0.tasks = [21] }.contains("tasks is [21]"))
    #expect(message { $0.window = 0 }.contains("window is 0"))
    #expect(message { $0.contextWidth = -1 }.contains("contextWidth is -1"))
    #expect(message { $0.dropout = 1 }.contains("dropout"))
  }
}

extension JSONValue: ExpressibleByStringLiteral {
  /// A text.
  public init(stringLiteral value: String) { self = .string(value) }
}
