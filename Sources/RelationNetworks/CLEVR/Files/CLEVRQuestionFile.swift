// Questions as the published files have them, in either generation of names: read, and in the form
// of the newer ones to be written.

import Files
import Learning

extension CLEVR {
  /// A question of a file.
  public struct ListedQuestion: Hashable, Sendable {
    /// The number of the image that it is about.
    public var image: Int
    /// The name of the image's file.
    public var imageFile: String
    /// The question.
    public var question: Question

    /// A question about an image.
    public init(image: Int, imageFile: String, question: Question) {
      self.image = image
      self.imageFile = imageFile
      self.question = question
    }
  }

  /// A file such as `CLEVR_v1.0/questions/CLEVR_val_questions.json`.
  ///
  /// The older files say `type` and `side_inputs` where the newer ones say `function` and
  /// `value_inputs`; test splits have neither answers nor programs.
  public struct QuestionFile: Sendable {
    private let path: String

    /// The file at a path.
    public init(_ path: String) { self.path = path }

    /// Calls `body` with each question, in the file's order; one at a time is in memory.
    ///
    /// Throws what `body` throws, or a `FileError` that names the question that is not right.
    public func forEach(_ body: (ListedQuestion) throws -> Void) throws {
      try JSONMemberList("questions", of: "question", in: path)
        .forEach(as: { try ListedQuestion($0) }, body)
    }
  }
}

extension CLEVR.ListedQuestion {
  fileprivate init(_ fields: JSONFields) throws(JSONFieldProblem) {
    var program: CLEVR.Program?
    if fields["program"] != nil {
      var steps: [CLEVR.Program.Step] = []
      for (number, entry) in try fields.list("program").enumerated() {
        do { steps.append(try CLEVR.Program.Step(JSONFields(entry))) } catch {
          throw JSONFieldProblem("step \(number) of the program: \(error)")
        }
      }
      program = CLEVR.Program(steps)
    }
    self.init(
      image: try fields.imageNumber(), imageFile: try fields.text("image_filename"),
      question: CLEVR.Question(
        text: try fields.text("question"), program: program,
        answer: try fields["answer"].map { answer throws(JSONFieldProblem) in
          try CLEVR.Answer(answer)
        },
        family: fields["question_family_index"] == nil
          ? nil : try fields.integer("question_family_index")))
  }

  /// The entry at a place in the list of a split, such as `val`.
  func json(index: Int, split: String) -> JSONValue {
    var members: [String: JSONValue] = [
      "split": .string(split), "image_index": .integer(image),
      "image_filename": .string(imageFile), "question_index": .integer(index),
      "question": .string(question.text),
    ]
    members["question_family_index"] = question.family.map { .integer($0) }
    members["answer"] = question.answer.map { .string($0.name) }
    members["program"] = question.program.map { .array($0.steps.map(\.json)) }
    return .object(members)
  }
}

extension CLEVR.Answer {
  /// An answer as a word, a truth or a number.
  fileprivate init(_ value: JSONValue) throws(JSONFieldProblem) {
    let name: String? =
      switch value {
      case .string(let word): word
      case .boolean(let isTrue): isTrue ? "yes" : "no"
      case .integer(let number): "\(number)"
      default: nil
      }
    guard let name else { throw JSONFieldProblem("\"answer\" is no word, truth or number") }
    guard let answer = CLEVR.Answer(name: name) else {
      throw JSONFieldProblem("\"\(name)\" is no answer of CLEVR")
    }
    self = answer
  }
}

extension CLEVR.Program.Step {
  fileprivate init(_ fields: JSONFields) throws(JSONFieldProblem) {
    let name = try fields.text(fields["function"] == nil ? "type" : "function")
    let key = fields["value_inputs"] == nil ? "side_inputs" : "value_inputs"
    let arguments = fields[key] == nil ? [] : try fields.list(key)
    let words = [.string(name)] + arguments
    guard let function = Self.functions[words] else {
      let argument = arguments.isEmpty ? "" : " of \(arguments.count) such values"
      throw JSONFieldProblem("\"\(name)\"\(argument) is no function of CLEVR")
    }
    self.init(function, try fields.integers("inputs"))
  }

  /// All functions by their names and arguments.
  private static let functions: [[JSONValue]: CLEVR.Function] = {
    var functions: [CLEVR.Function] = [
      .scene, .unique, .intersect, .union, .count, .exist, .equalInteger, .lessThan, .greaterThan,
    ]
    functions += CLEVR.Direction.allCases.map { .relate($0) }
    for attribute in CLEVR.Attribute.allCases {
      functions += [.same(attribute), .query(attribute), .equal(attribute)]
      functions += attribute.values.map { .filter($0) }
    }
    return Dictionary(
      uniqueKeysWithValues: functions.map { function in
        ([.string(function.name)] + function.arguments, function)
      })
  }()

  fileprivate var json: JSONValue {
    .object([
      "function": .string(function.name), "inputs": .array(inputs.map { .integer($0) }),
      "value_inputs": .array(function.arguments),
    ])
  }
}

extension CLEVR.Function {
  /// The arguments in files: one or none.
  fileprivate var arguments: [JSONValue] { argument.map { [.string($0)] } ?? [] }
}
