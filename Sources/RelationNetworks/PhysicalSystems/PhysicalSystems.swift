// What is known of dynamic physical systems, and what a sample is.

import Learning

/// Balls that move about on a table, some of them joined by springs and rods that nobody sees.
public enum PhysicalSystems {
  /// The balls of a scene.
  public static let ballCount = 10
  /// The moments at which a scene is looked at.
  public static let frameCount = 16

  /// What no coordinate exceeds: the table ends at 1, but not everything that moves is on a table.
  static let greatestCoordinate: Float = 100

  /// A scene as it is seen, and the truth about it.
  struct Sample: Hashable, Sendable {
    /// Where the balls are: x and y, `[frames, balls, 2]`, half the table being 1.
    var positions: [Float]
    /// The colour of each ball, all different, by its number in the palette.
    var colors: [Int]
    /// What joins the balls.
    var links: Links
    /// Where it is from, if it is no simulation.
    var origin: Origin?

    /// The coordinate of a ball at a frame; axis 0 is x, 1 is y.
    func position(ofBall ball: Int, at frame: Int, axis: Int) -> Float {
      positions[(frame * ballCount + ball) * 2 + axis]
    }

    /// The balls in the order of their colours.
    var ballsByColor: [Int] { (0..<ballCount).sorted { colors[$0] < colors[$1] } }
  }

  /// Where samples come from.
  protocol Source: Sendable {
    /// A sample of a split.
    func sample(_ index: Int, in split: Split) throws -> Sample
  }

  /// The scenes of a seed, simulated when they are asked for, in any order, by any process.
  struct GeneratedScenes: Source {
    /// What the scenes are drawn from.
    let seed: UInt64

    func sample(_ index: Int, in split: Split) -> Sample {
      let scene = Scene(seed: seed, split: split, index: index)
      return Sample(positions: scene.simulated(), colors: scene.colors, links: scene.links)
    }
  }

  /// Red, green and blue of each colour, from -1 to 1.
  ///
  /// They lie on a sphere, so each is told from all others by a plane, that is, by one unit.
  static let palette: [[Float]] = [
    [0, 0, 1], [0, 0, -1],
    [0.9, 0, 0.4], [0, 0.9, 0.4], [-0.9, 0, 0.4], [0, -0.9, 0.4],
    [0.64, 0.64, -0.4], [-0.64, 0.64, -0.4], [-0.64, -0.64, -0.4], [0.64, -0.64, -0.4],
  ]
}
