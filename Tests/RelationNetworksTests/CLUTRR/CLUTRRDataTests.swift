// Stories of families as files, and as training sees them.

import Autodiff
import Foundation
import Learning
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct CLUTRRDataTests {
  private static let header = "," + "id,story,query,target,task_name"

  /// Writes a folder with stories to train on and to test on.
  private func withFolder(
    training: [String]? = nil, test: [String]? = nil, _ body: (DataPlace) throws -> Void
  ) throws {
    try withDirectory { folder in
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      func write(_ name: String, _ rows: [String]) throws {
        let text = ([Self.header] + rows).joined(separator: "\n") + "\n"
        try Data(text.utf8).write(to: folder.appendingPathComponent(name))
      }
      let told = (0..<10).map { number in
        """
        \(number),s\(number),"[Ann] and her son [Bob] ate. He likes [Cid]'s \(number) hats!",\
        "('Ann', 'Cid')",\(number.isMultiple(of: 2) ? "son" : "niece"),task_1.\(2 + number % 3)
        """
      }
      try write("1.2,1.3_train.csv", training ?? told)
      try write("1.2_test.csv", test ?? [told[0]])
      try write("1.10_test.csv", [told[1].replacingOccurrences(of: "task_1.3", with: "task_1.10")])
      try body(DataPlace(path: folder.path))
    }
  }

  @Test func textsAreTakenApart() throws {
    let text = try CLUTRR.StoryText(
      "[Ann Lee]'s son-in-law, [Bob], won 2nd prize... [Ann Lee] didn't! [Cy] went\n out")
    #expect(text.people == ["Ann Lee", "Bob", "Cy"])
    let words = text.sentences.map { sentence in
      sentence.map { token in
        switch token {
        case .word(let word): word
        case .person(let number): "@\(number)"
        }
      }.joined(separator: " ")
    }
    #expect(
      words == [
        "@0 's son - in - law , @1 , won 2nd prize .", "@0 didn 't !", "@2 went out",
      ])
    for (text, problem) in [
      ("", "empty"), (" .!? ", "empty"), ("[Ann", "never closed"), ("[] ate.", "no name"),
    ] {
      let error = #expect(throws: StoryTextProblem.self) { try CLUTRR.StoryText(text) }
      #expect(error?.description.contains(problem) == true)
    }
  }

  @Test func namesOfAQuestionAreReadAsPythonWritesThem() throws {
    let names = try CLUTRR.names(of: "('Ann', 'Bob')")
    #expect(names.first == "Ann" && names.second == "Bob")
    let others = try CLUTRR.names(of: #" ("D'Arcy" ,'Bob') "#)
    #expect(others.first == "D'Arcy" && others.second == "Bob")
    for text in ["", "Ann, Bob", "('Ann')", "('Ann', 'Bob', 'Cy')"] {
      #expect(throws: StoryTextProblem.self) { try CLUTRR.names(of: text) }
    }
  }

  @Test func everyFifthStoryIsKeptFromTraining() throws {
    try withFolder { place in
      let data = try CLUTRRFamily.identity(of: place)
      #expect(data.counts == ["training": 8, "validation": 2, "test": 2])
      let details = try CLUTRR.DataSetDetails(of: data)
      #expect(details.relations == ["niece", "son"])
      #expect(details.stories["test"] == [1, 0, 0, 0, 0, 0, 0, 0, 1])
      let task = try CLUTRRFamily.open(CLUTRR.Settings(), data: data, at: place)
      #expect(task.facts.sampleCounts == [.training: 8, .validation: 2, .test: 2])
      #expect(task.facts.metrics.count == 10)
      #expect(task.facts.derived.map(\.path.description) == ["mean_accuracy"])
      let batch = try task.batch(Draw(evaluating: [0, 1], of: .validation, seed: 1, part: 0))
      #expect(batch.names == ["s4", "s9"] && batch.categories == [1, 0])
      #expect(batch.labels == [1, 0])
    }
  }

  @Test func peopleChangePlacesAndWordsDoNot() throws {
    try withFolder { place in
      let data = try CLUTRRFamily.identity(of: place)
      let task = try CLUTRRFamily.open(CLUTRR.Settings(), data: data, at: place)
      let first = try task.batch(Draw(training: [0, 3], seed: 1, step: 1, replica: 0))
      let again = try task.batch(Draw(training: [0, 3], seed: 1, step: 1, replica: 0))
      let later = try task.batch(Draw(training: [0, 3], seed: 1, step: 2, replica: 0))
      #expect(first.text == again.text && first.text != later.text)
      #expect(first.counts == [2, 2] && first.sentences.shape == [2, 2, 7])
      let people = task.model.wordCount - CLUTRR.personLimit
      for (a, b) in zip(first.text.indices, later.text.indices) {
        #expect((a >= people) == (b >= people) && (a >= people || a == b))
      }
      // Ann opens the text, Cid stands after "likes".
      #expect(first.mentions.map(\.first) == [[0], [0]])
      #expect(first.mentions.map(\.second) == [[9], [9]])
      #expect(first.text.lengths == [14, 14])
    }
  }

  @Test func errorsNameFileAndLine() throws {
    let sound = #"0,a,"[Ann] met [Bob].","('Ann', 'Bob')",son,task_1.2"#
    for (row, problem) in [
      (#"0,a,"[Ann met.","('Ann', 'Bob')",son,task_1.2"#, "never closed"),
      (#"0,a,"[Ann] met [Cy].","('Ann', 'Bob')",son,task_1.2"#, "does not name Ann and Bob"),
      (#"0,a,"[Ann] met [Bob].",Ann,son,task_1.2"#, "no pair of names"),
      (#"0,a,"[Ann] met [Bob].","('Ann', 'Bob')",son,task_1.11"#, "none of task_1.2 to"),
      (#"0,a,"[Ann] met [Bob].","('Ann', 'Bob')",,task_1.2"#, "no relation"),
    ] {
      try withFolder(training: [sound, row]) { place in
        let error = #expect(throws: SampleFileError.self) { try CLUTRRFamily.identity(of: place) }
        let text = error?.description ?? ""
        #expect(text.contains("1.2,1.3_train.csv, line 3: ") && text.contains(problem), "\(text)")
        var findings: [String] = []
        try CLUTRRFamily.check(place, finding: { findings.append($0) }, progress: { _, _ in })
        #expect(findings.contains { $0.contains("line 3: ") }, "\(findings)")
      }
    }
    // Of a test, an answer that nobody could have learnt.
    let strange = sound.replacingOccurrences(of: ",son,", with: ",dog,")
    try withFolder(test: [strange]) { place in
      try withDirectory { packed in
        let error = #expect(throws: SampleFileError.self) {
          try CLUTRRFamily.pack(place, into: DataPlace(path: packed.path), progress: { _, _ in })
        }
        #expect(error?.description.contains(#"1.2_test.csv, line 2: no story"#) == true)
        #expect(!FileManager.default.fileExists(atPath: packed.path))
      }
    }
  }

  @Test func aTrainedModelKeepsItsNumbers() throws {
    try withFolder { place in
      let trained = try CLUTRRFamily.identity(of: place)
      try withFolder(training: [#"0,a,"[Ann] met [Bob] once.","('Ann', 'Bob')",son,task_1.2"#]) {
        other in
        let data = try CLUTRRFamily.evaluationIdentity(
          of: try CLUTRRFamily.identity(of: other), for: trained)
        let (details, known) = (
          try CLUTRR.DataSetDetails(of: data), try CLUTRR.DataSetDetails(of: trained)
        )
        #expect(details.words == known.words && details.relations == known.relations)
        #expect(details.stories != known.stories)
      }
    }
  }

  @Test func aStoryIsAnsweredAsIfItWereAlone() throws {
    try withFolder { place in
      let data = try CLUTRRFamily.identity(of: place)
      for model in CLUTRR.Model.allCases {
        var settings = CLUTRR.Settings(
          model: model, embeddingWidth: 6, stateWidth: 5, pairWidths: [8], readoutWidths: [8],
          summaryWidths: [7, 6])
        settings.refiner.rate = 30
        let task = try CLUTRRFamily.open(settings, data: data, at: place)
        let values = ParameterVector(initializing: task.model.layout, seed: 3)
        func logits(_ batch: CLUTRR.Batch) throws -> Tensor {
          let pass = ForwardPass(values, mode: .evaluation, context: try ComputeContext())
          return task.model.predict(batch, in: pass).logits.value
        }
        let both = try task.batch(Draw(training: [0, 3], seed: 1, step: 1, replica: 0))
        let alone = try task.batch(Draw(training: [0], seed: 1, step: 1, replica: 0))
        let (together, apart) = (try logits(both), try logits(alone))
        #expect(distance(of: together.window(from: 0, shape: [1, 2]), from: apart) < 1e-5)
      }
    }
  }
}
