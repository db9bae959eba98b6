// The words, the counts of answers, and tables of questions as they are packed.

import Files
import Foundation
import Learning
import Pictures
import Testing

@testable import RelationNetworks

@Suite struct CLEVRDataTests {
  @Test func wordsHaveFixedNumbers() throws {
    #expect(CLEVR.words.count == 80 && CLEVR.words == CLEVR.words.sorted())
    #expect(Set(CLEVR.words).count == 80 && CLEVR.words.count <= CLEVR.vocabulary)
    // What trained models have learnt.
    #expect(CLEVR.words[0] == "a" && CLEVR.words[38] == "it" && CLEVR.words[79] == "yellow")
    let numbers = try CLEVR.wordNumbers(of: "What is the Cube; made of?")
    #expect(numbers.map { CLEVR.words[Int($0)] } == ["what", "is", "the", "cube", "made", "of"])
    for text in ["What is a pyramid?", "?", String(repeating: "the ", count: 101)] {
      #expect(throws: CLEVR.QuestionProblem.self) { try CLEVR.wordNumbers(of: text) }
    }
  }

  @Test func generatedQuestionsHaveKnownWordsOnly() throws {
    let world = CLEVR.World(seed: 3)
    for scene in 0..<40 {
      for question in world.questions(about: scene, in: .validation) {
        #expect(throws: Never.self) { try CLEVR.wordNumbers(of: question.text) }
      }
    }
  }

  @Test func theCommonestAnswerIsThatOfTraining() throws {
    func question(_ function: CLEVR.Function, _ answer: String) -> CLEVR.Question {
      CLEVR.Question(
        text: "", program: CLEVR.Program([.init(.scene), .init(function, [0])]),
        answer: CLEVR.Answer(name: answer), family: nil)
    }
    var counts = CLEVR.AnswerCounts()
    for answer in ["red", "red", "blue"] {
      counts.add(question(.query(.color), answer), to: .training)
    }
    for answer in ["blue", "blue", "red"] {
      counts.add(question(.query(.color), answer), to: .test)
    }
    counts.add(question(.query(.size), "small"), to: .test)
    let baseline = try #require(CLEVR.AnswerCounts(json: counts.json).baseline)
    // Red is the commonest colour of training; of sizes nothing was learnt.
    #expect(baseline.value(of: "accuracy/query-attribute", on: .test) == 0.5)
    #expect(baseline.value(of: "accuracy", on: .training) == 2.0 / 3)
    #expect(CLEVR.AnswerCounts().baseline == nil)
  }

  /// A table of generated questions.
  private func table(pictures: inout [RGBImage]) throws -> CLEVR.QuestionTable {
    let source = CLEVR.GeneratedQuestions(
      seed: 5, sceneCounts: .init(training: 3, validation: 1, test: 1),
      keepsPictures: false)
    var table = CLEVR.QuestionTable()
    for scene in 0..<3 {
      let first = source.sample(10 * scene, in: .training, withObjects: true)
      table.add(number: scene, image: first.image, objects: first.objects)
      pictures.append(source.picture(ofScene: scene, in: .training))
      for number in 0..<4 {
        let sample = source.sample(10 * scene + number, in: .training, withObjects: false)
        table.add(
          words: sample.words, answer: Int(sample.answer), category: sample.category, about: scene)
      }
    }
    return table
  }

  @Test(arguments: [true, false]) func whatIsPackedIsWhatIsRead(withPictures: Bool) throws {
    try withDirectory { directory in
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      var pictures: [RGBImage] = []
      let table = try table(pictures: &pictures)
      let path = directory.appendingPathComponent("training.safetensors").path
      try table.pack(
        to: path, metadata: [:], pictures: withPictures ? { Array(pictures[$0]) } : nil,
        progress: { _ in })
      let place = DataPlace(path: directory.path)
      let packed = try CLEVR.PackedQuestions(at: place, counts: ["training": 12])
      for index in 0..<12 {
        let (expected, found) = (
          table.sample(index), try packed.sample(index, in: .training, withObjects: true)
        )
        #expect(found.scene == expected.scene && found.objects == expected.objects)
        #expect(found.words == expected.words && found.answer == expected.answer)
        #expect(found.category == expected.category && found.image == expected.image)
      }
      if withPictures {
        #expect(try packed.picture(ofScene: 2, in: .training) == pictures[2])
      } else {
        #expect(throws: SampleFileError.self) { try packed.picture(ofScene: 2, in: .training) }
      }
      #expect(throws: SampleFileError.self) {
        try CLEVR.PackedQuestions(at: place, counts: ["training": 11])
      }
      #expect(throws: SampleFileError.self) {
        try packed.sample(0, in: .test, withObjects: false)
      }
    }
  }

  @Test func renderedPicturesAreKeptWhole() throws {
    try withDirectory { directory in
      func cache() throws -> CLEVR.PictureCache {
        try #require(
          CLEVR.PictureCache(seed: 7, split: .test, byteCount: 10, in: directory.path))
      }
      let bytes = (0..<10).map { UInt8($0) }
      let first = try cache()
      #expect(first.bytes(3) == nil)
      first.keep(bytes, of: 3)
      #expect(first.bytes(3) == bytes && first.bytes(2) == nil)
      #expect(try cache().bytes(3) == bytes)
      // What is damaged is drawn again.
      let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      let path = directory.appendingPathComponent(files[0])
      var content = try Data(contentsOf: path)
      content[content.count - 1] ^= 1
      try content.write(to: path)
      #expect(try cache().bytes(3) == nil)
    }
    #expect(
      CLEVR.PictureCache(seed: 7, split: .test, byteCount: 10, in: "/proc/no/such/place") == nil)
  }
}
