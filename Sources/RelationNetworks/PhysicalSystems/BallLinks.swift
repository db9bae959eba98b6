// Which balls are linked, how, and how many systems that makes.

extension PhysicalSystems {
  /// What joins two balls.
  public enum LinkKind: UInt8, CaseIterable, Sendable {
    /// Nothing.
    case none
    /// A spring.
    case spring
    /// A rod that keeps their distance.
    case rigid

    /// The name, as metrics and predictions say it.
    var name: String {
      switch self {
      case .none: "none"
      case .spring: "spring"
      case .rigid: "rigid"
      }
    }
  }

  /// Two balls that are joined.
  struct Link: Hashable, Sendable {
    /// The ball with the smaller number.
    let first: Int
    /// The other.
    let second: Int
    /// By what; never `none`.
    var kind: LinkKind
  }

  /// All links of a scene: a symmetric matrix of kinds with `none` on its diagonal.
  public struct Links: Hashable, Sendable {
    /// The kinds, row by row, `[balls, balls]`.
    public private(set) var kinds: [LinkKind]

    /// The given links.
    init(_ links: [Link]) {
      kinds = [LinkKind](repeating: .none, count: ballCount * ballCount)
      for link in links {
        kinds[link.first * ballCount + link.second] = link.kind
        kinds[link.second * ballCount + link.first] = link.kind
      }
    }

    /// The links of a matrix that comes from elsewhere, row by row; `nil` if it is not symmetric or
    /// links a ball to itself.
    init?(kinds: [LinkKind]) {
      guard kinds.count == ballCount * ballCount else { return nil }
      for i in 0..<ballCount {
        guard kinds[i * ballCount + i] == .none else { return nil }
        for j in 0..<i where kinds[i * ballCount + j] != kinds[j * ballCount + i] { return nil }
      }
      self.kinds = kinds
    }

    /// What joins two balls.
    public subscript(first: Int, second: Int) -> LinkKind { kinds[first * ballCount + second] }

    /// The links, each once, in the order of the balls.
    var list: [Link] {
      (0..<ballCount).flatMap { first in
        (first + 1..<ballCount).compactMap { second in
          let kind = self[first, second]
          return kind == .none ? nil : Link(first: first, second: second, kind: kind)
        }
      }
    }

    /// The connected components, a ball without links being one: 1 to 10.
    public var systemCount: Int {
      var systems = Components(count: ballCount)
      for link in list { systems.join(link.first, link.second) }
      return systems.count
    }
  }

  /// The connected components of a growing graph.
  struct Components {
    /// How many there are.
    private(set) var count: Int
    private var parents: [Int]

    /// So many nodes, none of them connected.
    init(count: Int) {
      self.count = count
      parents = Array(0..<count)
    }

    private func root(of node: Int) -> Int {
      var node = node
      while parents[node] != node { node = parents[node] }
      return node
    }

    /// Whether two nodes are in one component.
    func areJoined(_ first: Int, _ second: Int) -> Bool { root(of: first) == root(of: second) }

    /// Makes one component of those of two nodes.
    mutating func join(_ first: Int, _ second: Int) {
      let (a, b) = (root(of: first), root(of: second))
      guard a != b else { return }
      parents[a] = b
      count -= 1
    }
  }
}
