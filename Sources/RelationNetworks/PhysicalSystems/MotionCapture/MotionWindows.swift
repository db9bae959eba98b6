// A recorded walk as scenes of balls: joints seen from the side, ten at a time.

/// What a model of balls is shown of a motion: windows of sixteen frames, each with ten joints.
///
/// The frames of a window are a tenth of a second apart, as in the simulated world. It is seen from
/// the side: across, along the way that the root goes in the window, and up. The root's mean speed
/// is taken out, as on a treadmill, and all joints are moved and scaled alike so that they lie
/// within -0.9 and 0.9 along both axes.
struct MotionWindows {
  /// Some joints during some frames.
  struct Window {
    /// The first frame, in the file's count from 0.
    let start: Int
    /// The joints, by their numbers in the file.
    let joints: [Int]
    /// Where they are: across and up, `[frames, joints, 2]`.
    let places: [Float]
    /// The pairs that a bone connects, by their positions in `joints`.
    let links: [(Int, Int)]
  }

  /// The windows, in the order of time, and of the groups of joints within.
  private(set) var windows: [Window] = []
  private let frameCount: Int
  private let jointCount: Int

  /// The windows of a motion, each half a window after the one before.
  ///
  /// Throws a sentence if it is too short, or does not have enough joints apart from each other.
  init(
    of clip: MotionClip, frameCount: Int = PhysicalSystems.frameCount,
    jointCount: Int = PhysicalSystems.ballCount
  ) throws(MotionProblem) {
    self.frameCount = frameCount
    self.jointCount = jointCount
    let interval = Double(PhysicalSystems.frameSeconds)
    let seconds = Double(clip.frames.count - 1) * clip.frameSeconds
    // A hundredth of a frame more, since times in files are rounded.
    let moments = (0...Int(seconds / interval + 0.01)).map {
      min(Int((Double($0) * interval / clip.frameSeconds).rounded()), clip.frames.count - 1)
    }
    guard moments.count >= frameCount else {
      throw MotionProblem(
        "it lasts \(seconds) seconds; a window takes \(Double(frameCount - 1) * interval)")
    }
    let starts = stride(from: 0, through: moments.count - frameCount, by: frameCount / 2)
    let views = starts.map { start in
      Self.sideView(moments[start..<start + frameCount].map { clip.frames[$0] })
    }
    let parents = Self.parentsOfApart(clip.joints, in: views)
    guard parents.count >= jointCount else {
      throw MotionProblem(
        "it has \(parents.count) joints apart from each other; \(jointCount) are needed")
    }
    let groups = groups(of: parents)
    for (start, view) in zip(starts, views) {
      let scaled = Self.scaled(view, joints: Array(parents.keys))
      guard scaled.allSatisfy({ $0.allSatisfy { $0.allSatisfy(\.isFinite) } }) else {
        throw MotionProblem("its joints are farther away than numbers reach")
      }
      for group in groups {
        windows.append(
          Window(
            start: moments[start], joints: group,
            places: scaled.flatMap { frame in group.flatMap { frame[$0] } },
            links: group.enumerated().compactMap { place, joint in
              parents[joint].flatMap(\.self).flatMap { group.firstIndex(of: $0) }
                .map { ($0, place) }
            }))
      }
    }
  }

  /// Across and up of every joint at every frame, without the mean speed of the root.
  private static func sideView(_ frames: [[SpaceVector]]) -> [[[Double]]] {
    let (first, last) = (frames[0][0], frames[frames.count - 1][0])
    let (x, z) = (last.x - first.x, last.z - first.z)
    let distance = (x * x + z * z).squareRoot()
    // Who stays where he is, is seen along the first axis.
    let way = distance > 0 ? (x: x / distance, z: z / distance) : (x: 1, z: 0)
    return frames.enumerated().map { number, joints in
      let gone = distance * Double(number) / Double(max(frames.count - 1, 1))
      return joints.map { joint in
        [(joint.x - first.x) * way.x + (joint.z - first.z) * way.z - gone, joint.y]
      }
    }
  }

