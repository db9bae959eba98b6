// Recorded motions: skeletons and angles as files tell them, and as scenes of balls.

import DataFiles
import Files
import Foundation
import Learning
import Testing

@testable import RelationNetworks

@Suite struct MotionCaptureTests {
  /// An arm of two bones that hang from a root: 2 to the right, then 1 up.
  private static let skeleton = """
    # a comment
    :version 1.10
    :units
      length 1.0
      angle deg
    :root
       order TX TY TZ RX RY RZ
       axis XYZ
       position 0 1 0
       orientation 0 0 0
    :bonedata
      begin
        id 1
        name upper
        direction 1 0 0
        length 2
        axis 0 0 0 XYZ
        dof rz
        limits (-10 10)
      end
      begin
        id 2
        name lower
        direction 0 1 0
        length 1
        axis 0 0 90 XYZ
        dof rx
        limits (-10 10)
      end
    :hierarchy
      begin
        root upper
        upper lower
      end
    """
  private static let angles = """
    :FULLY-SPECIFIED
    :DEGREES
    1
    root 5 0 0 0 0 0
    upper 0
    lower 0
    2
    root 5 0 0 0 0 90
    upper 90
    lower 90
    """
  private static let hierarchy = """
    HIERARCHY
    ROOT hips
    {
      OFFSET 0 1 0
      CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
      JOINT knee
      {
        OFFSET 2 0 0
        CHANNELS 3 Zrotation Xrotation Yrotation
        End Site
        {
          OFFSET 0 1 0
        }
      }
    }
    MOTION
    Frames: 2
    Frame Time: 0.1
    5 0 0 0 0 0 0 0 0
    5 0 0 90 0 0 90 0 0
    """

  private func close(_ a: SpaceVector, _ x: Double, _ y: Double, _ z: Double) -> Bool {
    abs(a.x - x) + abs(a.y - y) + abs(a.z - z) < 1e-9
  }

  private func clip(asf: String = skeleton, amc: String) throws -> MotionClip {
    var clip: MotionClip?
    try withDirectory { directory in
      try makeDirectory(directory.path)
      try Data(asf.utf8).write(to: directory.appendingPathComponent("01.asf"))
      let path = directory.appendingPathComponent("01_02.amc")
      try Data(amc.utf8).write(to: path)
      clip = try PhysicalSystems.MotionDirectory.clip(path.path)
    }
    return try #require(clip)
  }

  private func clip(bvh: String) throws -> MotionClip {
    var clip: MotionClip?
    try withDirectory { directory in
      try makeDirectory(directory.path)
      let path = directory.appendingPathComponent("walk.bvh")
      try Data(bvh.utf8).write(to: path)
      clip = try PhysicalSystems.MotionDirectory.clip(path.path)
    }
    return try #require(clip)
  }

  @Test(arguments: ["\n", "\r\n"]) func acclaimAnglesBecomePlaces(newline: String) throws {
    let clip = try clip(
      asf: Self.skeleton.replacing("\n", with: newline),
      amc: Self.angles.replacing("\n", with: newline))
    #expect(clip.name == "01_02" && clip.joints.map(\.name) == ["root", "upper", "lower"])
    #expect(clip.joints.map(\.parent) == [nil, 0, 1])
    #expect(close(clip.frames[0][0], 5, 1, 0))
    #expect(close(clip.frames[0][1], 7, 1, 0))
    #expect(close(clip.frames[0][2], 7, 2, 0))
    // The root turns by 90 degrees about z, the upper bone by as much again.
    #expect(close(clip.frames[1][1], 3, 1, 0))
    // About its own x, which is y of the body, the lower bone turns by nothing.
    #expect(close(clip.frames[1][2], 3, 0, 0))
  }

  @Test func biovisionAnglesBecomePlaces() throws {
    let clip = try clip(bvh: Self.hierarchy)
    #expect(clip.joints.map(\.name) == ["hips", "knee", "knee end"])
    #expect(clip.frameSeconds == 0.1)
    #expect(close(clip.frames[0][2], 7, 2, 0))
    #expect(close(clip.frames[1][1], 5, 3, 0))
    #expect(close(clip.frames[1][2], 5, 2, 0))
  }

