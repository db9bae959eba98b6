// Random numbers that are a function of what they are for, not of what was drawn before.

import Glibc

/// What random numbers are for.
///
/// Two purposes never share a stream.
public struct RandomPurpose: RawRepresentable, Hashable, Sendable {
  /// The number that enters the key; unique within the program, and fixed for ever, because
  /// changing it changes every run.
  public let rawValue: UInt32

  /// A purpose with the given number.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The initial values of parameters; the index is the parameter's.
  public static let initialization = RandomPurpose(rawValue: 1)
  /// The order of samples; the index is the epoch.
  public static let sampleOrder = RandomPurpose(rawValue: 2)
  /// Dropout masks; the index is the step, the replica and the layer.
  public static let dropout = RandomPurpose(rawValue: 3)
  /// The content of generated data sets; the index is the split and the sample.
  public static let generation = RandomPurpose(rawValue: 4)
  /// Inputs made up for tests and benchmarks.
  public static let trial = RandomPurpose(rawValue: 5)
  /// What a task makes up beside its samples, such as augmentation; the index is the split, the
  /// step and the position in the mini-batch.
  public static let draw = RandomPurpose(rawValue: 6)
  /// Which replicas are computed twice, on which no bit depends; the index is the step and the
  /// replica.
  public static let audit = RandomPurpose(rawValue: 7)
}

/// A counter-based generator, Philox4x32-10 (Salmon and others, 2011, "Parallel random numbers: as
/// easy as 1, 2, 3"): the n-th number is a hash of (seed, purpose, stream, n).
///
/// Nothing needs to be saved or handed over for another process to draw the same numbers, which is
/// why everything random in a run comes from here.
public struct CounterRandom: RandomNumberGenerator, Sendable {
  private let key: (UInt32, UInt32)
  private let stream: (UInt32, UInt32, UInt32)
  private var block: UInt32 = 0
  private var buffer: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
  private var used = 4

  /// The numbers for `purpose` in a run with this seed.
  ///
  /// `index` and `subindex` tell streams apart: (step, replica), (split, sample), (parameter, 0).
  public init(seed: UInt64, purpose: RandomPurpose, index: UInt64, subindex: UInt32 = 0) {
    // The seed is the key; purpose, indices and block number fill the counter without overlapping,
    // so no two streams of one seed coincide.
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    stream = (
      UInt32(truncatingIfNeeded: index),
      UInt32(truncatingIfNeeded: index >> 32) ^ (purpose.rawValue << 24),
      subindex
    )
    require(index >> 56 == 0 && purpose.rawValue < 256, "random stream out of range")
  }

  /// The next 32 random bits.
  public mutating func next32() -> UInt32 {
    if used == 4 {
      buffer = Self.philox((block, stream.0, stream.1, stream.2), key: key)
      require(block < .max, "random stream exhausted")
      block += 1
      used = 0
    }
    defer { used += 1 }
    switch used {
    case 0: return buffer.0
    case 1: return buffer.1
    case 2: return buffer.2
    default: return buffer.3
    }
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    let low = UInt64(next32())
    return low | UInt64(next32()) << 32
  }

  /// A number from 0 up to but excluding 1, a multiple of 2⁻²⁴.
  public mutating func uniform() -> Float { Float(next32() >> 8) * 0x1p-24 }

  /// A number of the half-open range.
  public mutating func uniform(in range: Range<Float>) -> Float {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }

  /// A number of the normal distribution with mean 0 and deviation 1 (Box and Muller 1958).
  public mutating func normal() -> Float {
    // The pair's other number is not kept, so that every call draws two numbers and no state is
    // kept between calls. In double precision, the system's functions round to the same float.
    let radius = (-2 * log(Double(next32()) * 0x1p-32 + 0x1p-33)).squareRoot()
    return Float(radius * sin(2 * Double.pi * Double(next32()) * 0x1p-32))
  }

  /// A whole number from 0 up to but excluding `bound`, without bias (Lemire 2019).
  public mutating func integer(below bound: UInt32) -> UInt32 {
    require(bound > 0, "random: a whole number below 0")
    var product = UInt64(next32()) * UInt64(bound)
    if UInt32(truncatingIfNeeded: product) < bound {
      let threshold = (0 &- bound) % bound
      while UInt32(truncatingIfNeeded: product) < threshold {
        product = UInt64(next32()) * UInt64(bound)
      }
    }
    return UInt32(product >> 32)
  }

  /// Ten rounds of Philox4x32.
  static func philox(
    _ counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for _ in 0..<10 {
      let p0 = UInt64(0xD251_1F53) * UInt64(c0)
      let p1 = UInt64(0xCD9E_8D57) * UInt64(c2)
      (c0, c1, c2, c3) = (
        UInt32(truncatingIfNeeded: p1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: p1),
        UInt32(truncatingIfNeeded: p0 >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: p0)
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }
}
