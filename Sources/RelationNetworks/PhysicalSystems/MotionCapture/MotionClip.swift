// A recorded motion: where the joints of a body were, frame by frame.

import Foundation

/// A place or a direction in space.
struct SpaceVector: Hashable, Sendable {
  var x = 0.0
  var y = 0.0
  var z = 0.0

  static func + (a: SpaceVector, b: SpaceVector) -> SpaceVector {
    SpaceVector(x: a.x + b.x, y: a.y + b.y, z: a.z + b.z)
  }

  static func * (a: Double, b: SpaceVector) -> SpaceVector {
    SpaceVector(x: a * b.x, y: a * b.y, z: a * b.z)
  }
}

/// A rotation.
struct Rotation: Hashable, Sendable {
  /// An axis of space.
  enum Axis: String, Sendable {
    case x
    case y
    case z
  }

  /// Where the three axes go.
  private let x, y, z: SpaceVector

  /// No rotation.
  static let none = Rotation(x: SpaceVector(x: 1), y: SpaceVector(y: 1), z: SpaceVector(z: 1))

  private init(x: SpaceVector, y: SpaceVector, z: SpaceVector) {
    (self.x, self.y, self.z) = (x, y, z)
  }

  /// The rotation about an axis by an angle in radians, counter-clockwise as seen from its tip.
  init(about axis: Axis, by angle: Double) {
    let (s, c) = (sin(angle), cos(angle))
    switch axis {
    case .x:
      self.init(x: SpaceVector(x: 1), y: SpaceVector(y: c, z: s), z: SpaceVector(y: -s, z: c))
    case .y:
      self.init(x: SpaceVector(x: c, z: -s), y: SpaceVector(y: 1), z: SpaceVector(x: s, z: c))
    case .z:
      self.init(x: SpaceVector(x: c, y: s), y: SpaceVector(x: -s, y: c), z: SpaceVector(z: 1))
    }
  }

  /// Where a vector goes.
  static func * (rotation: Rotation, vector: SpaceVector) -> SpaceVector {
    vector.x * rotation.x + vector.y * rotation.y + vector.z * rotation.z
  }

  /// The second rotation, then the first.
  static func * (first: Rotation, second: Rotation) -> Rotation {
    Rotation(x: first * second.x, y: first * second.y, z: first * second.z)
  }

  /// The way back.
  var inverse: Rotation {
    Rotation(
      x: SpaceVector(x: x.x, y: y.x, z: z.x), y: SpaceVector(x: x.y, y: y.y, z: z.y),
      z: SpaceVector(x: x.z, y: y.z, z: z.z))
  }
}

/// The joints of a body and where they were at each frame; y is up.
struct MotionClip: Sendable {
  /// A joint.
  struct Joint: Hashable, Sendable {
    /// Its name in the file.
    let name: String
    /// The joint that a bone connects it to, which stands before it; `nil` for the root.
    let parent: Int?
  }

  /// The file's name without its ending.
  let name: String
  /// The joints, a parent before its children.
  let joints: [Joint]
  /// Where each joint was, `[frames][joints]`, in whatever unit the file has.
  let frames: [[SpaceVector]]
  /// The time from one frame to the next.
  let frameSeconds: Double
}

/// The lines of a text file, in words.
struct WordLines {
  /// A line that holds anything.
  struct Line {
    /// Counted from 1.
    let number: Int
    /// What stands between spaces.
    let words: [Substring]
  }

  /// The path, as errors name it.
  let path: String
  private let lines: [Line]
  private var next = 0

  /// The lines of a file; what follows `comment` on a line is left out.
  ///
  /// Throws if it cannot be read, or has more than 256 MB.
  init(contentsOf path: String, comment: Character? = nil) throws {
    self.path = path
    let text = String(decoding: try motionFile(path), as: UTF8.self)
    var number = 0
    var lines: [Line] = []
    // "\r\n" is one character, and a newline.
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      number += 1
      let said = comment.map { mark in line.prefix { $0 != mark } } ?? line
      let words = said.split(whereSeparator: \.isWhitespace)
      if !words.isEmpty { lines.append(Line(number: number, words: words)) }
    }
    self.lines = lines
  }

  /// The next line, without taking it; `nil` at the end.
  var peek: Line? { next < lines.count ? lines[next] : nil }

  /// Takes the next line; `nil` at the end.
  mutating func take() -> Line? {
    defer { next += 1 }
    return peek
  }

  /// An error about a line, or about the end of the file.
  func failure(_ line: Line?, _ problem: String) -> SampleFileError {
    SampleFileError(path, line: (line ?? lines.last)?.number ?? 1, problem)
  }

  /// The numbers of words.
  ///
  /// Throws if there are not `count` of them, or if one is no finite number.
  func numbers(
    _ words: ArraySlice<Substring>, count: Int, of line: Line
  ) throws(SampleFileError) -> [Double] {
    let numbers = words.compactMap { Double($0) }.filter(\.isFinite)
    guard numbers.count == words.count, words.count == count else {
      throw failure(line, "here should be \(count) number\(count == 1 ? "" : "s")")
    }
    return numbers
  }
}
