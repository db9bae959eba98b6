// Generated scenes and questions, written as the published files have them.

import Files
import Foundation
import Learning

extension CLEVR {
  /// What the published files call a split.
  public static func name(of split: Split) -> String {
    switch split {
    case .training: "train"
    case .validation: "val"
    case .test: "test"
    }
  }

  /// Where a directory has the scenes of a split.
  public static func scenesFile(of split: Split) -> String {
    "scenes/CLEVR_\(name(of: split))_scenes.json"
  }

  /// Where a directory has the questions of a split.
  public static func questionsFile(of split: Split) -> String {
    "questions/CLEVR_\(name(of: split))_questions.json"
  }

  /// The name of an image's file in the folder of its split, `images/train` or another.
  public static func imageFile(_ index: Int, in split: Split) -> String {
    let digits = String(index)
    let zeros = String(repeating: "0", count: max(0, 6 - digits.count))
    return "CLEVR_\(name(of: split))_\(zeros)\(digits).png"
  }
}

extension CLEVR.World {
  /// Writes the first scenes of a split, and the questions about them, below a directory.
  ///
  ///     scenes/CLEVR_train_scenes.json
  ///     questions/CLEVR_train_questions.json
  ///
  /// Each file takes its name when it is whole. `progress` is called after each scene.
  public func write(
    _ split: Split, scenes count: Int, to directory: String, progress: () -> Void = {}
  ) throws {
    let name = CLEVR.name(of: split)
    for folder in ["scenes", "questions"] { try makeDirectory("\(directory)/\(folder)") }
    var scenes = try ListWriter(
      "scenes", of: self, name, to: directory, CLEVR.scenesFile(of: split))
    var questions = try ListWriter(
      "questions", of: self, name, to: directory, CLEVR.questionsFile(of: split))
    for index in 0..<count {
      let image = CLEVR.imageFile(index, in: split)
      let scene = view(index, in: split).scene
      scenes.append(
        CLEVR.ListedScene(image: index, imageFile: image, scene: scene).json(split: name))
      for (number, question) in self.questions(about: index, in: split).enumerated() {
        questions.append(
          CLEVR.ListedQuestion(image: index, imageFile: image, question: question)
            .json(index: index * CLEVR.questionsPerScene + number, split: name))
      }
      progress()
    }
    try scenes.commit()
    try questions.commit()
  }
}

/// A file with an object that says what it is and has a list, an element a line.
private struct ListWriter: ~Copyable {
  private var file: AtomicFile
  private var text: [UInt8]
  private var isFirst = true

  init(
    _ list: String, of world: CLEVR.World, _ split: String, to directory: String, _ path: String
  ) throws(FileError) {
    file = try AtomicFile(replacing: "\(directory)/\(path)")
    let info = JSONValue.object([
      "split": .string(split), "version": .string("1.0"), "generator": .string("relate"),
      "seed": .string("\(world.seed)"),
    ])
    text = Array("{\"info\": ".utf8)
    info.write(to: &text)
    text += ", \"\(list)\": [\n".utf8
  }

  mutating func append(_ value: JSONValue) {
    if !isFirst { text += ",\n".utf8 }
    isFirst = false
    value.write(to: &text)
    if text.count > 1 << 20 { flush() }
  }

  private mutating func flush() {
    text.withUnsafeBytes { file.append($0) }
    text.removeAll(keepingCapacity: true)
  }

  consuming func commit() throws(FileError) {
    text += "\n]}\n".utf8
    flush()
    try file.commit()
  }
}

extension JSONValue {
  /// Adds the JSON on one line, the members of objects by their names' order.
  fileprivate func write(to text: inout [UInt8]) {
    switch self {
    case .null: text += "null".utf8
    case .boolean(let value): text += (value ? "true" : "false").utf8
    case .integer(let value): text += "\(value)".utf8
    // What Swift prints of a finite number is JSON, and is read as the same number.
    case .number(let value): text += "\(value)".utf8
    case .string(let value): Self.write(value, to: &text)
    case .array(let values):
      text += "[".utf8
      for (index, value) in values.enumerated() {
        if index > 0 { text += ", ".utf8 }
        value.write(to: &text)
      }
      text += "]".utf8
    case .object(let members):
      text += "{".utf8
      for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
        if index > 0 { text += ", ".utf8 }
        Self.write(member.key, to: &text)
        text += ": ".utf8
        member.value.write(to: &text)
      }
      text += "}".utf8
    }
  }

  private static func write(_ string: String, to text: inout [UInt8]) {
    text += "\"".utf8
    for byte in string.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        text += [UInt8(ascii: "\\"), byte]
      } else if byte < 0x20 {
        text += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
      } else {
        text.append(byte)
      }
    }
    text += "\"".utf8
  }
}
