// What is asked about a scene, as eleven bits, and the answer.

import Learning
import Tensors

extension SortOfCLEVR {
  /// The kind of a question: three non-relational ones, which need one object to answer, and three
  /// relational ones, which need all of them (appendix D).
  public enum Kind: Int, CaseIterable, Sendable {
    case shape, horizontal, vertical
    case closest, furthest, count

    /// The name in reports and files.
    public var name: String { "\(self)" }

    /// Whether answering takes more than the object that is asked about.
    public var isRelational: Bool { rawValue >= 3 }

    /// The group in reports and files: `relational` or `non_relational`.
    public var group: String { isRelational ? "relational" : "non_relational" }

    /// The accuracy on questions of this kind.
    public var metric: Metric { .accuracy(group, name) }
  }

  /// One of the ten answers; the raw value is the class that models predict.
  public enum Answer: Int, CaseIterable, Sendable {
    case yes, no, square, circle, one, two, three, four, five, six

    /// The name in files: `yes`, `no`, `square`, `circle`, `1` … `6`.
    public var name: String {
      rawValue < Answer.one.rawValue ? "\(self)" : "\(rawValue - Answer.one.rawValue + 1)"
    }

    init(_ outline: Outline) { self = outline == .square ? .square : .circle }

    init(_ isTrue: Bool) { self = isTrue ? .yes : .no }

    init(count: Int) {
      guard let answer = Answer(rawValue: Answer.one.rawValue + count - 1) else {
        preconditionFailure("answer: a count of \(count)")
      }
      self = answer
    }
  }

  /// A question about the object of one colour.
  public struct Question: Hashable, Sendable {
    /// The number of bits that encode a question.
    public static let bitCount = 11

    /// The object asked about.
    public var color: Color
    /// What is asked about it.
    public var kind: Kind

    /// A question of a kind about an object.
    public init(_ kind: Kind, of color: Color) {
      self.kind = kind
      self.color = color
    }

    /// One of an image's twenty questions: the first ten are non-relational, the others relational.
    ///
    /// Colour and subtype are drawn evenly and with replacement, as public
    /// implementations do, so an image may ask the same twice.
    public init(seed: UInt64, split: Split, image: Int, number: Int) {
      precondition((0..<questionsPerImage).contains(number), "question \(number) of an image")
      // Subindex 0 is the scene's.
      var random = CounterRandom(
        seed: seed, purpose: .generation, index: stream(of: split, image: image),
        subindex: UInt32(number + 1))
      let kinds = Kind.allCases[number < questionsPerImage / 2 ? 0..<3 : 3..<6]
      color = Color.allCases[Int(random.integer(below: UInt32(Color.allCases.count)))]
      kind = kinds[kinds.startIndex + Int(random.integer(below: 3))]
    }

    /// The bits that are 1: the colour's of bits 0 ..< 6, the type's of bits 6 and 7
    /// (non-relational, relational) and the subtype's of bits 8 ..< 11.
    public var setBits: (color: Int, type: Int, subtype: Int) {
      (color.rawValue, kind.isRelational ? 7 : 6, 8 + kind.rawValue % 3)
    }

    /// The eleven bits as numbers 0 and 1.
    public var bits: [Float] {
      var bits = [Float](repeating: 0, count: Self.bitCount)
      bits.withUnsafeMutableBufferPointer { encode(into: $0) }
      return bits
    }

    /// Writes the eleven bits as numbers 0 and 1.
    public func encode(into buffer: UnsafeMutableBufferPointer<Float>) {
      precondition(buffer.count == Self.bitCount, "question bits into \(buffer.count) scalars")
      buffer.update(repeating: 0)
      buffer[setBits.color] = 1
      buffer[setBits.type] = 1
      buffer[setBits.subtype] = 1
    }

    /// The question that eleven bits encode; `nil` if they encode none.
    public init?(bits: [Float]) {
      let set = bits.indices.filter { bits[$0] == 1 }
      guard bits.count == Self.bitCount, bits.allSatisfy({ $0 == 0 || $0 == 1 }), set.count == 3,
        let color = Color(rawValue: set[0]), (6...7).contains(set[1]),
        let kind = Kind(rawValue: 3 * (set[1] - 6) + set[2] - 8)
      else { return nil }
      self.init(kind, of: color)
    }

    /// The right answer.
    ///
    /// `horizontal` is yes on the left, `vertical` is yes at the top, and `count`
    /// includes the object asked about, so it is at least 1.
    public func answer(in scene: Scene) -> Answer {
      let object = scene[color]
      return switch kind {
      case .shape: Answer(object.outline)
      case .horizontal: Answer(object.x < imageExtent / 2)
      case .vertical: Answer(object.y < imageExtent / 2)
      case .closest: Answer(scene.nearest(to: color).outline)
      case .furthest: Answer(scene.furthest(from: color).outline)
      case .count: Answer(count: scene.count(sharingOutlineWith: color))
      }
    }

    /// The question in English.
    public var text: String {
      switch kind {
      case .shape: "What shape is the \(color.name) object?"
      case .horizontal: "Is the \(color.name) object in the left half?"
      case .vertical: "Is the \(color.name) object in the top half?"
      case .closest: "What shape is the object nearest to the \(color.name) one?"
      case .furthest: "What shape is the object furthest from the \(color.name) one?"
      case .count: "How many objects have the \(color.name) one's shape, itself included?"
      }
    }
  }

  /// The number of questions about each image: ten non-relational, ten relational.
  public static let questionsPerImage = 20
}
