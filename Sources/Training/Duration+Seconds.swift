// Times as numbers.

extension Duration {
  /// The time in seconds.
  public var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