  /// The joints that lie apart from each other as seen, each with the one that it hangs from, `nil`
  /// for the root.
  ///
  /// A joint that lies on the average nearer to what it hangs from than a twelfth of the body's
  /// height, or never further away from another that hangs there, is one with it: what hangs from
  /// it hangs from that. Balls of simulated scenes begin at least so far apart.
  private static func parentsOfApart(
    _ joints: [MotionClip.Joint], in views: [[[[Double]]]]
  ) -> [Int: Int?] {
    let frames = Array(views.joined())
    let height = frames.reduce(0) { sum, frame in
      let heights = frame.map { $0[1] }
      return sum + (heights.max() ?? 0) - (heights.min() ?? 0)
    }
    var parents: [Int: Int?] = [:]
    // For each joint the one that it is one with.
    var stands: [Int] = []
    for (number, joint) in joints.enumerated() {
      guard let parent = joint.parent.map({ stands[$0] }) else {
        parents[number] = .some(nil)
        stands.append(number)
        continue
      }
      func distances(to other: Int) -> [Double] {
        frames.map { frame in
          let (x, y) = (frame[number][0] - frame[other][0], frame[number][1] - frame[other][1])
          return (x * x + y * y).squareRoot()
        }
      }
      let isOneWithParent = distances(to: parent).reduce(0, +) * 12 < height
      // Fingers beside the thumb, or one shoulder behind the other; knees and elbows part.
      let same =
        isOneWithParent
        ? parent
        : parents.keys.sorted().first { sibling in
          parents[sibling] == .some(parent)
            && distances(to: sibling).allSatisfy { $0 * 12 * Double(frames.count) < height }
        }
      if same == nil { parents[number] = parent }
      stands.append(same ?? number)
    }
    return parents
  }

  /// Groups of joints in which every two that a bone connects are together at least once.
  private func groups(of parents: [Int: Int?]) -> [[Int]] {
    let joints = parents.keys.sorted()
    var open = Set(joints.filter { parents[$0].flatMap(\.self) != nil })
    var groups: [[Int]] = []
    while !open.isEmpty {
      var group: [Int] = []
      func add(_ joint: Int) { if !group.contains(joint) { group.append(joint) } }
      for joint in joints where open.contains(joint) {
        guard let parent = parents[joint].flatMap(\.self) else { continue }
        let new = [parent, joint].filter { !group.contains($0) }
        guard group.count + new.count <= jointCount else { continue }
        new.forEach(add)
        open.remove(joint)
      }
      // Whatever room is left goes to joints that are seen already.
      for joint in joints where group.count < jointCount { add(joint) }
      groups.append(group.sorted())
    }
    return groups
  }

  /// The view moved and scaled so that the joints fill the middle nine tenths of the table.
  private static func scaled(_ view: [[[Double]]], joints: [Int]) -> [[[Float]]] {
    let (bounds, half) = bounds(of: view, joints)
    return view.map { frame in
      frame.map { place in
        zip(place, bounds).map { Float(($0 - $1) / half * 0.9) }
      }
    }
  }

  /// The middle along both axes, and half of the larger extent.
  private static func bounds(of view: [[[Double]]], _ joints: [Int]) -> ([Double], Double) {
    let extents = (0..<2).map { axis in
      let values = view.flatMap { frame in joints.map { frame[$0][axis] } }
      return (low: values.min() ?? 0, high: values.max() ?? 0)
    }
    let half = extents.map { ($0.high - $0.low) / 2 }.max() ?? 1
    return (extents.map { ($0.low + $0.high) / 2 }, max(half, .leastNormalMagnitude))
  }
}

/// Why a motion cannot be shown as balls.
struct MotionProblem: Error, CustomStringConvertible {
  /// A sentence without the file.
  let description: String

  init(_ description: String) { self.description = description }
}
