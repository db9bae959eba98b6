// The parts of a model that training leaves as they are.

/// The parts of a model that training leaves as they are, by the beginnings of their names.
///
/// Within a frozen part parameters are constants, and batch normalisation uses and keeps the
/// running statistics, as in an evaluation: the part is a fixed function of what it is given.
public struct FrozenParameters: Hashable, Codable, Sendable, ExpressibleByArrayLiteral {
  /// The beginnings of names, each up to a dot or the end.
  public let prefixes: [String]

  /// Nothing is frozen.
  public static let none: FrozenParameters = []

  /// The parts whose names begin with one of the prefixes: `conv` freezes `conv` and
  /// `conv.0.weight`, and leaves `convolution.weight` alone.
  public init(_ prefixes: [String]) { self.prefixes = prefixes }

  /// The same as a literal: `["conv", "rn.g"]`.
  public init(arrayLiteral prefixes: String...) { self.init(prefixes) }

  /// Whether the parameter or statistic of this name is frozen.
  public func contains(_ name: String) -> Bool {
    prefixes.contains { name == $0 || name.hasPrefix($0 + ".") }
  }
}
