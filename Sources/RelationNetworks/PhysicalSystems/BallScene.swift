// How a scene begins: where ten balls lie, how they move, and what joins them.

import Learning
import Tensors

extension PhysicalSystems {
  /// A place or a velocity in the plane; half the table is 1.
  struct Vector: Hashable, Sendable {
    var x: Double
    var y: Double

    static func + (a: Vector, b: Vector) -> Vector { Vector(x: a.x + b.x, y: a.y + b.y) }
    static func - (a: Vector, b: Vector) -> Vector { Vector(x: a.x - b.x, y: a.y - b.y) }
    static func * (a: Double, b: Vector) -> Vector { Vector(x: a * b.x, y: a * b.y) }
    /// The inner product.
    func dot(_ other: Vector) -> Double { x * other.x + y * other.y }
    /// The length.
    var length: Double { dot(self).squareRoot() }
  }

  /// The beginning of a scene.
  ///
  /// Drawn by additions, multiplications, divisions and square roots alone, whose results are the
  /// same with every mathematical library.
  struct Scene: Hashable, Sendable {
    /// Where each ball lies at time 0.
    let positions: [Vector]
    /// How each moves at time 0, as far as the rigid links permit.
    let velocities: [Vector]
    /// What joins them.
    let links: Links
    /// The colour of each ball, all different, by its number in the palette.
    let colors: [Int]

    /// Scene number `index` of a split: a function of the three arguments and nothing else.
    init(seed: UInt64, split: Split, index: Int) {
      precondition(index >= 0 && index < 1 << 40, "scene \(index)")
      var random = CounterRandom(
        seed: seed, purpose: .generation, index: UInt64(split.code) << 40 | UInt64(index))
      positions = Self.drawPositions(&random)
      let free = (0..<ballCount).map { _ in Self.drawVelocity(&random) }
      let pairs = Self.drawPairs(&random)
      let links = Self.drawKinds(of: pairs, &random)
      self.links = Links(links)
      velocities = Self.permitted(
        free, at: positions, by: links.filter { $0.kind == .rigid })
      colors = random.shuffled(Array(0..<ballCount))
    }

    private static func drawPositions(_ random: inout CounterRandom) -> [Vector] {
      var positions: [Vector] = []
      while positions.count < ballCount {
        let place = Vector(
          x: random.double(in: -0.9..<0.9), y: random.double(in: -0.9..<0.9))
        // Nine balls bar at most a fifth of the table, so this ends soon.
        if positions.allSatisfy({ ($0 - place).length >= 0.15 }) { positions.append(place) }
      }
      return positions
    }

    /// A direction without sines: that of a point of the disc, each direction being as likely.
    private static func drawVelocity(_ random: inout CounterRandom) -> Vector {
      var point: Vector
      repeat {
        point = Vector(x: random.double(in: -1..<1), y: random.double(in: -1..<1))
      } while point.length > 1 || point.length < 1e-3
      return (random.double(in: 0.3..<0.9) / point.length) * point
    }

    /// The pairs that are linked, of a number of systems that is uniform in 1 to 10.
    ///
    /// Pairs are gone through in random order until there are so few systems: a pair of two systems
    /// is linked, and a pair within one system with probability 1/4.
    private static func drawPairs(_ random: inout CounterRandom) -> [(Int, Int)] {
      let systemCount = 1 + Int(random.integer(below: UInt32(ballCount)))
      let pairs = (0..<ballCount).flatMap { i in (i + 1..<ballCount).map { (i, $0) } }
      var systems = Components(count: ballCount)
      var linked: [(Int, Int)] = []
      for (i, j) in random.shuffled(pairs) where systems.count > systemCount {
        if !systems.areJoined(i, j) || random.integer(below: 4) == 0 { linked.append((i, j)) }
        systems.join(i, j)
      }
      return linked
    }

    /// Half of the links are rigid, in a random order and without rings of rigid links alone, which
    /// would hold pairs at a distance that nothing joins.
    private static func drawKinds(
      of pairs: [(Int, Int)], _ random: inout CounterRandom
    ) -> [Link] {
      let half = pairs.count / 2
      var rigidLeft = pairs.count % 2 == 1 && random.integer(below: 2) == 1 ? half + 1 : half
      var rods = Components(count: ballCount)
      return random.shuffled(pairs).map { i, j in
        guard rigidLeft > 0, !rods.areJoined(i, j) else {
          return Link(first: i, second: j, kind: .spring)
        }
        rods.join(i, j)
        rigidLeft -= 1
        return Link(first: i, second: j, kind: .rigid)
      }
    }
  }
}

extension PhysicalSystems.Scene {
  /// The velocities nearest to the given ones (least squares) that change no rigid link's length.
  ///
  /// With J a row for each link, which takes the velocities to the speed at which its balls part,
  /// that is v - Jᵀ (J Jᵀ)⁻¹ J v. Rigid links close no ring, so the rows are independent and
  /// elimination needs no other order of them.
  private static func permitted(
    _ velocities: [PhysicalSystems.Vector], at positions: [PhysicalSystems.Vector],
    by links: [PhysicalSystems.Link]
  ) -> [PhysicalSystems.Vector] {
    let directions = links.map { link in
      let way = positions[link.second] - positions[link.first]
      return (1 / way.length) * way
    }
    // J Jᵀ and J v, side by side.
    var rows = links.indices.map { a in
      var row = links.indices.map { b -> Double in
        let along = directions[a].dot(directions[b])
        let (one, other) = (links[a], links[b])
        var sum = 0.0
        if one.first == other.first { sum += along }
        if one.second == other.second { sum += along }
        if one.first == other.second || one.second == other.first { sum -= along }
        return sum
      }
      row.append(directions[a].dot(velocities[links[a].second] - velocities[links[a].first]))
      return row
    }
    for pivot in rows.indices {
      for row in rows.indices where row != pivot {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        for column in pivot...rows.count { rows[row][column] -= factor * rows[pivot][column] }
      }
    }
    var permitted = velocities
    for (index, link) in links.enumerated() {
      let impulse = (rows[index][rows.count] / rows[index][index]) * directions[index]
      permitted[link.first] = permitted[link.first] + impulse
      permitted[link.second] = permitted[link.second] - impulse
    }
    return permitted
  }
}

extension CounterRandom {
  /// A number of the half-open range, of 32 random bits.
  fileprivate mutating func double(in range: Range<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * (Double(next32()) * 0x1p-32)
  }

  /// The elements in a random order (Fisher and Yates).
  mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var elements = elements
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, Int(integer(below: UInt32(last + 1))))
    }
    return elements
  }
}
