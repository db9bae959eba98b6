// Where the camera of a CLEVR scene stands, and where it sees a point.

extension CLEVR {
  /// A camera that looks at the middle of the ground.
  ///
  /// The published scenes were seen through a lens of 35 mm before a sensor of 32 mm; centres of
  /// objects that are computed by it agree with `pixel_coords` to the pixel, their depth to seven
  /// digits.
  public struct Camera: Hashable, Sendable {
    /// The columns of a published image.
    public static let width = 480
    /// The rows of a published image.
    public static let height = 320
    /// The distance of the image from the eye, in pixels of 480 x 320.
    public static let focalLength = 525.0
    /// Where it stands before it is moved.
    public static let home = SIMD3(7.48113, -6.50764, 5.34367)
    /// How far it is moved along each axis at most.
    public static let jitter = 0.5

    /// Where it stands.
    public let position: SIMD3<Double>
    /// The unit vector that it looks along.
    public let forward: SIMD3<Double>
    /// The unit vector to the right of the image, which is level.
    public let right: SIMD3<Double>
    /// The unit vector to the top of the image.
    public let up: SIMD3<Double>

    /// A camera at a place that is not above the middle.
    public init(at position: SIMD3<Double>) {
      self.position = position
      forward = Self.normalized(-position)
      right = Self.normalized([forward.y, -forward.x, 0])
      up = [
        right.y * forward.z, -right.x * forward.z, right.x * forward.y - right.y * forward.x,
      ]
    }

    /// The column and the row where a point is seen, counted from the upper left corner, and its
    /// depth: how far it is along `forward`.
    public func projection(of point: SIMD3<Double>) -> (column: Double, row: Double, depth: Double)
    {
      let offset = point - position
      let depth = (offset * forward).sum()
      let scale = Self.focalLength / depth
      return (
        Double(Self.width) / 2 + scale * (offset * right).sum(),
        Double(Self.height) / 2 - scale * (offset * up).sum(), depth
      )
    }

    private static func normalized(_ vector: SIMD3<Double>) -> SIMD3<Double> {
      vector / (vector * vector).sum().squareRoot()
    }
  }
}
