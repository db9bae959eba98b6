// The order of samples within an epoch, computed one element at a time.

/// A random permutation of `0..<count`, every element of which costs O(1) and no memory.
///
/// A Feistel network permutes the smallest square of a power of two that holds `count`; an index
/// that lands outside is sent through again until it lands inside ("cycle walking"), which keeps
/// the map one-to-one. So every sample is drawn exactly once in an epoch whoever draws it, and no
/// process stores or exchanges an order.
public struct RandomPermutation: Sendable {
  /// The number of elements permuted.
  public let count: Int
  private let halfBits: UInt32
  private let roundKeys: [UInt32]

  /// The permutation for `(seed, purpose, index)`; for sample order the index is the epoch.
  public init(count: Int, seed: UInt64, purpose: RandomPurpose = .sampleOrder, index: UInt64) {
    require(count > 0 && count <= 1 << 62, "permutation of \(count) elements")
    self.count = count
    let bits = max(2, Int.bitWidth - (count - 1).leadingZeroBitCount)
    halfBits = UInt32((bits + 1) / 2)
    var random = CounterRandom(seed: seed, purpose: purpose, index: index)
    roundKeys = (0..<6).map { _ in random.next32() }
  }

  /// The element at a position.
  public subscript(position: Int) -> Int {
    require(position >= 0 && position < count, "position \(position) of \(count)")
    var element = UInt64(position)
    repeat { element = encipher(element) } while element >= UInt64(count)
    return Int(element)
  }

  private func encipher(_ block: UInt64) -> UInt64 {
    let mask = (UInt64(1) << halfBits) - 1
    var left = block >> halfBits
    var right = block & mask
    for key in roundKeys {
      // The finaliser of MurmurHash3 over (half, key): enough mixing for an order of samples.
      var mixed = right ^ (UInt64(key) << 20) ^ UInt64(key)
      mixed = (mixed ^ (mixed >> 33)) &* 0xFF51_AFD7_ED55_8CCD
      mixed = (mixed ^ (mixed >> 33)) &* 0xC4CE_B9FE_1A85_EC53
      mixed ^= mixed >> 33
      (left, right) = (right, left ^ (mixed & mask))
    }
    return left << halfBits | right
  }
}
