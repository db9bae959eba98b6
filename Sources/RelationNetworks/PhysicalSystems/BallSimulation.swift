// How a scene goes on: its balls in Chipmunk2D, sixteen times looked at.

import CChipmunk

extension PhysicalSystems {
  /// The simulator that scenes are made with: another version may give other bits.
  static let simulator = "Chipmunk \(String(cString: chipmunk_version()))"

  /// The world of all scenes, in units of half the table, a ball's mass, and seconds.
  enum World {
    static let ballRadius = 0.05
    static let stiffness = 50.0
    static let stepSeconds = 0.01
    static let stepsPerFrame = 10
    /// Half the thickness of the four walls, so thick that nothing gets through.
    static let wallRadius = 0.5
  }
}

extension PhysicalSystems.Scene {
  /// Where the balls are at each frame, every tenth of a second from time 0 on: x and y,
  /// `[frames, balls, 2]`.
  ///
  /// No gravity, no friction, no damping, no rotation. All balls bounce off each other and off the
  /// walls without loss; links pass through everything.
  func simulated() -> [Float] {
    typealias World = PhysicalSystems.World
    let space = Space()
    let balls = zip(positions, velocities).map { space.addBall(at: $0, velocity: $1) }
    for link in links.list {
      space.addLink(link.kind, from: balls[link.first], to: balls[link.second])
    }
    var frames: [Float] = []
    frames.reserveCapacity(PhysicalSystems.frameCount * PhysicalSystems.ballCount * 2)
    for frame in 0..<PhysicalSystems.frameCount {
      if frame > 0 {
        for _ in 0..<World.stepsPerFrame { cpSpaceStep(space.space, World.stepSeconds) }
      }
      for ball in balls {
        let place = cpBodyGetPosition(ball)
        frames.append(Float(place.x))
        frames.append(Float(place.y))
      }
    }
    return frames
  }
}

/// A space of Chipmunk's with four walls, and all that was put into it.
private final class Space {
  private typealias World = PhysicalSystems.World
  let space: OpaquePointer
  private var bodies: [OpaquePointer] = []
  private var shapes: [OpaquePointer] = []
  private var constraints: [OpaquePointer] = []

  init() {
    guard let space = chipmunk_new_space() else { preconditionFailure("no memory for a space") }
    self.space = space
    // The default is twice the balls' radius.
    cpSpaceSetCollisionSlop(space, 1e-4)
    let reach = 1 + World.wallRadius
    let corners = [(-reach, -reach), (reach, -reach), (reach, reach), (-reach, reach)]
    for (index, corner) in corners.enumerated() {
      let next = corners[(index + 1) % corners.count]
      add(
        shape: cpSegmentShapeNew(
          cpSpaceGetStaticBody(space), cpv(corner.0, corner.1), cpv(next.0, next.1),
          World.wallRadius))
    }
  }

  deinit {
    for constraint in constraints {
      cpSpaceRemoveConstraint(space, constraint)
      cpConstraintFree(constraint)
    }
    for shape in shapes {
      cpSpaceRemoveShape(space, shape)
      cpShapeFree(shape)
    }
    for body in bodies {
      cpSpaceRemoveBody(space, body)
      cpBodyFree(body)
    }
    cpSpaceFree(space)
  }

  private func add(shape: OpaquePointer?) {
    guard let shape = cpSpaceAddShape(space, shape) else {
      preconditionFailure("no memory for a shape")
    }
    cpShapeSetElasticity(shape, 1)
    cpShapeSetFriction(shape, 0)
    shapes.append(shape)
  }

  func addBall(
    at place: PhysicalSystems.Vector, velocity: PhysicalSystems.Vector
  ) -> OpaquePointer {
    guard let body = cpSpaceAddBody(space, cpBodyNew(1, .infinity)) else {
      preconditionFailure("no memory for a body")
    }
    bodies.append(body)
    cpBodySetPosition(body, cpv(place.x, place.y))
    cpBodySetVelocity(body, cpv(velocity.x, velocity.y))
    add(shape: cpCircleShapeNew(body, World.ballRadius, cpv(0, 0)))
    return body
  }

  func addLink(
    _ kind: PhysicalSystems.LinkKind, from first: OpaquePointer, to second: OpaquePointer
  ) {
    let center = cpv(0, 0)
    let constraint: OpaquePointer?
    switch kind {
    case .none: return
    case .rigid: constraint = cpPinJointNew(first, second, center, center)
    case .spring:
      let (a, b) = (cpBodyGetPosition(first), cpBodyGetPosition(second))
      let (x, y) = (b.x - a.x, b.y - a.y)
      constraint = cpDampedSpringNew(
        first, second, center, center, (x * x + y * y).squareRoot(), World.stiffness, 0)
    }
    guard let added = cpSpaceAddConstraint(space, constraint) else {
      preconditionFailure("no memory for a link")
    }
    constraints.append(added)
  }
}
