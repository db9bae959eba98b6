// What a model reads of each ball: its colour and its motion.

import Learning
import Tensors

extension PhysicalSystems {
  /// How a ball's colour is told.
  public enum ColorCode: String, SettingChoice {
    case rgb
    case oneHot = "one-hot"

    /// "color".
    public static let kind = "color"

    /// What stands in a row.
    public var summary: String {
      switch self {
      case .rgb: "Red, green and blue, as in the paper."
      case .oneHot: "Ten numbers, of which one is 1."
      }
    }

    /// The numbers of the code.
    var featureCount: Int { self == .rgb ? 3 : ballCount }

    /// The code of a colour by its number in the palette.
    func numbers(of color: Int) -> [Float] {
      switch self {
      case .rgb: palette[color]
      case .oneHot: (0..<ballCount).map { $0 == color ? 1 : 0 }
      }
    }
  }

  /// How a ball's motion is told.
  public enum MotionCode: String, SettingChoice {
    case positions
    case changes
    case all

    /// "motion".
    public static let kind = "motion"

    /// What stands in a row.
    public var summary: String {
      switch self {
      case .positions: "The places at 16 moments, as in the paper: 16 x, 16 y."
      case .changes: "The same in another basis: place, velocity, 14 changes of velocity."
      case .all: "The places, the velocities and their changes, all linear in the places."
      }
    }

    /// The numbers of the code.
    var featureCount: Int {
      switch self {
      case .positions, .changes: 2 * frameCount
      case .all: 2 * (3 * frameCount - 3)
      }
    }

    /// The code of a ball's places along one axis.
    func numbers(of places: [Float]) -> [Float] {
      // Per second, so that all numbers are of the order of 1.
      let velocities = zip(places.dropFirst(), places).map { ($0 - $1) / frameSeconds }
      let changes = zip(velocities.dropFirst(), velocities).map { $0 - $1 }
      return switch self {
      case .positions: places
      case .changes: [places[0], velocities[0]] + changes
      case .all: places + velocities + changes
      }
    }
  }

  /// The time from one frame to the next.
  static let frameSeconds: Float = 0.1
}

extension PhysicalSystems.Settings {
  /// The numbers of a ball.
  var featureCount: Int { color.featureCount + motion.featureCount }

  /// Writes the rows of a sample's balls in the order of their colours, `[balls, features]`.
  func writeRows(of sample: PhysicalSystems.Sample, into rows: UnsafeMutableBufferPointer<Float>) {
    var end = 0
    for ball in sample.ballsByColor {
      let motionNumbers = (0..<2).flatMap { axis in
        motion.numbers(
          of: (0..<PhysicalSystems.frameCount).map {
            sample.position(ofBall: ball, at: $0, axis: axis)
          })
      }
      let code = color.numbers(of: sample.colors[ball]).map { $0 * colorScale }
      for number in code + motionNumbers {
        rows[end] = number
        end += 1
      }
    }
  }
}

extension PhysicalSystems.Sample {
  /// Makes of the scene another one that is as likely: mirrored, turned by a right angle, and in
  /// other colours.
  mutating func vary(_ random: inout CounterRandom) {
    let bits = random.integer(below: 8)
    for start in stride(from: 0, to: positions.count, by: 2) {
      if bits & 1 == 1 { positions[start] = -positions[start] }
      if bits & 2 == 2 { positions[start + 1] = -positions[start + 1] }
      if bits & 4 == 4 { positions.swapAt(start, start + 1) }
    }
    let renamed = random.shuffled(Array(0..<PhysicalSystems.ballCount))
    colors = colors.map { renamed[$0] }
  }
}
