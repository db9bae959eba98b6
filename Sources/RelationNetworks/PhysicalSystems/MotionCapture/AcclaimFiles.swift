// Motions in the form of Acclaim, as the CMU data base has them: a skeleton (.asf), and the angles
// of its joints frame by frame (.amc).

import Files
import Foundation

/// The content of a file of a motion.
func motionFile(_ path: String) throws -> Data { try readFile(path, limit: 1 << 28) }

/// A skeleton: bones that hang from one another.
struct AcclaimSkeleton {
  /// A bone, which ends in the joint of its name.
  struct Bone {
    var name = ""
    var direction = SpaceVector()
    var length = 0.0
    /// Turns the axes in which its angles are told to those of the body.
    var frame = Rotation.none
    /// The axes about which it turns, as its angles are listed.
    var freedoms: [Rotation.Axis] = []
    var parent = 0
  }

  /// What a number of the root's line tells.
  enum RootChannel {
    case move(WritableKeyPath<SpaceVector, Double>)
    case turn(Rotation.Axis)
  }

  /// The path, for errors.
  let path: String
  /// The root, then the bones, a parent before its children.
  private(set) var bones: [Bone] = []
  /// The root's numbers.
  private(set) var rootChannels: [RootChannel] = []
  private var rootPosition = SpaceVector()
  private var isInDegrees = true

  /// Reads a skeleton.
  ///
  /// Throws a sentence with the line that makes no sense.
  init(contentsOf path: String) throws {
    self.path = path
    var lines = try WordLines(contentsOf: path, comment: "#")
    var listed: [String: Bone] = [:]
    var parents: [(child: String, parent: String, line: WordLines.Line)] = []
    var root = Bone(name: "root")
    while let line = lines.take() {
      switch line.words[0] {
      case ":units": try readUnits(&lines)
      case ":root": try readRoot(&root, &lines)
      case ":bonedata": try readBones(into: &listed, &lines)
      case ":hierarchy": parents += try Self.readHierarchy(&lines)
      case let word where word.hasPrefix(":"): Self.skipSection(&lines)
      default: throw lines.failure(line, "here should begin a section such as :bonedata")
      }
    }
    guard !rootChannels.isEmpty else { throw lines.failure(nil, "there is no order of the root") }
    bones = [root]
    var places = ["root": 0]
    for (child, parent, line) in parents {
      guard let place = places[parent] else {
        throw lines.failure(line, "\"\(parent)\" does not hang from anything yet")
      }
      guard var bone = listed[child] else {
        throw lines.failure(line, "there are no data of a bone \"\(child)\"")
      }
      guard places.updateValue(bones.count, forKey: child) == nil else {
        throw lines.failure(line, "\"\(child)\" hangs from two bones")
      }
      bone.parent = place
      bones.append(bone)
    }
    guard bones.count > 1 else { throw lines.failure(nil, "there are no bones in its hierarchy") }
  }

  private static func skipSection(_ lines: inout WordLines) {
    while let line = lines.peek, !line.words[0].hasPrefix(":") { _ = lines.take() }
  }

  private mutating func readUnits(_ lines: inout WordLines) throws {
    while let line = lines.peek, !line.words[0].hasPrefix(":") {
      _ = lines.take()
      if line.words[0] == "angle" { isInDegrees = line.words.dropFirst().first != "rad" }
    }
  }

  private mutating func readRoot(_ root: inout Bone, _ lines: inout WordLines) throws {
    var (axis, orientation) = ("XYZ" as Substring, [0.0, 0, 0])
    while let line = lines.peek, !line.words[0].hasPrefix(":") {
      _ = lines.take()
      let values = line.words.dropFirst()
      switch line.words[0] {
      case "order":
        rootChannels = try values.map { word in
          switch word.lowercased() {
          case "tx": .move(\.x)
          case "ty": .move(\.y)
          case "tz": .move(\.z)
          default: .turn(try Self.axis(word, of: line, lines))
          }
        }
      case "axis": axis = values.first ?? ""
      case "position":
        let place = try lines.numbers(values, count: 3, of: line)
        rootPosition = SpaceVector(x: place[0], y: place[1], z: place[2])
      case "orientation":
        orientation = try lines.numbers(values, count: 3, of: line)
        root.frame = try frame(orientation, order: axis, line, lines)
      default: throw lines.failure(line, "\"\(line.words[0])\" is nothing that a root has")
      }
    }
  }

  private static func axis(
    _ word: Substring, of line: WordLines.Line, _ lines: WordLines
  ) throws(SampleFileError) -> Rotation.Axis {
    let name = word.lowercased()
    guard name.count == 2, name.hasPrefix("r"),
      let axis = Rotation.Axis(rawValue: String(name.suffix(1)))
    else { throw lines.failure(line, "\"\(word)\" is no freedom: one is rx, ry or rz") }
    return axis
  }

  /// The frame of a bone: turned about the axes of `order`, the first first.
  private func frame(
    _ angles: [Double], order: Substring, _ line: WordLines.Line, _ lines: WordLines
  ) throws(SampleFileError) -> Rotation {
    let axes = order.lowercased().compactMap { Rotation.Axis(rawValue: String($0)) }
    guard axes.count == 3, order.count == 3 else {
      throw lines.failure(line, "\"\(order)\" is no order of axes such as XYZ")
    }
    return zip(axes, angles).reduce(Rotation.none) { frame, turn in
      Rotation(about: turn.0, by: radians(turn.1)) * frame
    }
  }

