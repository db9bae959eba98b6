// What stands in a split's questions.json: how a scene and its questions are written and read.

import Foundation
import Learning

extension SortOfCLEVR {
  /// The entry of an image in `questions.json`.
  ///
  /// What may be missing from people's own files is optional: the objects, for models that see
  /// pixels, and all that is told twice.
  public struct ListedScene: Codable, Hashable, Sendable {
    /// An object of the image.
    public struct Object: Codable, Hashable, Sendable {
      /// The colour's name.
      public var color: String
      /// `square` or `circle`.
      public var shape: String
      /// The column and the row of the centre, of the unscaled 75 x 75 image.
      public var center: [Int]
    }

    /// A question about the image.
    public struct Question: Codable, Hashable, Sendable {
      /// The question in English.
      public var question: String?
      /// The eleven bits that models read.
      public var bits: [Int]
      /// The kind: `shape`, `horizontal`, `vertical`, `closest`, `furthest` or `count`.
      public var category: String?
      /// `relational` or `non_relational`.
      public var group: String?
      /// The answer in words.
      public var answer: String?
      /// The class that stands for the answer.
      public var label: Int?
    }

    /// The name of the image's file.
    public var image: String
    /// The objects, each of another colour.
    public var objects: [Object]?
    /// The questions in order.
    public var questions: [Question]
  }
}

extension SortOfCLEVR.ListedScene {
  /// The entry of a generated image.
  init(_ image: Int, in split: Split, of dataSet: SortOfCLEVR.DataSet) {
    let scene = dataSet.scene(image, in: split)
    self.image = Self.fileName(image)
    objects = scene.objects.map {
      Object(color: $0.color.name, shape: $0.outline.name, center: [$0.x, $0.y])
    }
    questions = (0..<SortOfCLEVR.questionsPerImage).map { number in
      let question = dataSet.question(number, aboutImage: image, in: split)
      let answer = question.answer(in: scene)
      return Question(
        question: question.text, bits: question.bits.map { Int($0) },
        category: question.kind.name, group: question.kind.group,
        answer: answer.name, label: answer.rawValue)
    }
  }

  static func fileName(_ image: Int) -> String {
    let digits = String(image)
    return String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".png"
  }
}

/// The cases of an enumeration by their names, for lists of millions of them.
private func byName<Case: CaseIterable>(
  _ type: Case.Type, _ name: (Case) -> String
) -> [String: Case] {
  Dictionary(uniqueKeysWithValues: Case.allCases.map { (name($0), $0) })
}

/// Why an entry means nothing: a part of a sentence.
struct ListedSceneProblem: Error {
  let description: String
  init(_ description: String) { self.description = description }
}

extension SortOfCLEVR.ListedScene {
  /// The objects that the entry describes; `nil` if it leaves them out.
  func describedObjects() throws(ListedSceneProblem) -> [SortOfCLEVR.Object]? {
    guard let objects else { return nil }
    var described: [SortOfCLEVR.Object] = []
    for object in objects {
      guard let color = Self.colors[object.color] else {
        throw ListedSceneProblem("\"\(object.color)\" is no colour of Sort-of-CLEVR")
      }
      guard let outline = Self.outlines[object.shape] else {
        throw ListedSceneProblem("a shape is square or circle, not \"\(object.shape)\"")
      }
      guard object.center.count == 2,
        object.center.allSatisfy({ (0..<SortOfCLEVR.imageExtent).contains($0) })
      else {
        throw ListedSceneProblem(
          "a center is a column and a row from 0 to 74, not \(object.center)")
      }
      guard !described.contains(where: { $0.color == color }) else {
        throw ListedSceneProblem("there are two \(color.name) objects")
      }
      described.append(
        SortOfCLEVR.Object(color, outline, x: object.center[0], y: object.center[1]))
    }
    return described
  }

  private static let colors = byName(SortOfCLEVR.Color.self, \.name)
  private static let outlines = byName(SortOfCLEVR.Outline.self, \.name)

  /// The image's file, which lies in the split's directory or below it.
  func checkedImage() throws(ListedSceneProblem) -> String {
    guard !image.isEmpty, !image.hasPrefix("/"), !image.split(separator: "/").contains("..") else {
      throw ListedSceneProblem("\"\(image)\" is no file of this directory")
    }
    return image
  }
}

extension SortOfCLEVR.ListedScene.Question {
  /// The question that the bits encode, and its answer.
  func understood() throws(ListedSceneProblem) -> (SortOfCLEVR.Question, SortOfCLEVR.Answer) {
    guard let question = SortOfCLEVR.Question(bits: bits.map { Float($0) }) else {
      throw ListedSceneProblem("the bits \(bits) encode no question")
    }
    if let category, Self.kinds[category] != question.kind {
      throw ListedSceneProblem("the bits \(bits) ask for \(question.kind.name), not \(category)")
    }
    let named = answer.map { Self.answers[$0] }
    let numbered = label.map { SortOfCLEVR.Answer(rawValue: $0) }
    switch (named, numbered) {
    case (nil, nil): throw ListedSceneProblem("a question has no answer")
    case (.some(nil), _):
      throw ListedSceneProblem(
        "\"\(answer ?? "")\" is no answer; known are "
          + SortOfCLEVR.Answer.allCases.map(\.name).joined(separator: ", "))
    case (_, .some(nil)): throw ListedSceneProblem("\(label ?? 0) is no label of an answer")
    case (let known??, nil), (nil, let known??): return (question, known)
    case (let known??, let other??):
      guard known == other else {
        throw ListedSceneProblem(
          "the answer is \(known.name), but the label \(other.rawValue) means \(other.name)")
      }
      return (question, known)
    }
  }
  private static let kinds = byName(SortOfCLEVR.Kind.self, \.name)
  private static let answers = byName(SortOfCLEVR.Answer.self, \.name)
}