  @Test func rotationsTurnAsTheyShould() {
    let quarter = Double.pi / 2
    #expect(close(Rotation(about: .x, by: quarter) * SpaceVector(y: 1), 0, 0, 1))
    #expect(close(Rotation(about: .y, by: quarter) * SpaceVector(z: 1), 1, 0, 0))
    #expect(close(Rotation(about: .z, by: quarter) * SpaceVector(x: 1), 0, 1, 0))
    let turn = Rotation(about: .x, by: 0.3) * Rotation(about: .z, by: 1.1)
    let back = turn * turn.inverse * SpaceVector(x: 1, y: 2, z: 3)
    #expect(close(back, 1, 2, 3))
  }

  @Test func whatIsWrongWithAcclaimFilesIsSaidWithItsLine() throws {
    func problem(_ asf: (String, String)? = nil, _ amc: (String, String)? = nil) -> String {
      let skeleton = asf.map { Self.skeleton.replacing($0.0, with: $0.1) } ?? Self.skeleton
      let angles = amc.map { Self.angles.replacing($0.0, with: $0.1) } ?? Self.angles
      do {
        _ = try clip(asf: skeleton, amc: angles)
        return ""
      } catch { return "\(error)" }
    }
    #expect(problem() == "")
    #expect(
      problem(("length 2", "length two")).contains("01.asf, line 16: here should be 1 number"))
    #expect(problem(("length 2", "length nan")).contains("line 16"))
    #expect(problem(("dof rz", "dof tz")).contains("\"tz\" is no freedom"))
    #expect(problem(("axis 0 0 90 XYZ", "axis 0 0 90 XY")).contains("no order of axes"))
    #expect(problem(("name lower", "name upper")).contains("that of another"))
    #expect(problem(("upper lower", "elbow lower")).contains("\"elbow\" does not hang"))
    #expect(problem(("upper lower", "upper hand")).contains("no data of a bone \"hand\""))
    #expect(problem(("root upper", "root upper upper")).contains("hangs from two"))
    #expect(problem(("upper lower", "upper root")).contains("no data of a bone \"root\""))
    #expect(problem((":bonedata", "bonedata")).contains("nothing that a root has"))
    #expect(problem(("    root upper\n    upper lower\n", "")).contains("no bones"))
    #expect(problem(nil, ("upper 90", "upper 90 90")).contains("01_02.amc, line 9: here"))
    #expect(problem(nil, ("upper 90", "elbow 90")).contains("no bone \"elbow\""))
    #expect(problem(nil, ("\nlower 90", "")).contains("line 7: this frame does not tell"))
    #expect(problem(nil, ("root 5 0 0 0 0 90", "root 5 0 0 0 0 inf")).contains("line 8"))
    #expect(problem(nil, (Self.angles, ":DEGREES")).contains("no frame"))
  }

  @Test func whatIsWrongWithBiovisionFilesIsSaidWithItsLine() throws {
    func problem(_ old: String, _ new: String) -> String {
      do {
        _ = try clip(bvh: Self.hierarchy.replacing(old, with: new))
        return ""
      } catch { return "\(error)" }
    }
    #expect(problem("HIERARCHY", "").contains("HIERARCHY"))
    #expect(problem("OFFSET 2 0 0", "OFFSET 2 0").contains("walk.bvh, line 8: here should be 3"))
    #expect(problem("CHANNELS 3", "CHANNELS 4").contains("line 9: its number of channels"))
    #expect(problem("3 Zrotation", "3 Wrotation").contains("\"Wrotation\" is no channel"))
    #expect(problem("JOINT knee", "JOINT hips").contains("two joints called \"hips\""))
    #expect(problem("Frames: 2", "Frames: 3").contains("has 3 frames, but has 2"))
    for time in ["0", "1e300", "1e18", "-1", "nan", "11"] {
      #expect(problem("Frame Time: 0.1", "Frame Time: \(time)").contains("seconds of a frame"))
    }
    #expect(problem("5 0 0 90 0 0 90 0 0", "5 0 0 90").contains("line 20: here should be 9"))
    let start = Self.hierarchy.prefix(120)
    #expect(problem(Self.hierarchy, String(start)).contains("line"))
    for count in stride(from: 0, to: Self.hierarchy.count, by: 7) {
      #expect(problem(Self.hierarchy, String(Self.hierarchy.prefix(count))) != "")
    }
  }

  /// A body of a trunk and limbs that walks along z for so many seconds.
  private static func walk(seconds: Double) -> MotionClip {
    let joints: [(String, Int?)] = [
      ("root", nil), ("knee", 0), ("ankle", 1), ("toe", 2), ("knee2", 0), ("ankle2", 4),
      ("toe2", 5), ("neck", 0), ("head", 7), ("shoulder", 7), ("elbow", 9), ("hand", 10),
      ("thumb", 10),
    ]
    let frames = (0...Int(seconds * 60)).map { number -> [SpaceVector] in
      let time = Double(number) / 60
      let swing = sin(4 * time)
      func at(_ x: Double, _ y: Double, _ ahead: Double) -> SpaceVector {
        SpaceVector(x: x, y: y, z: 1.3 * time + ahead)
      }
      return [
        at(0, 1, 0), at(0.1, 0.55, 0.3 * swing), at(0.1, 0.1, 0.4 * swing),
        at(0.1, 0.05, 0.4 * swing + 0.2), at(-0.1, 0.55, -0.3 * swing),
        at(-0.1, 0.1, -0.4 * swing), at(-0.1, 0.05, 0.2 - 0.4 * swing), at(0, 1.5, 0),
        at(0, 1.7, 0), at(0.2, 1.5, 0), at(0.2, 1.2, -0.2 * swing),
        at(0.2, 0.95, -0.3 * swing), at(0.2, 0.96, 0.02 - 0.3 * swing),
      ]
    }
    return MotionClip(
      name: "walk", joints: joints.map { MotionClip.Joint(name: $0.0, parent: $0.1) },
      frames: frames, frameSeconds: 1.0 / 60)
  }

  @Test func aWalkBecomesWindowsOfTenJointsFromTheSide() throws {
    let clip = Self.walk(seconds: 4)
    let windows = try MotionWindows(of: clip).windows
    // Windows begin at 0, 0.8, 1.6 and 2.4 seconds.
    #expect(Set(windows.map(\.start)).sorted() == [0, 48, 96, 144])
    var linked: Set<[String]> = []
    for window in windows {
      #expect(window.joints.count == 10 && window.places.count == 16 * 10 * 2)
      #expect(window.places.allSatisfy { abs($0) <= 0.9001 })
      #expect((window.places.map(abs).max() ?? 0) > 0.5)
      for (a, b) in window.links {
        linked.insert([clip.joints[window.joints[a]].name, clip.joints[window.joints[b]].name])
        // Bones of the trunk keep their length as it is seen.
        let lengths = (0..<16).map { frame in
          let (i, j) = ((frame * 10 + a) * 2, (frame * 10 + b) * 2)
          let x = window.places[i] - window.places[j]
          let y = window.places[i + 1] - window.places[j + 1]
          return (x * x + y * y).squareRoot()
        }
        #expect((lengths.max() ?? 0) - (lengths.min() ?? 0) < 0.2)
      }
    }
    // The shoulder is behind the neck, and the thumb on the hand.
    #expect(
      linked == [
        ["root", "knee"], ["knee", "ankle"], ["ankle", "toe"], ["root", "knee2"],
        ["knee2", "ankle2"], ["ankle2", "toe2"], ["root", "neck"], ["neck", "head"],
        ["neck", "elbow"], ["elbow", "hand"],
      ])
  }

  @Test func motionsThatAreTooShortOrTooSmallAreRefused() {
    func problem(_ clip: MotionClip) -> String {
      do throws(MotionProblem) {
        _ = try MotionWindows(of: clip)
        return ""
      } catch { return error.description }
    }
    #expect(problem(Self.walk(seconds: 1)).contains("it lasts 1.0 seconds"))
    let walk = Self.walk(seconds: 2)
    let still = MotionClip(
      name: "still", joints: walk.joints, frames: walk.frames.map { _ in walk.frames[0] },
      frameSeconds: walk.frameSeconds)
    #expect(problem(still) == "")
    let point = MotionClip(
      name: "point", joints: [walk.joints[0]], frames: walk.frames.map { [$0[0]] },
      frameSeconds: walk.frameSeconds)
    #expect(problem(point).contains("1 joints apart"))
    let legs = MotionClip(
      name: "legs", joints: Array(walk.joints[..<7]), frames: walk.frames.map { Array($0[..<7]) },
      frameSeconds: walk.frameSeconds)
    #expect(problem(legs).contains("7 joints apart"))
  }

  @Test func packedMotionsKeepTheirNamesAndAreMeasuredApart() throws {
    try withDirectory { directory in
      let source = directory.appendingPathComponent("motions")
      try makeDirectory(source.path)
      try Data(Self.biovision(Self.walk(seconds: 3)).utf8)
        .write(to: source.appendingPathComponent("walk.bvh"))
      let place = DataPlace(path: directory.appendingPathComponent("packed").path)
      try DataDirectory(place.path).begin()
      let contents = try PhysicalSystemsFamily.pack(
        DataPlace(path: source.path), into: place, progress: { _, _ in })
      let identity = try PhysicalSystemsFamily.describe(contents, at: place)
      let settings = PhysicalSystems.Settings(pairWidths: [8], readoutWidths: [8])
      let task = try PhysicalSystemsFamily.open(settings, data: identity, at: place)
      #expect(task.facts.sampleCount(of: .test) == contents.counts["test"])
      #expect(
        task.facts.metrics.map(\.path.description).suffix(2)
          == ["sequences/walk/precision", "sequences/walk/recall"])
      let sample = try task.source.sample(0, in: .test)
      #expect(sample.origin?.sequence == 0 && task.sequences[0].name == "walk")
      let batch = try task.batch(
        Draw(evaluating: [0, 1], of: .test, seed: 1, part: 0))
      #expect(batch.samples.count == 2)
      var findings: [String] = []
      try PhysicalSystemsFamily.check(
        place, finding: { findings.append($0) }, progress: { _, _ in })
      #expect(findings == [])
      // Without the motion's name its scenes are from nowhere.
      var nameless = identity
      nameless.details = .object(["sequences": .array([])])
      let lost = try PhysicalSystemsFamily.open(settings, data: nameless, at: place)
      #expect(throws: SampleFileError.self) { try lost.source.sample(0, in: .test) }
      nameless.details = .object(["sequences": .string("walk")])
      #expect(throws: CatalogueError.self) {
        try PhysicalSystemsFamily.open(settings, data: nameless, at: place)
      }
    }
  }

  /// A clip as a file in which every joint has a place of its own.
  private static func biovision(_ clip: MotionClip) -> String {
    func joint(_ number: Int) -> String {
      let children = clip.joints.indices.filter { clip.joints[$0].parent == number }
      let kind = number == 0 ? "ROOT" : "JOINT"
      return "\(kind) \(clip.joints[number].name)\n{\nOFFSET 0 0 0\n"
        + "CHANNELS 3 Xposition Yposition Zposition\n"
        + children.map { joint($0) }.joined() + "}\n"
    }
    var order: [Int] = []
    func visit(_ number: Int) {
      order.append(number)
      for child in clip.joints.indices where clip.joints[child].parent == number { visit(child) }
    }
    visit(0)
    let frames = clip.frames.map { frame in
      order.map { number -> String in
        let from = clip.joints[number].parent.map { frame[$0] } ?? SpaceVector()
        let to = frame[number]
        return "\(to.x - from.x) \(to.y - from.y) \(to.z - from.z)"
      }.joined(separator: " ")
    }
    return "HIERARCHY\n" + joint(0) + "MOTION\nFrames: \(frames.count)\n"
      + "Frame Time: \(clip.frameSeconds)\n" + frames.joined(separator: "\n") + "\n"
  }
}