  private func radians(_ angle: Double) -> Double { isInDegrees ? angle * .pi / 180 : angle }
}

extension AcclaimSkeleton {
  private func readBones(into listed: inout [String: Bone], _ lines: inout WordLines) throws {
    while let begin = lines.peek, !begin.words[0].hasPrefix(":") {
      _ = lines.take()
      guard begin.words[0] == "begin" else { throw lines.failure(begin, "here should be begin") }
      var bone = Bone()
      while true {
        guard let line = lines.take() else {
          throw lines.failure(nil, "the file ends in the middle of a bone")
        }
        if line.words[0] == "end" { break }
        try read(line, into: &bone, lines)
      }
      guard !bone.name.isEmpty, listed.updateValue(bone, forKey: bone.name) == nil else {
        throw lines.failure(begin, "this bone has no name, or that of another")
      }
    }
  }

  private func read(
    _ line: WordLines.Line, into bone: inout Bone, _ lines: WordLines
  ) throws(SampleFileError) {
    let values = line.words.dropFirst()
    switch line.words[0] {
    case "name": bone.name = values.first.map(String.init) ?? ""
    case "direction":
      let way = try lines.numbers(values, count: 3, of: line)
      bone.direction = SpaceVector(x: way[0], y: way[1], z: way[2])
    case "length": bone.length = try lines.numbers(values, count: 1, of: line)[0]
    case "axis":
      let angles = try lines.numbers(values.dropLast(), count: 3, of: line)
      bone.frame = try frame(angles, order: values.last ?? "", line, lines)
    case "dof":
      var freedoms: [Rotation.Axis] = []
      for word in values { freedoms.append(try Self.axis(word, of: line, lines)) }
      bone.freedoms = freedoms
    // Limits go on over several lines, which begin with a bracket.
    case "id", "limits", "bodymass", "cofmass": break
    case let word where word.hasPrefix("("): break
    default: throw lines.failure(line, "\"\(line.words[0])\" is nothing that a bone has")
    }
  }

  private static func readHierarchy(
    _ lines: inout WordLines
  ) throws -> [(child: String, parent: String, line: WordLines.Line)] {
    var parents: [(child: String, parent: String, line: WordLines.Line)] = []
    while let line = lines.peek, !line.words[0].hasPrefix(":") {
      _ = lines.take()
      if line.words.count == 1, line.words[0] == "begin" || line.words[0] == "end" { continue }
      for child in line.words.dropFirst() {
        parents.append((String(child), String(line.words[0]), line))
      }
    }
    return parents
  }

  /// The motion of a file: where each bone of the skeleton ends, and the root.
  ///
  /// Throws a sentence with the line that makes no sense, or if a frame leaves out a bone that
  /// turns.
  func motion(contentsOf path: String, frameSeconds: Double) throws -> MotionClip {
    var lines = try WordLines(contentsOf: path, comment: "#")
    var isInDegrees = true
    while let line = lines.peek, line.words[0].hasPrefix(":") {
      if line.words[0].lowercased() == ":radians" { isInDegrees = false }
      _ = lines.take()
    }
    let places = Dictionary(uniqueKeysWithValues: bones.enumerated().map { ($1.name, $0) })
    var frames: [[SpaceVector]] = []
    while let number = lines.take() {
      guard number.words.count == 1, Int(number.words[0]) != nil else {
        throw lines.failure(number, "here should be the number of a frame")
      }
      var values = [[Double]?](repeating: nil, count: bones.count)
      while let line = lines.peek, line.words.count > 1 {
        _ = lines.take()
        guard let bone = places[String(line.words[0])] else {
          throw lines.failure(line, "the skeleton \(self.path) has no bone \"\(line.words[0])\"")
        }
        let count = bone == 0 ? rootChannels.count : bones[bone].freedoms.count
        values[bone] = try lines.numbers(line.words.dropFirst(), count: count, of: line)
      }
      if let bone = bones.indices.first(where: {
        values[$0] == nil && ($0 == 0 || !bones[$0].freedoms.isEmpty)
      }) {
        throw lines.failure(number, "this frame does not tell how \"\(bones[bone].name)\" is")
      }
      frames.append(pose(values.map { $0 ?? [] }, isInDegrees ? .pi / 180 : 1))
    }
    guard !frames.isEmpty else { throw lines.failure(nil, "there is no frame in it") }
    return MotionClip(
      name: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent,
      joints: bones.enumerated().map { index, bone in
        MotionClip.Joint(name: bone.name, parent: index == 0 ? nil : bone.parent)
      }, frames: frames, frameSeconds: frameSeconds)
  }

  /// Where the bones end that are turned by the given angles.
  private func pose(_ values: [[Double]], _ unit: Double) -> [SpaceVector] {
    var place = rootPosition
    var turn = Rotation.none
    for (channel, value) in zip(rootChannels, values[0]) {
      switch channel {
      case .move(let path): place[keyPath: path] += value
      case .turn(let axis): turn = Rotation(about: axis, by: value * unit) * turn
      }
    }
    var places = [place]
    var turns = [bones[0].frame * turn * bones[0].frame.inverse]
    for (bone, angles) in zip(bones, values).dropFirst() {
      let turn = zip(bone.freedoms, angles).reduce(Rotation.none) {
        Rotation(about: $1.0, by: $1.1 * unit) * $0
      }
      let whole = turns[bone.parent] * bone.frame * turn * bone.frame.inverse
      turns.append(whole)
      places.append(places[bone.parent] + whole * (bone.length * bone.direction))
    }
    return places
  }
}
