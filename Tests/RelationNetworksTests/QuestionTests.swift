// The questions and answers of Sort-of-CLEVR against an oracle that reads only bits and pixels.

import Learning
import Pictures
import Testing

@testable import RelationNetworks

@Suite struct QuestionTests {
  static let dataSet = SortOfCLEVR.DataSet(seed: 11)

  /// Answers a question from its eleven bits and the image's bytes: finds each object by its
  /// colour, tells its outline by a corner, and measures from the middle of what is painted.
  private func oracle(_ bits: [Float], _ image: RGBImage) -> String {
    let palette: [[UInt8]] = [
      [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 156, 0], [128, 128, 128], [255, 255, 0],
    ]
    var boxes = [[Int]](repeating: [75, 75, -1, -1], count: 6)
    for y in 0..<75 {
      for x in 0..<75 {
        let pixel = Array(image.bytes[3 * (75 * y + x)..<3 * (75 * y + x) + 3])
        guard let color = palette.firstIndex(of: pixel) else { continue }
        boxes[color][0] = min(boxes[color][0], x)
        boxes[color][1] = min(boxes[color][1], y)
        boxes[color][2] = max(boxes[color][2], x)
        boxes[color][3] = max(boxes[color][3], y)
      }
    }
    let centers = boxes.map { (Double($0[0] + $0[2]) / 2, Double($0[1] + $0[3]) / 2) }
    let shapes = boxes.indices.map { color -> String in
      let corner = 3 * (75 * boxes[color][1] + boxes[color][0])
      return Array(image.bytes[corner..<corner + 3]) == palette[color] ? "square" : "circle"
    }
    let asked = bits[0..<6].firstIndex(of: 1) ?? -1
    let subtype = (bits[8..<11].firstIndex(of: 1) ?? -1) - 8
    let order = (0..<6).filter { $0 != asked }.sorted { a, b in
      func distance(_ i: Int) -> Double {
        let (dx, dy) = (centers[i].0 - centers[asked].0, centers[i].1 - centers[asked].1)
        return (dx * dx + dy * dy).squareRoot()
      }
      return distance(a) < distance(b)
    }
    switch (bits[6], bits[7], subtype) {
    case (1, 0, 0): return shapes[asked]
    case (1, 0, 1): return centers[asked].0 < 37 ? "yes" : "no"
    case (1, 0, 2): return centers[asked].1 < 37 ? "yes" : "no"
    case (0, 1, 0): return shapes[order[0]]
    case (0, 1, 1): return shapes[order[4]]
    case (0, 1, 2): return String(shapes.filter { $0 == shapes[asked] }.count)
    default: return "malformed question"
    }
  }

  @Test func answersFollowFromBitsAndPixels() {
    for image in 0..<150 {
      let pixels = Self.dataSet.scene(image, in: .validation).rgbImage()
      for number in 0..<20 {
        let sample = Self.dataSet.sample(20 * image + number, in: .validation)
        #expect(oracle(sample.question.bits, pixels) == sample.answer.name)
        #expect(sample.question.bits.reduce(0, +) == 3)
      }
    }
  }

  @Test func tenQuestionsOfEachTypeInOrder() {
    for image in 0..<100 {
      let kinds = (0..<20).map { Self.dataSet.sample(20 * image + $0, in: .training).question.kind }
      #expect(kinds.prefix(10).allSatisfy { !$0.isRelational })
      #expect(kinds.suffix(10).allSatisfy { $0.isRelational })
    }
  }

  @Test func everyKindAndColorIsAskedEvenly() {
    let questions = (0..<20_000).map { Self.dataSet.sample($0, in: .training).question }
    for kind in SortOfCLEVR.Kind.allCases {
      let share = Double(questions.count { $0.kind == kind }) / 20_000
      #expect(abs(share - 1 / 6) < 0.01, "\(kind)")
    }
    for color in SortOfCLEVR.Color.allCases {
      let share = Double(questions.count { $0.color == color }) / 20_000
      #expect(abs(share - 1 / 6) < 0.01, "\(color)")
    }
  }

  @Test(arguments: SortOfCLEVR.Kind.allCases)
  func answersAreAsLikelyAsTheRulesSay(kind: SortOfCLEVR.Kind) {
    let samples = (0..<40_000).map { Self.dataSet.sample($0, in: .training) }
      .filter { $0.question.kind == kind }
    let expected: [SortOfCLEVR.Answer: Double] =
      switch kind {
      case .shape, .closest, .furthest: [.square: 0.5, .circle: 0.5]
      case .horizontal, .vertical: [.yes: 0.5, .no: 0.5]
      // One plus how many of five others agree with it: binomial.
      case .count:
        [
          .one: 1 / 32, .two: 5 / 32, .three: 10 / 32, .four: 10 / 32, .five: 5 / 32, .six: 1 / 32,
        ]
      }
    for answer in SortOfCLEVR.Answer.allCases {
      let share = Double(samples.count { $0.answer == answer }) / Double(samples.count)
      #expect(abs(share - (expected[answer] ?? 0)) < 0.025, "\(answer)")
    }
  }

  @Test func commonestAnswers() throws {
    let dataSet = SortOfCLEVR.DataSet(
      seed: 2, imageCounts: .init(training: 2_000, validation: 1, test: 0))
    let baseline = dataSet.commonestAnswers()
    #expect(baseline.name == "always the commonest answer")
    let shares = SortOfCLEVR.Kind.allCases.map {
      baseline.value(of: $0.metric.path, on: .training) ?? .nan
    }
    for share in shares.prefix(5) { #expect(share > 0.5 && share < 0.53) }
    #expect(abs(shares[5] - 10 / 32) < 0.03)
    // The first thousand images have ten questions of either group each.
    let measured = try #require(baseline.measurements[.training])
    #expect(measured.values.reduce(0) { $0 + $1.weight } == 20_000)
    #expect(baseline.value(of: "accuracy", on: .test) == nil)
  }

  @Test func theBitsOfAQuestion() {
    let question = SortOfCLEVR.Question(.furthest, of: .blue)
    #expect(question.bits == [0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0])
    for color in SortOfCLEVR.Color.allCases {
      for kind in SortOfCLEVR.Kind.allCases {
        let question = SortOfCLEVR.Question(kind, of: color)
        #expect(SortOfCLEVR.Question(bits: question.bits) == question)
      }
    }
    #expect(SortOfCLEVR.Question(bits: [1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0]) == nil)
    #expect(SortOfCLEVR.Question(bits: [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0]) == nil)
    #expect(SortOfCLEVR.Question(bits: [1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0]) == nil)
    #expect(SortOfCLEVR.Question(bits: [Float](repeating: 1, count: 11)) == nil)
    #expect(SortOfCLEVR.Question(bits: []) == nil)
    #expect(SortOfCLEVR.Question(.shape, of: .yellow).bits == [0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0])
    #expect(
      SortOfCLEVR.Answer.allCases.map(\.name)
        == ["yes", "no", "square", "circle", "1", "2", "3", "4", "5", "6"])
  }
}
