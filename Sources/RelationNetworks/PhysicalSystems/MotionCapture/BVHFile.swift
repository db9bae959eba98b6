// Motions in the form of Biovision (.bvh): a skeleton and its angles in one file.

import Foundation

/// Reads a file of a skeleton and its motion.
struct BVHFile {
  /// What one number of a frame tells.
  private enum Channel {
    case move(WritableKeyPath<SpaceVector, Double>)
    case turn(Rotation.Axis)
  }

  private struct Node {
    var name: String
    var parent: Int?
    var offset = SpaceVector()
    var channels: [Channel] = []
  }

  private var nodes: [Node] = []
  /// What was read.
  private(set) var motion: MotionClip

  /// Reads a file.
  ///
  /// Throws a sentence with the line that makes no sense.
  init(contentsOf path: String) throws {
    let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    motion = MotionClip(name: name, joints: [], frames: [], frameSeconds: 0)
    var lines = try WordLines(contentsOf: path)
    guard let first = lines.take(), first.words == ["HIERARCHY"] else {
      throw lines.failure(lines.peek, "here should be HIERARCHY")
    }
    try readHierarchy(&lines)
    let (count, seconds) = try Self.readHead(&lines)
    var frames: [[SpaceVector]] = []
    let channelCount = nodes.reduce(0) { $0 + $1.channels.count }
    while let line = lines.take() {
      frames.append(pose(try lines.numbers(line.words[...], count: channelCount, of: line)))
    }
    guard frames.count == count, count > 0 else {
      throw lines.failure(nil, "it says it has \(count) frames, but has \(frames.count)")
    }
    motion = MotionClip(
      name: name, joints: nodes.map { MotionClip.Joint(name: $0.name, parent: $0.parent) },
      frames: frames, frameSeconds: seconds)
  }

  private mutating func readHierarchy(_ lines: inout WordLines) throws {
    // The joints that are not closed yet, outermost first.
    var open: [Int] = []
    repeat {
      guard let line = lines.take() else {
        throw lines.failure(nil, "the file ends in the middle of its skeleton")
      }
      switch line.words[0] {
      case "ROOT" where nodes.isEmpty, "JOINT" where !open.isEmpty, "End" where !open.isEmpty:
        let isEnd = line.words[0] == "End"
        guard line.words.count == 2, lines.take()?.words == ["{"] else {
          throw lines.failure(line, "here should be a joint's name, and { on the next line")
        }
        let name = isEnd ? "\(nodes[open[open.count - 1]].name) end" : String(line.words[1])
        guard !nodes.contains(where: { $0.name == name }) else {
          throw lines.failure(line, "there are two joints called \"\(name)\"")
        }
        nodes.append(Node(name: name, parent: open.last))
        open.append(nodes.count - 1)
      case "OFFSET" where !open.isEmpty:
        let offset = try lines.numbers(line.words.dropFirst(), count: 3, of: line)
        nodes[open[open.count - 1]].offset = SpaceVector(x: offset[0], y: offset[1], z: offset[2])
      case "CHANNELS" where !open.isEmpty:
        nodes[open[open.count - 1]].channels = try Self.channels(line, lines)
      case "}" where !open.isEmpty: open.removeLast()
      default: throw lines.failure(line, "\"\(line.words[0])\" has no place here")
      }
    } while !open.isEmpty
  }

  private static func channels(_ line: WordLines.Line, _ lines: WordLines) throws -> [Channel] {
    let names = line.words.dropFirst(2)
    guard line.words.count > 1, Int(line.words[1]) == names.count else {
      throw lines.failure(line, "its number of channels is not that of their names")
    }
    return try names.map { name in
      switch name {
      case "Xposition": .move(\.x)
      case "Yposition": .move(\.y)
      case "Zposition": .move(\.z)
      case "Xrotation": .turn(.x)
      case "Yrotation": .turn(.y)
      case "Zrotation": .turn(.z)
      default: throw lines.failure(line, "\"\(name)\" is no channel such as Xrotation")
      }
    }
  }

  /// The number of frames, and the time from one to the next.
  private static func readHead(_ lines: inout WordLines) throws -> (count: Int, seconds: Double) {
    let start = lines.take()
    guard start?.words == ["MOTION"] else { throw lines.failure(start, "here should be MOTION") }
    let frames = lines.take()
    guard let frames, frames.words.count == 2, frames.words[0] == "Frames:",
      let count = Int(frames.words[1])
    else { throw lines.failure(frames, "here should be the number of frames, such as Frames: 90") }
    let time = lines.take()
    guard let time, time.words.count == 3, time.words[0] == "Frame", time.words[1] == "Time:",
      let seconds = Double(time.words[2]), (1e-5...10).contains(seconds)
    else {
      throw lines.failure(
        time, "here should be the seconds of a frame, 10 at most, such as Frame Time: 0.01")
    }
    return (count, seconds)
  }

  /// Where the joints are in a frame of the given numbers.
  private func pose(_ values: [Double]) -> [SpaceVector] {
    var places: [SpaceVector] = []
    var turns: [Rotation] = []
    var next = 0
    for node in nodes {
      var offset = node.offset
      var turn = Rotation.none
      for channel in node.channels {
        switch channel {
        case .move(let path): offset[keyPath: path] += values[next]
        case .turn(let axis): turn = turn * Rotation(about: axis, by: values[next] * .pi / 180)
        }
        next += 1
      }
      if let parent = node.parent {
        places.append(places[parent] + turns[parent] * offset)
        turns.append(turns[parent] * turn)
      } else {
        places.append(offset)
        turns.append(turn)
      }
    }
    return places
  }
}
